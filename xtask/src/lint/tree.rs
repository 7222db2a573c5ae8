//! The files of the tree as git knows them: tracked, or new and not ignored.

use crate::process;
use crate::workspace::Workspace;
use anyhow::Result;
use std::fs;

/// A file that is text.
pub(super) struct TextFile {
    /// Path from the workspace.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
}

/// All text files of the tree.
pub(super) struct Tree {
    /// In git's order.
    pub(super) texts: Vec<TextFile>,
}

impl Tree {
    /// Reads the tree. Files that are not UTF-8 are no text and left out, as are files that were deleted.
    ///
    /// # Errors
    /// A folder that is no git work tree.
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut git = workspace.git();
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let paths = process::capture(&mut git)?;
        let texts = paths.split('\0').filter(|path| !path.is_empty()).filter_map(|path| {
            let text = fs::read_to_string(workspace.root.join(path)).ok()?;
            Some(TextFile { path: path.to_owned(), text })
        });
        Ok(Self { texts: texts.collect() })
    }
}
