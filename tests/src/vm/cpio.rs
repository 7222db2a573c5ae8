//! A writer for the `newc` cpio format, which the kernel unpacks as its first root file system.
//!
//! Written here rather than with the `cpio` program, so that device nodes need no root, owners and times do not depend
//! on the machine, and equal content gives equal bytes (the cache is keyed by them).

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Bit of `mode` that marks a directory.
const DIRECTORY: u32 = 0o040_000;
/// Bits of `mode` that mark a regular file.
const FILE: u32 = 0o100_000;
/// Bits of `mode` that mark a symbolic link.
const SYMLINK: u32 = 0o120_000;
/// Bits of `mode` that mark a character device.
const CHARACTER: u32 = 0o020_000;

/// An archive being written. Missing parent folders are added on the way.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// The bytes so far.
    bytes: Vec<u8>,
    /// Inode number of the next entry; the kernel only needs them distinct.
    next_inode: u32,
    /// Folders already written, so that each stands once.
    folders: BTreeSet<String>,
}

impl Archive {
    /// Adds a folder and its missing parents. `path` is relative to the root, without a leading slash.
    pub(super) fn folder(&mut self, path: &str) {
        if path.is_empty() || !self.folders.insert(path.to_owned()) {
            return;
        }
        self.parents(path);
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// Adds a regular file.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) {
        self.parents(path);
        self.entry(path, FILE | (permissions & 0o7777), (0, 0), content);
    }

    /// Adds a symbolic link to `target`.
    pub(super) fn symlink(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.entry(path, SYMLINK | 0o777, (0, 0), target.as_bytes());
    }

    /// Adds a character device.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.parents(path);
        self.entry(path, CHARACTER | 0o600, (major, minor), &[]);
    }

    /// Ends the archive and pads it to 512 bytes, so that another one may follow it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self.bytes
    }

    /// Adds the folder that `path` lies in.
    fn parents(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
    }

    /// Writes one entry: header, name and content, each padded to four bytes.
    fn entry(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
        self.next_inode += 1;
        let links = if mode & DIRECTORY != 0 { 2 } else { 1 };
        let fields = [
            self.next_inode,
            mode,
            0, // uid
            0, // gid
            links,
            0, // mtime
            content.len() as u32,
            0, // device of the archive, major
            0, // and minor
            major,
            minor,
            name.len() as u32 + 1,
            0, // checksum: unused in newc
        ];
        let mut header = String::from("070701");
        for field in fields {
            // Writing to a String cannot fail.
            let _ = write!(header, "{field:08x}");
        }
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    /// Pads to four bytes.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn the_cpio_program_lists_what_was_written() {
        let mut archive = Archive::default();
        archive.file("usr/bin/agent", 0o755, b"12345");
        archive.symlink("bin/sh", "busybox");
        archive.device("dev/console", 5, 1);
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 512, 0);

        let mut cpio = Command::new("cpio")
            .arg("-itv")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        cpio.stdin.take().unwrap().write_all(&bytes).unwrap();
        let listing = String::from_utf8(cpio.wait_with_output().unwrap().stdout).unwrap();
        let names: Vec<&str> = listing.lines().filter_map(|line| line.split_whitespace().nth(8)).collect();
        assert!(listing.starts_with("drwxr-xr-x"), "{listing}");
        assert_eq!(names.first(), Some(&"usr"));
        assert!(listing.contains("-rwxr-xr-x   1 root     root            5"), "{listing}");
        assert!(listing.contains("bin/sh -> busybox"), "{listing}");
        assert!(listing.contains("5,   1"), "{listing}");
    }

    #[test]
    fn equal_content_gives_equal_bytes() {
        let build = || {
            let mut archive = Archive::default();
            archive.folder("a/b");
            archive.file("a/b/c", 0o644, b"x");
            archive.finish()
        };
        assert_eq!(build(), build());
    }
}
