//! A guest's root file system: `BusyBox`, the network driver, an init script; and, as a second archive, the files under
//! test. The first is cached by its content, so that a new build of the agent only writes the second.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::error::VmError;
use super::kernels::{KernelFiles, busybox_path};

/// What the first process of a guest is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum First {
    /// A shell of the harness, in this very file system.
    Harness,
    /// `/sbin/init` of the first disk, once its modules are loaded.
    Disk,
}

impl First {
    /// The script that the kernel starts.
    const fn script(self) -> &'static str {
        match self {
            Self::Harness => include_str!("init.sh"),
            Self::Disk => include_str!("switch.sh"),
        }
    }
}

/// A file put into a guest.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Absolute path in the guest.
    pub path: String,
    /// Permission bits.
    pub permissions: u32,
    /// Content.
    pub content: Vec<u8>,
}

/// Writes the initramfs for a kernel with the files under test to `target`.
pub(super) fn write(
    kernel: &KernelFiles,
    first: First,
    placed: &[Placed],
    target: &Path,
) -> Result<(), VmError> {
    let mut image = base(kernel, first.script())?;
    let mut overlay = Archive::default();
    for file in placed {
        overlay.file(file.path.trim_start_matches('/'), file.permissions, &file.content);
    }
    image.extend_from_slice(&overlay.finish());
    fs::write(target, image).map_err(VmError::file("writing", target))
}

/// The part that is the same for every guest of a kernel.
fn base(kernel: &KernelFiles, init: &str) -> Result<Vec<u8>, VmError> {
    let cache = crate::cache_dir();
    let busybox = busybox_path(&cache, kernel.arch);
    let modules = kernel.modules()?;
    let mut inputs = vec![read(&busybox)?];
    for path in &modules {
        inputs.push(read(path)?);
    }
    let mut hasher = DefaultHasher::new();
    (init, &inputs, &modules).hash(&mut hasher);
    let folder = cache.join("initramfs");
    let path = folder.join(format!("{}-{}-{:016x}.cpio", kernel.arch, kernel.kernel, hasher.finish()));
    if let Ok(bytes) = fs::read(&path) {
        return Ok(bytes);
    }
    let bytes = build(init, &inputs, &modules);
    fs::create_dir_all(&folder).map_err(VmError::file("creating", &folder))?;
    let unfinished = path.with_extension(format!("{}", std::process::id()));
    fs::write(&unfinished, &bytes).map_err(VmError::file("writing", &unfinished))?;
    fs::rename(&unfinished, &path).map_err(VmError::file("placing", &path))?;
    Ok(bytes)
}

/// Lays out the base archive from `BusyBox` (first of `inputs`) and the modules (the rest).
fn build(init: &str, inputs: &[Vec<u8>], modules: &[PathBuf]) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.device("dev/console", 5, 1);
    for folder in ["proc", "sys", "tmp", "run", "var/tmp", "var/log", "data", "etc", "root", "usr/bin", "new"]
    {
        archive.folder(folder);
    }
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
    archive.file("etc/group", 0o644, b"root:x:0:\nadm:x:4:\nnogroup:x:65534:\n");
    archive.file("init", 0o755, init.as_bytes());
    archive.symlink("bin/sh", "busybox");
    let names = modules.iter().filter_map(|path| path.file_name()?.to_str());
    let mut contents = inputs.iter();
    if let Some(busybox) = contents.next() {
        archive.file("bin/busybox", 0o755, busybox);
    }
    for (name, content) in names.zip(contents) {
        archive.file(&format!("modules/{name}"), 0o644, content);
    }
    archive.finish()
}

/// Reads a whole file.
fn read(path: &Path) -> Result<Vec<u8>, VmError> {
    fs::read(path).map_err(VmError::file("reading", path))
}
