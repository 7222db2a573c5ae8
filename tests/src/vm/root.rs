//! A root file system in the making: a folder that becomes the first disk of a guest.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::error::VmError;
use super::kernels::busybox_path;
use super::{Arch, Disk, Kernel, PackageFiles, Placed, fetch_kernels};
use crate::Scratch;
use crate::tool::Tool;

/// A folder of the host, laid out as the root of a guest and removed at the end.
#[derive(Debug)]
pub struct Root(Scratch);

impl Root {
    /// An empty one.
    pub fn empty() -> Result<Self, VmError> {
        let scratch = Scratch::name("root");
        fs::create_dir_all(scratch.path()).map_err(VmError::file("creating", scratch.path()))?;
        Ok(Self(scratch))
    }

    /// Makes a folder, and those above it.
    pub fn folder(&self, path: &str, permissions: u32) -> Result<&Self, VmError> {
        let place = self.place(path);
        fs::create_dir_all(&place).map_err(VmError::file("creating", &place))?;
        self.permit(&place, permissions)
    }

    /// Writes a file.
    pub fn file(&self, path: &str, permissions: u32, content: &[u8]) -> Result<&Self, VmError> {
        let place = self.place(path);
        self.parent(&place)?;
        fs::write(&place, content).map_err(VmError::file("writing", &place))?;
        self.permit(&place, permissions)
    }

    /// Makes a link that leads to `target`; an older file of this name goes.
    pub fn link(&self, path: &str, target: &str) -> Result<&Self, VmError> {
        let place = self.place(path);
        self.parent(&place)?;
        // What is not there need not go.
        let _ = fs::remove_file(&place);
        symlink(target, &place).map_err(VmError::file("linking", &place))?;
        Ok(self)
    }

    /// Puts a program of the host there.
    pub fn program(&self, host: &Path, path: &str) -> Result<&Self, VmError> {
        let content = fs::read(host).map_err(VmError::file("reading", host))?;
        self.file(path, 0o755, &content)
    }

    /// Adds the static `BusyBox` of an architecture as `/bin/busybox`, and a link to it for each of these paths.
    pub fn busybox(&self, arch: Arch, applets: &[&str]) -> Result<&Self, VmError> {
        // It comes with the kernels.
        fetch_kernels(&[(arch, Kernel::V6_12)], &mut |_| ())?;
        self.program(&busybox_path(&crate::cache_dir(), arch), "/bin/busybox")?;
        for path in applets {
            self.link(path, "/bin/busybox")?;
        }
        Ok(self)
    }

    /// Adds the programs, configuration and libraries of packages.
    pub fn programs_of(&self, packages: &PackageFiles) -> Result<&Self, VmError> {
        for Placed { path, permissions, content } in packages.placed()? {
            self.file(&path, permissions, &content)?;
        }
        Ok(self)
    }

    /// Adds all that packages hold, as it is but with one `/usr`, and without documentation and translations.
    pub fn all_of(&self, packages: &PackageFiles) -> Result<&Self, VmError> {
        let tool = Tool { program: "cp", package: "coreutils" };
        for (from, to) in [
            ("usr", "usr"),
            ("bin", "usr/bin"),
            ("sbin", "usr/sbin"),
            ("lib", "usr/lib"),
            ("etc", "etc"),
            ("var", "var"),
        ] {
            let from = packages.tree().join(from);
            if !from.is_dir() {
                continue;
            }
            self.folder(to, 0o755)?;
            let mut command = tool.command(["-a", "--no-preserve=ownership"]);
            tool.output(command.arg(from.join(".")).arg(self.place(to)))?;
        }
        for name in ["bin", "sbin", "lib"] {
            self.link(name, &format!("usr/{name}"))?;
        }
        for path in ["doc", "man", "locale", "lintian", "bash-completion", "zsh"] {
            // What is not there need not go.
            let _ = fs::remove_dir_all(self.place(&format!("usr/share/{path}")));
        }
        Ok(self)
    }

    /// Whether something of that name is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.place(path).symlink_metadata().is_ok()
    }

    /// The bytes of the files below a path.
    pub fn bytes(&self, path: &str) -> Result<u64, VmError> {
        let place = self.place(path);
        let known = fs::symlink_metadata(&place).map_err(VmError::file("reading", &place))?;
        if !known.is_dir() {
            return Ok(known.len());
        }
        let mut sum = 0;
        for entry in fs::read_dir(&place).map_err(VmError::file("listing", &place))? {
            let entry = entry.map_err(VmError::file("listing", &place))?;
            sum += self.bytes(&format!("{path}/{}", entry.file_name().to_string_lossy()))?;
        }
        Ok(sum)
    }

    /// An archive that holds what lies below `path`, as a package does: a packed tar.
    pub fn archive(&self, path: &str) -> Result<Vec<u8>, VmError> {
        let tool = Tool { program: "tar", package: "tar" };
        Ok(tool
            .output(tool.command(["--owner=0", "--group=0", "-cz", "-C"]).arg(self.place(path)).arg("."))?)
    }

    /// An ext4 of so many MiB that holds it.
    pub fn disk(&self, mib: u64) -> Result<Disk, VmError> {
        Disk::of(self.0.path(), mib)
    }

    /// Where the host has it.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the host has a path of the guest.
    fn place(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    /// Makes the folders above a place.
    fn parent(&self, place: &Path) -> Result<&Self, VmError> {
        let parent = place.parent().unwrap_or_else(|| self.0.path());
        fs::create_dir_all(parent).map_err(VmError::file("creating", parent))?;
        Ok(self)
    }

    /// Sets permissions.
    fn permit(&self, place: &Path, permissions: u32) -> Result<&Self, VmError> {
        let permissions = fs::Permissions::from_mode(permissions);
        fs::set_permissions(place, permissions).map_err(VmError::file("changing", place))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_out_is_weighed_and_packed() {
        let root = Root::empty().unwrap();
        root.folder("/tmp", 0o1777).unwrap().file("/etc/a/b", 0o640, b"12345").unwrap();
        root.file("/etc/c", 0o644, b"123").unwrap().link("/etc/c", "a/b").unwrap();
        assert_eq!(root.bytes("/etc/a").unwrap(), 5);
        assert_eq!(fs::read_link(root.path().join("etc/c")).unwrap(), Path::new("a/b"));
        let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("tmp"), mode("etc/a/b")), (0o1777, 0o640));
        let disk = root.disk(8).unwrap();
        assert_eq!(fs::metadata(disk.path()).unwrap().len(), 8 << 20);
    }
}
