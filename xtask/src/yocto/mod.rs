//! `yocto`: keeps the layer `yocto/meta-edge-agent` true to the sources that its recipes fetch, and checks it.

mod crates;
mod recipe;

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use lexopt::{Arg, ValueExt as _};
use recipe::Source;
use std::fs;
use std::path::{Path, PathBuf};

/// The layer, from the workspace.
const LAYER: &str = "yocto/meta-edge-agent";
/// What reads the layer, from the workspace.
const CHECKS: &str = "yocto/checks";
/// The list of crates, in the layer.
const CRATES: &str = "recipes-security/edge-agent/edge-agent-crates.inc";
/// The kernel fragments of all image builds, from the workspace; a layer must stand by itself and has copies.
const FRAGMENTS: &str = "packaging/kernel";
/// The copies, in the layer.
const FRAGMENT_COPIES: &str = "recipes-kernel/linux/edge-agent-kernel";
/// Rules of oelint-adv that are not followed.
const NOT_FOLLOWED: &[&str] = &[
    // It asks the network.
    "oelint.vars.homepageping",
    // The kernel's append does nothing without the distro feature, which `yocto/checks` shows; the rule cannot see that.
    "oelint.vars.noncoreoverride",
    // The list of crates has the form that the build system's own class writes.
    "oelint.vars.inconspaces",
    "oelint.vars.notneededspace",
    // linux-yocto's variable.
    "oelint.vars.mispell.unknown",
    // The agent is for the device alone, and groups and images are no products.
    "oelint.var.bbclassextend",
    "oelint.var.suggestedvar.BUGTRACKER",
    "oelint.var.suggestedvar.CVE_PRODUCT",
];
/// Rules for the Python of the checks, as ruff names them.
const PYTHON_RULES: &str = "B,E,F,PL,SIM,UP,W";

/// A file that is written from others.
struct Generated {
    /// Where it stands.
    path: PathBuf,
    /// What it must hold.
    text: String,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let (mut only_check, mut commit) = (false, None);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("check") => only_check = true,
            Arg::Long("rev") => commit = Some(args.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if only_check {
        return generated_is_current(workspace);
    }
    if let Some(commit) = commit {
        recipe::pin(workspace, &commit)?;
    }
    for file in generated(workspace)? {
        fs::write(&file.path, &file.text).with_context(|| file.path.display().to_string())?;
    }
    Ok(())
}

/// Everything that is generated is what it is generated from.
fn generated_is_current(workspace: &Workspace) -> Result<()> {
    let stale: Vec<_> = generated(workspace)?
        .into_iter()
        .filter(|file| fs::read_to_string(&file.path).ok().as_ref() != Some(&file.text))
        .map(|file| crate::workspace::relative(&workspace.root, &file.path))
        .collect();
    if !stale.is_empty() {
        bail!("not what `cargo xtask yocto` writes: {}", stale.join(", "));
    }
    Ok(())
}

/// The files that are generated, as they should be.
fn generated(workspace: &Workspace) -> Result<Vec<Generated>> {
    let layer = workspace.root.join(LAYER);
    let lock = Source::of(workspace)?.read("Cargo.lock")?;
    let mut files = vec![Generated { path: layer.join(CRATES), text: crates::list(&lock)? }];
    for entry in fs::read_dir(workspace.root.join(FRAGMENTS)).context(FRAGMENTS)? {
        let entry = entry?;
        let path = layer.join(FRAGMENT_COPIES).join(entry.file_name());
        files.push(Generated { path, text: fs::read_to_string(entry.path())? });
    }
    Ok(files)
}

/// The check of `lint`: what is generated is current, bitbake reads the layer as it is meant, its recipes are written as
/// the style guide wants them. Needs the Python environment of `setup`.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    generated_is_current(workspace)?;
    let source = Source::of(workspace)?.unpack()?;
    let bin = workspace.venv().join("bin");
    let layer = workspace.root.join(LAYER);
    let mut python = process::command(bin.join("ruff"));
    python.args([
        "check",
        "--quiet",
        "--no-cache",
        "--isolated",
        "--line-length",
        "130",
        "--select",
        PYTHON_RULES,
    ]);
    process::run(python.arg(workspace.root.join(CHECKS)))?;
    let mut parse = process::command(bin.join("python3"));
    parse
        .arg(workspace.root.join(CHECKS).join("check.py"))
        .arg(&layer)
        .arg(source)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    process::run(&mut parse)?;
    let mut style = process::command(bin.join("oelint-adv"));
    style.args(["--quiet", "--relpaths", "--release", "wrynose"]);
    style.args(NOT_FOLLOWED.iter().flat_map(|rule| ["--suppress", rule]));
    process::run(style.args(recipes(&layer)?).current_dir(&workspace.root))
}

/// Every recipe, append and configuration below `folder`, in order; includes are read with the recipes.
fn recipes(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(recipes(&path)?);
        } else if path
            .extension()
            .is_some_and(|kind| ["bb", "bbappend", "conf"].iter().any(|known| kind == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
