//! `Cargo.lock`, as far as the verbs need it.

use anyhow::{Context, Result};
use serde::Deserialize;

/// A lock file.
#[derive(Deserialize)]
pub(crate) struct Lock {
    /// Every package of the workspace and of its dependencies, in the file's order.
    #[serde(rename = "package")]
    pub(crate) packages: Vec<Package>,
}

/// One entry of the lock file.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its exact version.
    pub(crate) version: String,
    /// Where it comes from; absent for a crate of this workspace.
    pub(crate) source: Option<String>,
    /// SHA-256 of its archive; absent for a crate of this workspace.
    pub(crate) checksum: Option<String>,
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// A text that is no lock file.
    pub(crate) fn read(text: &str) -> Result<Self> {
        toml::from_str(text).context("Cargo.lock")
    }
}
