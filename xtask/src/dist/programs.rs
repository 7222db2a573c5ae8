//! The programs of a release, and the licence of what is in them besides crates.

use super::{Flavour, Release};
use crate::build::{self, Target};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The terms of musl, in the Python package of the linker that links it.
const MUSL: &str = "ziglang/lib/libc/musl/COPYRIGHT";

/// Builds every agent for every ARM target into `out`; returns the names of what was made.
///
/// # Errors
/// A missing tool, or a failed build.
pub(super) fn build(workspace: &Workspace, release: &Release, out: &Path) -> Result<Vec<String>> {
    let wanted: Vec<_> = Flavour::ALL.into_iter().map(Flavour::program).collect::<Result<_>>()?;
    let mut names = Vec::new();
    for target in Target::ARM {
        for built in build::programs_for(workspace, target, &wanted, target.profile())? {
            let name = name(release, built.program.name, target.triple().unwrap_or_default());
            fs::copy(&built.path, out.join(&name)).with_context(|| built.path.display().to_string())?;
            names.push(name);
        }
    }
    let musl = format!("{}-musl-COPYRIGHT.txt", release.folder("edge-agent"));
    fs::copy(packaged(workspace, MUSL)?, out.join(&musl))?;
    names.push(musl);
    Ok(names)
}

/// What `program` for `triple` is called.
fn name(release: &Release, program: &str, triple: &str) -> String {
    format!("{}-{}", release.folder(program), triple.replace("-unknown", ""))
}

/// Where `path` of a Python package lies.
fn packaged(workspace: &Workspace, path: &str) -> Result<PathBuf> {
    let library = workspace.venv().join("lib");
    // Its one folder is called by the version of Python.
    let entries = fs::read_dir(&library).with_context(|| library.display().to_string())?;
    let places = entries.flatten().map(|entry| entry.path().join("site-packages").join(path));
    places
        .into_iter()
        .find(|place| place.is_file())
        .with_context(|| format!("no {path} in {}", library.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_by_version_and_system() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            name(&Release::of_test(), "edge-agent-tls", "armv7-unknown-linux-musleabihf"),
            format!("edge-agent-tls-{version}-armv7-linux-musleabihf")
        );
    }
}
