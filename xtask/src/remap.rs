//! Removes the paths of this machine from what is compiled: debug info and panic messages then read the same wherever
//! the workspace, cargo's home and the compiler stand.

use crate::compiler::Compiler;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The flags for a build into `target_dir`.
///
/// Downloads the locked crates first, because a registry's folder must exist before its name can be mapped away.
///
/// # Errors
/// No home directory, or crates that cannot be fetched.
pub(crate) fn flags(workspace: &Workspace, compiler: &Compiler, target_dir: &Path) -> Result<Vec<String>> {
    process::run(compiler.cargo().args(["fetch", "--quiet"]).current_dir(&workspace.root))?;
    let registries = subfolders(&cargo_home()?.join("registry/src"));
    // Debian's sources are reached through a link; either name may be recorded.
    let std = [compiler.sources(), compiler.sources().canonicalize().unwrap_or_else(|_| compiler.sources())];
    Ok(pairs(&workspace.root, target_dir, &registries, &std))
}

/// One flag per path. rustc applies the last one that matches, so the build folder, which may lie in the workspace,
/// comes after it.
fn pairs(root: &Path, target_dir: &Path, registries: &[PathBuf], std: &[PathBuf]) -> Vec<String> {
    let mut pairs = vec![(root, "edge"), (target_dir, "target")];
    pairs.extend(std.iter().map(|path| (path.as_path(), "std")));
    // One folder per registry, whose name holds a hash of the address the crates were downloaded from.
    pairs.extend(registries.iter().map(|path| (path.as_path(), "crates")));
    pairs.iter().map(|(from, to)| format!("--remap-path-prefix={}=/{to}", from.display())).collect()
}

/// Cargo's home: `$CARGO_HOME`, else `~/.cargo`.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    Ok(PathBuf::from(std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?).join(".cargo"))
}

/// The folders in `dir`, sorted; none when `dir` is absent, as with vendored crates.
fn subfolders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_mapped_and_the_nested_one_comes_later() {
        let registries =
            [PathBuf::from("/c/registry/src/mirror-1"), PathBuf::from("/c/registry/src/index-2")];
        let flags =
            pairs(Path::new("/w"), Path::new("/w/target/bpf"), &registries, &[PathBuf::from("/usr/lib/std")]);
        assert_eq!(
            flags,
            [
                "--remap-path-prefix=/w=/edge",
                "--remap-path-prefix=/w/target/bpf=/target",
                "--remap-path-prefix=/usr/lib/std=/std",
                "--remap-path-prefix=/c/registry/src/mirror-1=/crates",
                "--remap-path-prefix=/c/registry/src/index-2=/crates",
            ]
        );
    }

    #[test]
    fn an_absent_registry_has_no_folders() {
        assert_eq!(subfolders(Path::new("/nonexistent")), Vec::<PathBuf>::new());
    }
}
