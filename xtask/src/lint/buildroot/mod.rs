//! The tree for Buildroot, without a Buildroot: the form that its own `check-package` asks for, and that what the package
//! repeats of the rest of this workspace is still true.

mod form;
mod truth;

use super::tree::Tree;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The tree, from the workspace.
const FOLDER: &str = "buildroot/";
/// The package, in it.
const PACKAGE: &str = "buildroot/package/edge-agent/";
/// The script that BusyBox init runs, which the package installs.
const SCRIPT: &str = "packaging/S60edge-agent";

/// What is wrong, one sentence each.
type Findings = Vec<String>;

/// Reports everything that a reviewer of Buildroot, or a build, would stumble over.
pub(super) fn check(workspace: &Workspace, tree: &Tree) -> Result<()> {
    let mut findings = Findings::new();
    for file in tree.texts.iter().filter(|file| file.path.starts_with(FOLDER) || file.path == SCRIPT) {
        let found = form::of(&file.path, &file.text);
        findings.extend(found.into_iter().map(|finding| format!("{}: {finding}", file.path)));
        let is_installed = file.path.starts_with(PACKAGE) || file.path == SCRIPT;
        let mode = fs::metadata(workspace.root.join(&file.path))?.permissions().mode();
        if is_installed && mode & 0o111 != 0 {
            findings.push(format!("{}: is executable; the package sets modes when it installs", file.path));
        }
    }
    findings.extend(truth::of(tree, env!("CARGO_PKG_VERSION"))?);
    if !findings.is_empty() {
        bail!("{}", findings.join("; "));
    }
    Ok(())
}

/// The text of the file at `path`.
fn text<'a>(tree: &'a Tree, path: &str) -> Result<&'a str> {
    let file = tree.texts.iter().find(|file| file.path == path);
    Ok(&file.with_context(|| format!("{path} is missing"))?.text)
}
