//! `ebpf`: builds the eBPF object and its provenance file, or with `--check` proves that the committed ones are current.

mod closure;
mod object;
mod provenance;
mod source;
mod stack;

use crate::compiler::Compiler;
use crate::process;
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use lexopt::Arg;
use provenance::Provenance;
use std::fs;
use std::path::PathBuf;

/// Where the loader says which program goes into which jump table, relative to the workspace.
const PROGRAMS: &str = "edge-agent/src/load/program.rs";
/// The committed object, relative to the workspace.
const OBJECT: &str = "edge-ebpf/dist/edge-ebpf.o";
/// What it was built from and with, relative to the workspace.
const PROVENANCE: &str = "edge-ebpf/dist/PROVENANCE.toml";

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    setup::ensure(workspace, "ebpf", &[Need::Bpf])?;
    if check { verify(workspace) } else { build(workspace) }
}

/// The committed object's place.
pub(crate) fn object_path(workspace: &Workspace) -> PathBuf {
    workspace.root.join(OBJECT)
}

/// Checks without any BPF tool that the committed object is the one its provenance names, built from these sources.
///
/// # Errors
/// Lists every disagreement.
pub(crate) fn freshness(workspace: &Workspace) -> Result<()> {
    let recorded = recorded(workspace)?;
    let object = fs::read(object_path(workspace)).with_context(|| format!("{OBJECT} cannot be read"))?;
    let findings = recorded.disagreements(&object, &source::hash(workspace)?);
    if !findings.is_empty() {
        bail!("{}; run `cargo xtask ebpf` and commit edge-ebpf/dist", findings.join("; "));
    }
    Ok(())
}

/// Runs clippy over the programs, as compiled for BPF, with every warning an error.
///
/// # Errors
/// A missing compiler, or anything clippy has to say.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    process::run(&mut object::clippy(workspace, &Compiler::find()?))
}

/// Builds the object and writes it with its provenance.
fn build(workspace: &Workspace) -> Result<()> {
    let compiler = Compiler::find()?;
    let linker = object::linker(workspace)?;
    let object = object::build(workspace, &compiler, &linker)?;
    stack(workspace, &object)?;
    let provenance = Provenance::new(&object, source::hash(workspace)?, compiler.version, linker.version);
    fs::create_dir_all(workspace.root.join("edge-ebpf/dist"))?;
    fs::write(object_path(workspace), &object)?;
    fs::write(workspace.root.join(PROVENANCE), provenance.to_text())?;
    println!("{OBJECT}: {} bytes, sha256 {}", object.len(), provenance.object.sha256);
    Ok(())
}

/// Refuses an object in which a program jumps to one that needs more stack.
fn stack(workspace: &Workspace, object: &[u8]) -> Result<()> {
    let loader = fs::read_to_string(workspace.root.join(PROGRAMS))
        .with_context(|| format!("{PROGRAMS} cannot be read"))?;
    for line in stack::check(&stack::frames(object)?, &stack::tables(&loader))? {
        println!("{line}");
    }
    Ok(())
}

/// Rebuilds the object and compares it with the committed one.
fn verify(workspace: &Workspace) -> Result<()> {
    freshness(workspace)?;
    let recorded = recorded(workspace)?;
    let compiler = Compiler::find()?;
    let linker = object::linker(workspace)?;
    let object = object::build(workspace, &compiler, &linker)?;
    stack(workspace, &object)?;
    if !recorded.built_with.is(&compiler.version, &linker.version) {
        println!(
            "sources agree and build; bytes not compared, for the committed object was made by {} and {}, not by {} and {}",
            recorded.built_with.compiler, recorded.built_with.linker, compiler.version, linker.version
        );
        return Ok(());
    }
    let digest = crate::digest::sha256(&object);
    if digest != recorded.object.sha256 {
        let rebuilt = workspace.target.join("edge-ebpf.rebuilt.o");
        fs::write(&rebuilt, &object)?;
        bail!(
            "the same compiler and linker made other bytes: {} ({digest}, kept as {}) instead of {} ({})",
            object.len(),
            rebuilt.display(),
            recorded.object.bytes,
            recorded.object.sha256
        );
    }
    println!("{OBJECT}: rebuilt to the same {} bytes", object.len());
    Ok(())
}

/// The committed provenance.
fn recorded(workspace: &Workspace) -> Result<Provenance> {
    let text = fs::read_to_string(workspace.root.join(PROVENANCE))
        .with_context(|| format!("{PROVENANCE} cannot be read; `cargo xtask ebpf` writes it"))?;
    Provenance::parse(&text)
}
