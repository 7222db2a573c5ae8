//! What `cargo metadata` says of the crates that a target is built of.

use crate::process;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

/// What `cargo metadata` says, as far as it is needed.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// All packages.
    pub(crate) packages: Vec<Package>,
    /// Who uses whom.
    pub(crate) resolve: Resolve,
}

/// A package.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Cargo's identifier of it.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The oldest compiler it declares, if any.
    pub(crate) rust_version: Option<String>,
}

/// The graph.
#[derive(Deserialize)]
pub(crate) struct Resolve {
    /// One node per package.
    pub(crate) nodes: Vec<Node>,
}

/// One package's edges.
#[derive(Deserialize)]
pub(crate) struct Node {
    /// The package.
    pub(crate) id: String,
    /// What it uses.
    pub(crate) deps: Vec<Edge>,
}

/// One edge.
#[derive(Deserialize)]
pub(crate) struct Edge {
    /// The package that is used.
    pub(crate) pkg: String,
    /// In which ways.
    pub(crate) dep_kinds: Vec<EdgeKind>,
}

/// One way of using a package.
#[derive(Deserialize)]
pub(crate) struct EdgeKind {
    /// `dev`, `build`, or nothing for ordinary use.
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Asks cargo, in the workspace at `root`, with `more` options.
    ///
    /// # Errors
    /// A compiler that does not know the target, or a lock file that is not current where `more` says `--locked`.
    pub(crate) fn read(root: &Path, target: &str, more: &[&str]) -> Result<Self> {
        let mut cargo = process::cargo();
        cargo.args(["metadata", "--format-version", "1", "--filter-platform", target]).args(more);
        serde_json::from_str(&process::capture(cargo.current_dir(root))?).context("cargo metadata")
    }
}
