//! Files of a test's own below the temporary folder, removed at its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file or folder that goes when this value goes.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A name that no other test of any process uses; nothing is created.
    #[must_use]
    pub fn name(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("edge-test-{}-{count}-{what}", std::process::id())))
    }

    /// An empty folder.
    pub fn folder(what: &str) -> io::Result<Self> {
        let scratch = Self::name(what);
        fs::create_dir_all(&scratch.0)?;
        Ok(scratch)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What remains is only space; there is no one to tell.
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays() {
        let (folder, file) = (Scratch::folder("scratch").unwrap(), Scratch::name("scratch"));
        fs::write(folder.path().join("x"), "").unwrap();
        fs::write(file.path(), "").unwrap();
        let paths = [folder.path().to_owned(), file.path().to_owned()];
        assert_ne!(paths[0], paths[1]);
        drop((folder, file));
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
