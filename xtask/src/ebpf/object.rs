//! Compiles the package `edge-ebpf` to a BPF object whose bytes depend on the sources, the compiler and the linker, and
//! not on where any of them stands.

use crate::compiler::{Compiler, Origin};
use crate::elf::{EM_BPF, Elf};
use crate::process;
use crate::remap;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Little-endian BPF, the byte order of every machine we serve.
pub(super) const TARGET: &str = "bpfel-unknown-none";
/// Rust flags that belong to the object wherever it is built; they are part of its source hash.
///
/// aya-ebpf would otherwise take the register layout of the machine that compiles; the agent overrides what differs.
/// No debug info and so no BTF: nothing here needs it, it was two thirds of the object, and kernels differ in what BTF of a
/// program they accept.
///
/// The linker by default makes LLVM copy in order, which keeps it from expanding `memset` at all: what is left are calls of BPF
/// functions, which the 32-bit ARM JIT refuses (the whole program then runs in the interpreter), and which Linux 5.10
/// refuses beside tail calls.
pub(super) const FLAGS: &[&str] =
    &["-Cdebuginfo=0", "-Clink-arg=--disable-expand-memcpy-in-order", "--cfg=bpf_target_arch=\"x86_64\""];

/// The BPF linker that was found.
pub(super) struct Linker {
    /// The program.
    path: PathBuf,
    /// What it says with `--version`.
    pub(super) version: String,
}

/// Finds the linker that `setup` built, else one on `PATH`.
pub(super) fn linker(workspace: &Workspace) -> Result<Linker> {
    let ours = workspace.tools().join("bin/bpf-linker");
    let path = if ours.is_file() { ours } else { "bpf-linker".into() };
    let version = process::capture(process::pristine(&path).arg("--version"))?.trim().to_owned();
    Ok(Linker { path, version })
}

/// Builds the object and returns its bytes.
///
/// # Errors
/// A failed build, or an object that is not BPF or has no licence or maps.
pub(super) fn build(workspace: &Workspace, compiler: &Compiler, linker: &Linker) -> Result<Vec<u8>> {
    let target_dir = target_dir(workspace);
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    flags.push(format!("-Clinker={}", linker.path.display()));
    flags.extend(remap::flags(workspace, compiler, &target_dir)?);
    let mut cargo = compiler.cargo();
    cargo.arg("build");
    select(&mut cargo, workspace, compiler);
    // The unit separator lets paths hold spaces.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    process::run(&mut cargo)?;
    let path = target_dir.join(TARGET).join("release/edge-ebpf");
    let bytes = fs::read(&path).with_context(|| format!("no {} was made", path.display()))?;
    inspect(&bytes)?;
    Ok(bytes)
}

/// clippy over what [`build`] compiles.
pub(super) fn clippy(workspace: &Workspace, compiler: &Compiler) -> Command {
    let mut cargo = compiler.clippy();
    select(&mut cargo, workspace, compiler);
    cargo.args(["--", "-D", "warnings"]).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    cargo
}

/// Names the program, its target and its build folder to `cargo`.
fn select(cargo: &mut Command, workspace: &Workspace, compiler: &Compiler) {
    cargo.args(["--release", "--package", "edge-ebpf", "--bin", "edge-ebpf", "--target", TARGET]);
    cargo.arg("--target-dir").arg(target_dir(workspace)).current_dir(&workspace.root);
    if compiler.origin == Origin::Nightly || !compiler.has_target(TARGET) {
        cargo.arg("-Zbuild-std=core");
    }
}

/// A build folder of its own: another compiler than the host's works there.
fn target_dir(workspace: &Workspace) -> PathBuf {
    workspace.target.join("bpf")
}

/// Refuses an object that the loader could not use.
fn inspect(bytes: &[u8]) -> Result<()> {
    let elf = Elf::parse(bytes).context("the built object")?;
    ensure!(elf.machine == EM_BPF, "the built object is for machine {}, not {EM_BPF} (BPF)", elf.machine);
    ensure!(
        elf.bpf_calls == 0,
        "the built object calls BPF functions in {} places: the 32-bit ARM JIT refuses such a program, Linux 5.10 refuses it \
         beside tail calls; look for what the compiler did not inline, or for large copies that became memcpy",
        elf.bpf_calls
    );
    for section in ["license", "maps"] {
        ensure!(elf.sections.iter().any(|name| name == section), "the built object has no {section} section");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_bpf_object_are_refused() {
        assert!(inspect(b"\x7fELF").is_err());
        let host = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(inspect(&host).unwrap_err().to_string().contains("BPF"));
    }
}
