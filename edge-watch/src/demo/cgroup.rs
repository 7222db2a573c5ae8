//! A cgroup of the demo's own: the agent sees nothing outside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::DemoError;

/// A cgroup2 directory. Dropping it removes it, if all processes in it have ended.
#[derive(Debug)]
pub(super) struct Cgroup {
    /// The directory.
    path: PathBuf,
}

impl Cgroup {
    /// Makes the directory below a mount.
    pub(super) fn create(mount: &Path, name: &str) -> Result<Self, DemoError> {
        let path = mount.join(name);
        fs::create_dir(&path).map_err(DemoError::io(format!("making the cgroup {}", path.display())))?;
        Ok(Self { path })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves a process into it.
    pub(super) fn admit(&self, tgid: u32) -> Result<(), DemoError> {
        let what = format!("moving process {tgid} into {}", self.path.display());
        fs::write(self.path.join("cgroup.procs"), tgid.to_string()).map_err(DemoError::io(what))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // There is nobody to tell; an empty cgroup left behind harms nothing.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Where a cgroup2 file system is mounted.
pub(super) fn mount() -> Result<PathBuf, DemoError> {
    let mounts =
        fs::read_to_string("/proc/self/mounts").map_err(DemoError::io("reading /proc/self/mounts"))?;
    find(&mounts).map(PathBuf::from).ok_or(DemoError::Cgroup)
}

/// The first mount point of type cgroup2.
fn find(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then_some(point)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_among_its_older_siblings() {
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        assert_eq!(find(hybrid), Some("/sys/fs/cgroup/unified"));
        assert_eq!(find("cgroup2 /x tmpfs rw 0 0\n"), None);
        assert_eq!(find("broken"), None);
    }
}
