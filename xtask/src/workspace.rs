//! Where things are: the workspace, its build output, and the cache outside the tree.

use crate::process;
use anyhow::{Context, Result};
use std::env;
use std::path::{self, Path, PathBuf};
use std::process::Command;

/// The places every verb works in. All paths are absolute.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Build output: `$CARGO_TARGET_DIR`, or `target` in the workspace.
    pub(crate) target: PathBuf,
    /// Downloaded and built tools, kernels: never inside the tree.
    pub(crate) cache: PathBuf,
}

impl Workspace {
    /// Finds the workspace from the place where xtask's own manifest stands.
    ///
    /// # Errors
    /// A current folder that no longer exists, on which a relative path depends.
    pub(crate) fn locate() -> Result<Self> {
        // At run time under `cargo run`; the compiled-in path serves a binary started by hand.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest.parent().context("xtask's manifest has no parent folder")?.to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { cache: path::absolute(edge_tests::cache_dir())?, root, target })
    }

    /// git in the workspace, which CI often checks out as another user than the one who builds.
    pub(crate) fn git(&self) -> Command {
        let mut git = process::command("git");
        git.arg("-c").arg(format!("safe.directory={}", self.root.display())).current_dir(&self.root);
        git
    }

    /// The folder of tools that `setup` builds: `bin/bpf-linker`.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// The Python environment that `setup` makes: what comes from the Python index.
    pub(crate) fn venv(&self) -> PathBuf {
        self.cache.join("venv")
    }
}

/// `path` as seen from `root`, with forward slashes; the full path when it lies elsewhere.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened_only_inside_of_the_root() {
        assert_eq!(relative(Path::new("/w"), Path::new("/w/edge-abi/src/lib.rs")), "edge-abi/src/lib.rs");
        assert_eq!(relative(Path::new("/w"), Path::new("/elsewhere/x")), "/elsewhere/x");
    }

    #[test]
    fn the_workspace_is_the_one_with_this_crate() {
        let workspace = Workspace::locate().unwrap();
        assert!(workspace.root.join("xtask/src/workspace.rs").is_file());
        assert!(workspace.target.is_absolute() && workspace.cache.is_absolute());
    }
}
