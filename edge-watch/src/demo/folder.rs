//! The folder of the demo: the files to attack, and what became of them.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::DemoError;

/// The file that makes a folder one that may be attacked.
pub(super) const MARKER: &str = ".edge-watch-demo";
/// What it says.
pub(super) const MARK: &str = "made by edge-watch demo; everything beside this file may be encrypted\n";
/// Length of each file, in bytes.
const LENGTH: usize = 4096;

/// A folder below the system's temporary one, for root alone. Dropping it removes it with all it holds.
#[derive(Debug)]
pub(super) struct Folder {
    /// The folder.
    path: PathBuf,
    /// Number of files.
    count: u32,
}

impl Folder {
    /// Makes the folder, which must not exist, and its files.
    pub(super) fn create(name: &str, count: u32) -> Result<Self, DemoError> {
        let path = std::env::temp_dir().join(name);
        // Only the last level: a name that someone else took must not be followed.
        let make = |path: &Path| {
            DirBuilder::new()
                .mode(0o700)
                .create(path)
                .map_err(DemoError::io(format!("making {}", path.display())))
        };
        make(&path)?;
        let folder = Self { path, count };
        let files = folder.files();
        make(&files)?;
        let write = |name: &str, content: &[u8]| {
            let path = files.join(name);
            fs::write(&path, content).map_err(DemoError::io(format!("writing {}", path.display())))
        };
        write(MARKER, MARK.as_bytes())?;
        for index in 0..count {
            write(&name_of(index), &content(index))?;
        }
        Ok(folder)
    }

    /// The folder, which also holds the agent's files.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that is attacked.
    pub(super) fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// How many files are no longer what they were, where they were.
    pub(super) fn lost(&self) -> Result<u32, DemoError> {
        let files = self.files();
        let mut lost = 0;
        for index in 0..self.count {
            let path = files.join(name_of(index));
            let intact = match fs::read(&path) {
                Ok(bytes) => bytes == content(index),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(source) => {
                    return Err(DemoError::Io { what: format!("reading {}", path.display()), source });
                }
            };
            lost += u32::from(!intact);
        }
        Ok(lost)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // There is nobody to tell; the system's temporary folder is swept by others.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A file's name.
pub(super) fn name_of(index: u32) -> String {
    format!("note-{index:05}.txt")
}

/// A file's content: plain text, a little different in each.
fn content(index: u32) -> Vec<u8> {
    let line = format!("note {index}: the boiler was read, the valves are closed, nothing else to tell\n");
    line.bytes().cycle().take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_are_those_changed_moved_or_gone() {
        let name = format!("edge-demo-test-folder-{}", std::process::id());
        let folder = Folder::create(&name, 5).unwrap();
        assert_eq!(folder.lost(), Ok(0));
        let file = |index| folder.files().join(name_of(index));
        fs::remove_file(file(0)).unwrap();
        fs::rename(file(1), file(1).with_extension("locked")).unwrap();
        fs::write(file(2), b"").unwrap();
        assert_eq!(folder.lost(), Ok(3));
        let path = folder.path().to_owned();
        assert!(Folder::create(&name, 1).is_err(), "a folder that exists is not ours");
        drop(folder);
        assert!(!path.exists());
    }
}
