//! What is wrong with a manifest, by field, value, limit and place.

use core::fmt;

use crate::PathFault;

/// Why a manifest cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A field's value is outside its limits.
    Field {
        /// Which field.
        field: &'static str,
        /// Its first byte, from the beginning.
        at: usize,
        /// What it holds.
        value: u64,
        /// The largest value it may have.
        limit: u64,
    },
    /// Does not begin as manifests do.
    Magic,
    /// A number takes more bytes than it needs, or more than it may have.
    Number {
        /// Which field.
        field: &'static str,
        /// Its first byte.
        at: usize,
        /// Most bits it may have.
        limit: u32,
    },
    /// An item does not come after the one before it, or the path of an entry shares more with that than is stated.
    Order {
        /// What the item is.
        field: &'static str,
        /// Its first byte.
        at: usize,
        /// Which of them, from 0.
        item: usize,
    },
    /// A path is none that a manifest may hold.
    Path {
        /// Which field.
        field: &'static str,
        /// Its first byte.
        at: usize,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Damaged, or not whole.
    Seal {
        /// Where the seal should be.
        at: usize,
    },
    /// Larger than [`crate::MAX_BYTES`].
    Size {
        /// Bytes there are.
        value: usize,
        /// Bytes there may be.
        limit: usize,
    },
    /// There are bytes between the last entry and the seal.
    Surplus {
        /// The first of them.
        at: usize,
        /// How many.
        value: usize,
    },
    /// A text is not UTF-8.
    Text {
        /// Which field.
        field: &'static str,
        /// Its first byte.
        at: usize,
    },
    /// The manifest ends before a field does.
    Truncated {
        /// Which field.
        field: &'static str,
        /// Its first byte.
        at: usize,
        /// Bytes it needs.
        need: usize,
        /// Where it must end.
        end: usize,
    },
    /// A field holds what is not known.
    Unknown {
        /// Which field.
        field: &'static str,
        /// Where it is.
        at: usize,
        /// What it holds.
        value: u8,
        /// What is known.
        known: &'static str,
    },
    /// A version that is not known.
    Version {
        /// The version found.
        value: u8,
        /// The version known.
        known: u8,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, at, value, limit } => {
                write!(f, "{field} at byte {at} is {value}, at most {limit} is possible")
            }
            Self::Magic => f.write_str("is no manifest: it does not begin with EDGM"),
            Self::Number { field, at, limit } => {
                write!(f, "{field} at byte {at} is not the shortest form of a number of at most {limit} bits")
            }
            Self::Order { field, at, item } => {
                write!(f, "{field} {item} at byte {at} does not come after the one before it")
            }
            Self::Path { field, at, fault } => write!(f, "{field} at byte {at} {fault}"),
            Self::Seal { at } => {
                write!(
                    f,
                    "seal at byte {at} is not that of the bytes before it: the file is damaged or not whole"
                )
            }
            Self::Size { value, limit } => write!(f, "size is {value} bytes, at most {limit} are possible"),
            Self::Surplus { at, value } => {
                write!(f, "{value} bytes at byte {at}, after the last entry, are none of the manifest's")
            }
            Self::Text { field, at } => write!(f, "{field} at byte {at} is not UTF-8"),
            Self::Truncated { field, at, need, end } => {
                write!(f, "{field} at byte {at} needs {need} bytes, but ends at byte {end}")
            }
            Self::Unknown { field, at, value, known } => {
                write!(f, "{field} at byte {at} is {value}, known is {known}")
            }
            Self::Version { value, known } => write!(f, "version is {value}, {known} is known"),
        }
    }
}

impl core::error::Error for Error {}
