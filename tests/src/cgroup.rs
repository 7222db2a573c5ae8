//! A cgroup of a test's own on this machine: the agent watches nothing outside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Why a cgroup could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No cgroup2 file system is mounted.
    #[error("no cgroup2 file system is mounted on this machine")]
    NotMounted,
    /// Its folder could not be made: the test does not run as root, or the file system is read-only.
    #[error("cgroup {} cannot be made; these tests need root", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// A cgroup. It goes when this value goes; its processes must have ended by then.
#[derive(Debug)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes an empty cgroup below the root of the cgroup2 file system.
    pub fn new() -> Result<Self, CgroupError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let root = mount_point(&mounts).ok_or(CgroupError::NotMounted)?;
        let name = format!("edge-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(root).join(name);
        fs::create_dir(&path).map_err(|source| CgroupError::Make { path: path.clone(), source })?;
        Ok(Self(path))
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A command that runs `script` in a shell inside the cgroup.
    #[must_use]
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        let procs = self.0.join("cgroup.procs");
        command.arg("-c").arg(format!("echo $$ >'{}' && {script}", procs.display()));
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A cgroup that still has processes stays; there is no one to tell.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Where cgroup2 is mounted, by the kernel's list of mounts.
fn mount_point(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then_some(point)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_by_its_kind() {
        let mounts =
            "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_point(mounts), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point("proc /proc proc rw 0 0\n"), None);
    }
}
