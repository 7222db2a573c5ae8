//! What is known of a program by the list of what the image is made of.

/// What the list says of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whether its file is in it; `None` when that cannot be told.
    pub file: Option<bool>,
    /// Whether the path it was executed by is in it.
    pub path: bool,
}
