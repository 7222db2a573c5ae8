//! Where things are: the workspace, its build output, and the cache outside the tree.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};

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
    /// When no home directory is known and no cache is named.
    pub(crate) fn locate() -> Result<Self> {
        // At run time under `cargo run`; the compiled-in path serves a binary started by hand.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest.parent().context("xtask's manifest has no parent folder")?.to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { cache: cache_dir(|name| env::var(name).ok())?, root, target })
    }

    /// The folder of tools that `setup` builds: `bin/bpf-linker`.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// The Python environment that `setup` makes: zig, cargo-zigbuild, paho-mqtt.
    pub(crate) fn venv(&self) -> PathBuf {
        self.cache.join("venv")
    }
}

/// The cache folder: `$EDGE_CACHE`, else `$XDG_CACHE_HOME/edge-agent`, else `~/.cache/edge-agent`.
///
/// # Errors
/// When none of the three variables is set, or when the choice is a relative path.
fn cache_dir(var: impl Fn(&str) -> Option<String>) -> Result<PathBuf> {
    let set = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let chosen = set("EDGE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("edge-agent")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/edge-agent")))
        .context("no place for the cache: set EDGE_CACHE, XDG_CACHE_HOME or HOME")?;
    if !chosen.is_absolute() {
        bail!("the cache must be an absolute path, not `{}`", chosen.display());
    }
    Ok(chosen)
}

/// `path` as seen from `root`, with forward slashes; the full path when it lies elsewhere.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(vars: &[(&str, &str)]) -> Result<PathBuf> {
        cache_dir(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_nearest_variable_wins() {
        let home = ("HOME", "/h");
        let xdg = ("XDG_CACHE_HOME", "/x");
        assert_eq!(choose(&[home]).unwrap(), Path::new("/h/.cache/edge-agent"));
        assert_eq!(choose(&[home, xdg]).unwrap(), Path::new("/x/edge-agent"));
        assert_eq!(choose(&[home, xdg, ("EDGE_CACHE", "/e")]).unwrap(), Path::new("/e"));
    }

    #[test]
    fn empty_variables_do_not_count_and_relative_ones_are_refused() {
        assert!(choose(&[("HOME", "")]).is_err());
        assert!(choose(&[("EDGE_CACHE", "cache")]).unwrap_err().to_string().contains("`cache`"));
    }
}
