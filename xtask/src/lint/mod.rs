//! `lint`: everything that can be said about the sources without running them.

mod buildroot;
mod cross;
mod msrv;
mod names;
mod shape;
mod tree;
mod unit;

use crate::setup::{self, Need};
use crate::workspace::Workspace;
use crate::{ebpf, process, yocto};
use anyhow::{Result, bail};
use tree::Tree;

/// One check: what it is called when it fails, and what it does.
type Check = (&'static str, fn(&Workspace, &Tree) -> Result<()>);

/// All checks, the quick ones first. Each runs even when one before it failed.
const CHECKS: &[Check] = &[
    ("format", |workspace, _| {
        process::run(process::cargo().args(["fmt", "--all", "--check"]).current_dir(&workspace.root))
    }),
    ("file lengths", |_, tree| shape::check(tree)),
    ("names of machines", names::check),
    ("oldest compiler", |workspace, _| msrv::check(workspace)),
    ("eBPF object is current", |workspace, _| ebpf::freshness(workspace)),
    ("scripts", |workspace, tree| scripts(workspace, tree)),
    ("systemd unit", |workspace, _| unit::check(workspace)),
    ("Buildroot tree", buildroot::check),
    ("Yocto layer", |workspace, _| yocto::check(workspace)),
    ("Cross.toml and its Dockerfiles", |workspace, _| cross::check(workspace)),
    ("licences and advisories, where cargo-deny is installed", |workspace, _| deny(workspace)),
    ("clippy", |workspace, _| clippy(workspace, &["--workspace", "--exclude", "edge-ebpf", "--all-targets"])),
    ("clippy of the agent with TLS", |workspace, _| {
        clippy(workspace, &["--package", "edge-agent", "--features", "tls,spool", "--all-targets"])
    }),
    // Of edge-ebpf, the logic and its tests are judged on the host, the program where it runs.
    ("clippy of edge-ebpf", |workspace, _| {
        clippy(workspace, &["--package", "edge-ebpf", "--lib", "--tests"])
    }),
    ("clippy of the eBPF object", |workspace, _| ebpf::clippy(workspace)),
];

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    if let Some(other) = args.next()? {
        return Err(other.unexpected().into());
    }
    setup::ensure(workspace, "lint", &[Need::Lint])?;
    let tree = Tree::read(workspace)?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        match check(workspace, &tree) {
            Ok(()) => println!("{name}: ok"),
            Err(error) => {
                println!("{name}: {error:#}");
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} checks failed: {}", failed.len(), CHECKS.len(), failed.join(", "));
    }
    Ok(())
}

/// clippy with every warning an error.
fn clippy(workspace: &Workspace, selection: &[&str]) -> Result<()> {
    let mut cargo = process::cargo();
    cargo.args(["clippy", "--quiet"]).args(selection).args(["--", "-D", "warnings"]);
    process::run(cargo.current_dir(&workspace.root))
}

/// shellcheck of every shell script; the first line of a file tells what it is.
fn scripts(workspace: &Workspace, tree: &Tree) -> Result<()> {
    let is_script = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        first.starts_with("#!")
            && ["/sh", "/bash", "env bash", "/dash"].iter().any(|shell| first.contains(shell))
    };
    let found: Vec<_> =
        tree.texts.iter().filter(|file| is_script(&file.text)).map(|file| file.path.as_str()).collect();
    if found.is_empty() {
        return Ok(());
    }
    process::run(process::command("shellcheck").args(found).current_dir(&workspace.root))
}

/// cargo-deny by `deny.toml`. It is the only check that may be absent, since it needs an advisory database from
/// the network; what it says about a release is said again when one is made.
fn deny(workspace: &Workspace) -> Result<()> {
    if !process::installed("cargo-deny") {
        println!(
            "cargo-deny is not installed, licences and advisories are not checked; `cargo install cargo-deny` adds it"
        );
        return Ok(());
    }
    process::run(process::cargo().args(["deny", "check"]).current_dir(&workspace.root))
}
