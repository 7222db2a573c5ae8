//! bpf-linker, built from crates.io against Debian's LLVM 22 into the cache.

use crate::process;
use crate::workspace::Workspace;
use anyhow::Result;

/// The pinned version; with it goes LLVM 22, the version inside Debian's compiler.
const VERSION: &str = "0.13.0";
/// Where Debian's `llvm-22-dev` stands.
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";

/// Whether the cache, or else `PATH`, has a linker that runs.
pub(super) fn present(workspace: &Workspace) -> bool {
    let ours = workspace.tools().join("bin/bpf-linker");
    if ours.is_file() {
        // One that does not start has lost its LLVM, and is built anew.
        let version = process::capture(process::command(ours).arg("--version"));
        return version.is_ok_and(|text| text.trim() == format!("bpf-linker {VERSION}"));
    }
    process::installed("bpf-linker")
}

/// Builds the linker; about a minute on two cores.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let mut cargo = process::pristine("cargo");
    cargo.env("LLVM_PREFIX", LLVM_PREFIX).args(["install", "bpf-linker", "--version", VERSION]);
    cargo
        .args(["--no-default-features", "--features", "llvm-22", "--force", "--root"])
        .arg(workspace.tools());
    process::run(&mut cargo)
}
