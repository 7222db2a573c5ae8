//! Kernel modules a guest needs, in the order in which they must be loaded.
//!
//! Debian's packages ship no `modules.dep` (it is made at installation), so the dependencies are read from where they
//! come from: the `depends=` entry that the build leaves in each module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::VmError;
use crate::tool::Tool;

/// The modules every guest loads: the transport of QEMU's `virt` machine and the network card on it; what attacks use and gateways have,
/// nftables and overlayfs. Checksums come before nftables, whose module needs them without saying so. Those built into the kernel, or absent
/// because they are, are left out.
pub(super) const WANTED: [&str; 5] = ["virtio_mmio", "virtio_net", "crc32c_generic", "nf_tables", "overlay"];

/// What a guest with a disk loads besides.
pub(super) const FOR_DISKS: [&str; 2] = ["virtio_blk", "ext4"];

/// A module ready to be loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Module {
    /// Its name, with underscores.
    pub(super) name: String,
    /// The uncompressed object.
    pub(super) object: Vec<u8>,
}

/// Collects modules, such as [`WANTED`], and all they depend on from an unpacked kernel package, dependencies first.
pub(super) fn collect(tree: &Path, wanted: &[&str]) -> Result<Vec<Module>, VmError> {
    let mut files = BTreeMap::new();
    find(tree, &mut files)?;
    let mut ordered = Vec::new();
    for name in wanted {
        add(name, &files, &mut ordered)?;
    }
    Ok(ordered)
}

/// Appends `name` after what it depends on, unless it is there already or built in.
fn add(name: &str, files: &BTreeMap<String, PathBuf>, ordered: &mut Vec<Module>) -> Result<(), VmError> {
    let Some(path) = files.get(name) else { return Ok(()) };
    if ordered.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let object = read(path)?;
    for dependency in depends(&object) {
        add(&dependency, files, ordered)?;
    }
    ordered.push(Module { name: name.to_owned(), object });
    Ok(())
}

/// Maps the name of every module below `folder` to its file.
fn find(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), VmError> {
    let entries = std::fs::read_dir(folder).map_err(VmError::file("listing", folder))?;
    for entry in entries {
        let entry = entry.map_err(VmError::file("listing", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(VmError::file("listing", &path))?;
        if kind.is_dir() {
            find(&path, files)?;
        } else if let Some(name) = entry.file_name().to_str().and_then(module_name) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The module's name by its file's name: `virtio-rng.ko.xz` is `virtio_rng`.
fn module_name(file: &str) -> Option<String> {
    let stem = [".ko", ".ko.xz", ".ko.gz", ".ko.zst"].iter().find_map(|ending| file.strip_suffix(ending))?;
    Some(stem.replace('-', "_"))
}

/// Reads a module, uncompressed.
fn read(path: &Path) -> Result<Vec<u8>, VmError> {
    let tool = match path.extension().and_then(|ending| ending.to_str()) {
        Some("xz") => Tool { program: "xz", package: "xz-utils" },
        Some("gz") => Tool { program: "gzip", package: "gzip" },
        Some("zst") => Tool { program: "zstd", package: "zstd" },
        _ => return std::fs::read(path).map_err(VmError::file("reading", path)),
    };
    Ok(tool.output(tool.command(["-dc"]).arg(path))?)
}

/// The names in the `depends=` entry of a module's `.modinfo` section; entries there are NUL-terminated strings.
fn depends(object: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = object.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let value = object.get(start + KEY.len()..).unwrap_or_default();
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_from_modinfo() {
        let object = b"ELF..\0license=GPL\0depends=net_failover,virtio-ring\0name=virtio_net\0";
        assert_eq!(depends(object), ["net_failover", "virtio_ring"]);
        assert!(depends(b"\0depends=\0name=x\0").is_empty());
        assert!(depends(b"no modinfo at all").is_empty());
    }

    #[test]
    fn names_lose_their_endings_and_dashes() {
        assert_eq!(module_name("virtio-rng.ko.xz").as_deref(), Some("virtio_rng"));
        assert_eq!(module_name("vfat.ko").as_deref(), Some("vfat"));
        assert_eq!(module_name("modules.order"), None);
    }

    #[test]
    fn dependencies_are_loaded_first_and_once() {
        let folder = std::env::temp_dir().join(format!("edge-modules-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("virtio_net.ko"), b"\0depends=net_failover\0").unwrap();
        std::fs::write(folder.join("net_failover.ko"), b"\0depends=failover\0").unwrap();
        std::fs::write(folder.join("failover.ko"), b"\0depends=\0").unwrap();
        let names: Vec<String> =
            collect(&folder, &WANTED).unwrap().into_iter().map(|module| module.name).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["failover", "net_failover", "virtio_net"]);
    }
}
