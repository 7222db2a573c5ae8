//! The hash of everything the object is built from.

use super::closure::{self, closure};
use super::object;
use crate::digest::sha256;
use crate::process;
use crate::workspace::{Workspace, relative};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of this workspace that are compiled into the object.
const CRATES: &[&str] = &["edge-ebpf", "edge-abi"];

/// Hashes the sources of the kernel side: files, crates from the registry, profile and flags.
///
/// # Errors
/// A file that cannot be read, or a manifest or lock file that is not TOML.
pub(super) fn hash(workspace: &Workspace) -> Result<String> {
    let read = |name: &str| {
        fs::read_to_string(workspace.root.join(name)).with_context(|| format!("{name} cannot be read"))
    };
    let mut files = Vec::new();
    for name in CRATES {
        files.push(workspace.root.join(name).join("Cargo.toml"));
        walk(&workspace.root.join(name).join("src"), &mut files)?;
    }
    let mut hashed = BTreeMap::new();
    for path in files {
        let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        hashed.insert(relative(&workspace.root, &path), sha256(&bytes));
    }
    let mut cargo = process::cargo();
    cargo.args(closure::query("edge-ebpf", object::TARGET)).current_dir(&workspace.root);
    let answer = process::capture(&mut cargo)?;
    let crates = closure(&answer, &read("Cargo.lock")?)?;
    Ok(sha256(describe(&hashed, &crates, &profile(&read("Cargo.toml")?)?).as_bytes()))
}

/// The text that is hashed: one line per fact, so that no two sets of facts read the same.
fn describe<'a>(
    files: &BTreeMap<String, String>,
    crates: impl IntoIterator<Item = &'a closure::Crate>,
    profile: &str,
) -> String {
    let mut text = String::new();
    for (path, digest) in files {
        let _ = writeln!(text, "file {path} {digest}");
    }
    for one in crates {
        let _ = writeln!(text, "crate {} {} {}", one.name, one.version, one.checksum);
    }
    let _ = write!(text, "flags {}\n{profile}", object::FLAGS.join(" "));
    text
}

/// The release profile of the workspace's manifest, in one spelling whatever its layout and comments.
fn profile(manifest: &str) -> Result<String> {
    let manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml of the workspace")?;
    let release = manifest.get("profile").and_then(|profiles| profiles.get("release"));
    release.map_or(Ok(String::new()), |release| toml::to_string(release).context("profile.release"))
}

/// Adds every file below `dir`.
fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fact_changes_the_text() {
        let files = BTreeMap::from([("edge-abi/src/lib.rs".to_owned(), "aa".to_owned())]);
        let one = closure::Crate { name: "n".to_owned(), version: "1".to_owned(), checksum: "c".to_owned() };
        let base = describe(&files, [&one], "lto = true\n");
        assert_ne!(base, describe(&BTreeMap::new(), [&one], "lto = true\n"));
        assert_ne!(base, describe(&files, [], "lto = true\n"));
        assert_ne!(base, describe(&files, [&one], ""));
        assert!(base.contains("bpf_target_arch"));
    }

    #[test]
    fn the_profile_does_not_depend_on_comments_or_other_tables() {
        let plain = profile("[profile.release]\ndebug = 2\nlto = true\n").unwrap();
        let noisy =
            profile("# why\n[profile.dist]\nstrip = true\n[profile.release]\nlto = true # so\ndebug = 2\n")
                .unwrap();
        assert_eq!(plain, noisy);
        assert!(plain.contains("debug = 2"));
    }
}
