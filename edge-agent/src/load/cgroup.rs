//! The cgroup2 hierarchy: where it is, and how the kernel names a directory of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A cgroup2 directory.
#[derive(Debug)]
pub(super) struct Cgroup {
    /// Opened, to attach programs to.
    pub directory: File,
    /// The kernel's id of it.
    pub id: u64,
    /// Levels below the mount point: 0 is the root.
    pub depth: u32,
}

impl Cgroup {
    /// Opens `path`, which must lie in the hierarchy mounted at `mount`; the root itself when `path` is empty.
    pub(super) fn open(mount: &Path, path: &str) -> io::Result<Self> {
        let path = if path.is_empty() { mount.to_path_buf() } else { fs::canonicalize(path)? };
        let below = path.strip_prefix(mount).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        let depth = below.components().count() as u32;
        let directory = File::open(&path)?;
        let id = super::sys::cgroup_id(&directory)?;
        Ok(Self { directory, id, depth })
    }
}

/// Finds the mount point of cgroup2.
pub(super) fn find() -> Option<PathBuf> {
    find_in(&fs::read_to_string("/proc/self/mounts").ok()?)
}

/// Finds the first cgroup2 mount in the text of a mount table.
#[must_use]
pub(super) fn find_in(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, mount, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| unescape(mount))
    })
}

/// The mount table writes blanks and backslashes as three octal digits.
pub(super) fn unescape(field: &str) -> PathBuf {
    let mut path = String::new();
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        let (before, escaped) = rest.split_at(at);
        path.push_str(before);
        let byte = escaped.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.map_or('\\', char::from));
        rest = escaped.get(if byte.is_some() { 4 } else { 1 }..).unwrap_or_default();
    }
    path.push_str(rest);
    PathBuf::from(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_unified_hierarchy() {
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        assert_eq!(find_in(hybrid), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(find_in("none /my\\040groups cgroup2 rw 0 0"), Some(PathBuf::from("/my groups")));
        assert_eq!(find_in("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\nbroken"), None);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(find_in("x /a\\9 cgroup2 rw 0 0"), Some(PathBuf::from("/a\\9")));
        assert_eq!(find_in("x /a\\ cgroup2 rw 0 0"), Some(PathBuf::from("/a\\")));
    }
}
