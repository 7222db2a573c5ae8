//! A disk for a guest, which outlives it.

use std::fs::File;
use std::path::Path;

use super::error::VmError;
use crate::Scratch;
use crate::tool::Tool;

/// A file of the host with a file system in it, removed at the end.
#[derive(Debug)]
pub struct Disk(Scratch);

impl Disk {
    /// An ext4 of so many MiB, with its journal and its barriers as they are by default.
    pub fn ext4(mib: u64) -> Result<Self, VmError> {
        let file = Scratch::name("disk.ext4");
        let made = File::create(file.path()).and_then(|made| made.set_len(mib << 20));
        made.map_err(VmError::file("creating", file.path()))?;
        let tool = Tool { program: "mke2fs", package: "e2fsprogs" };
        tool.output(tool.command(["-q", "-F", "-t", "ext4"]).arg(file.path()))?;
        Ok(Self(file))
    }

    /// The same, holding what `folder` holds. Its files keep modes and owners, so that root makes it.
    pub fn of(folder: &Path, mib: u64) -> Result<Self, VmError> {
        let file = Scratch::name("root.ext4");
        let tool = Tool { program: "mke2fs", package: "e2fsprogs" };
        let mut command = tool.command(["-q", "-F", "-t", "ext4", "-d"]);
        tool.output(command.arg(folder).arg(file.path()).arg(format!("{mib}M")))?;
        Ok(Self(file))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
