//! Crates that no Linux build compiles, without their contents.
//!
//! Cargo vendors what the lock file names for any system, Windows included: three fifths of the bytes are import
//! libraries and bindings that no gateway and no machine that builds images ever reads. Their manifests have to stay,
//! since `--locked` compares them with the lock file. Everything else of them goes, and what is left in the place of the
//! library tells whoever does compile it why it is not there. Of 45 MB, compressed, 25 remain (38 of 315 crates are
//! emptied). The crates of the agent alone would be 12, but then no test and no tool of the workspace would build.

use crate::digest::sha256;
use crate::metadata::Metadata;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The targets the archive builds for: those of gateways, in every C library that Buildroot has, those of the machines that
/// build images (build scripts and macros run there), and that of the eBPF object.
const TARGETS: &[&str] = &[
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "armv7-unknown-linux-gnueabi",
    "armv7-unknown-linux-gnueabihf",
    "armv7-unknown-linux-musleabi",
    "armv7-unknown-linux-musleabihf",
    "armv7-unknown-linux-uclibceabihf",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "bpfel-unknown-none",
];
/// The file in which cargo finds a vendored crate's digests.
const CHECKSUMS: &str = ".cargo-checksum.json";
/// What stands in the place of the library.
const LIBRARY: &str =
    "compile_error!(\"this archive is for Linux; the crate that is needed here was left out\");\n";

/// The folders, as `cargo vendor --versioned-dirs` names them, of all crates that any of [`TARGETS`] may compile, with every
/// feature and every test of the workspace in `root`.
///
/// # Errors
/// A compiler that does not know a target, or a lock file that is not current.
pub(super) fn needed(root: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for target in TARGETS {
        let metadata = Metadata::read(root, target, &["--locked", "--all-features"])?;
        let used: BTreeSet<_> = metadata.resolve.nodes.iter().map(|node| &node.id).collect();
        let used = metadata.packages.iter().filter(|package| used.contains(&package.id));
        found.extend(used.map(|package| format!("{}-{}", package.name, package.version)));
    }
    Ok(found)
}

/// Empties every crate in the folder `vendor` that is not among `needed`; returns how many those were.
///
/// # Errors
/// A folder that holds no vendored crate.
pub(super) fn prune(vendor: &Path, needed: &BTreeSet<String>) -> Result<usize> {
    let mut emptied = 0;
    for entry in fs::read_dir(vendor)? {
        let entry = entry?;
        if !needed.contains(&*entry.file_name().to_string_lossy()) {
            empty(&entry.path()).with_context(|| entry.path().display().to_string())?;
            emptied += 1;
        }
    }
    Ok(emptied)
}

/// Leaves of the vendored crate in `folder` only its manifest and [`LIBRARY`].
fn empty(folder: &Path) -> Result<()> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).context("Cargo.toml")?;
    let table: toml::Table = toml::from_str(&manifest).context("Cargo.toml")?;
    let library = table.get("lib").and_then(|lib| lib.get("path")).and_then(toml::Value::as_str);
    let library = library.unwrap_or("src/lib.rs");
    let checksums = fs::read_to_string(folder.join(CHECKSUMS)).context(CHECKSUMS)?;
    let checksums: Value = serde_json::from_str(&checksums).context(CHECKSUMS)?;
    // The lock file's digest of the whole crate: cargo compares it, and it stays true of what the registry has.
    let package = checksums.get("package").context("the crate's own digest is missing")?;
    let checksums = json!({
        "files": { "Cargo.toml": sha256(manifest.as_bytes()), library: sha256(LIBRARY.as_bytes()) },
        "package": package,
    });
    fs::remove_dir_all(folder)?;
    let path = folder.join(library);
    fs::create_dir_all(path.parent().context("the library has no folder")?)?;
    fs::write(path, LIBRARY)?;
    fs::write(folder.join("Cargo.toml"), &manifest)?;
    fs::write(folder.join(CHECKSUMS), checksums.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::scratch;

    #[test]
    fn of_a_crate_that_is_not_needed_the_manifest_and_the_digest_stay() {
        let vendor = scratch("prune");
        for name in ["winapi-0.4.0", "libc-0.2.0"] {
            let folder = vendor.join(name);
            fs::create_dir_all(folder.join("lib")).unwrap();
            fs::write(folder.join("Cargo.toml"), "[lib]\npath = \"own/root.rs\"\n").unwrap();
            fs::write(folder.join("lib/import.a"), "large").unwrap();
            fs::write(folder.join(CHECKSUMS), "{\"files\":{\"lib/import.a\":\"00\"},\"package\":\"abcd\"}")
                .unwrap();
        }
        assert_eq!(prune(&vendor, &BTreeSet::from(["libc-0.2.0".to_owned()])).unwrap(), 1);
        assert!(vendor.join("libc-0.2.0/lib/import.a").is_file());
        let stub = vendor.join("winapi-0.4.0");
        assert!(!stub.join("lib").exists());
        assert_eq!(fs::read_to_string(stub.join("own/root.rs")).unwrap(), LIBRARY);
        let checksums: Value =
            serde_json::from_str(&fs::read_to_string(stub.join(CHECKSUMS)).unwrap()).unwrap();
        assert_eq!(checksums["package"], "abcd");
        assert_eq!(checksums["files"]["own/root.rs"], sha256(LIBRARY.as_bytes()));
        assert!(checksums["files"].get("lib/import.a").is_none());
        fs::remove_dir_all(vendor).unwrap();
    }

    #[test]
    fn what_is_no_vendored_crate_is_refused() {
        let vendor = scratch("prune-stray");
        fs::create_dir_all(vendor.join("stray")).unwrap();
        let error = format!("{:#}", prune(&vendor, &BTreeSet::new()).unwrap_err());
        assert!(error.contains("stray: Cargo.toml"), "{error}");
        fs::remove_dir_all(vendor).unwrap();
    }
}
