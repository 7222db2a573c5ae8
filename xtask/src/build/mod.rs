//! `build`: the programs, for this machine with plain cargo, or static for the ARM targets.

mod program;
mod target;

pub(crate) use program::{PROGRAMS, Program, WITH_TLS};
pub(crate) use target::Target;

use crate::compiler::Compiler;
use crate::elf::Elf;
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use crate::{process, remap};
use anyhow::{Context, Result, bail, ensure};
use lexopt::{Arg, ValueExt as _};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A program that was built.
pub(crate) struct Built {
    /// Which.
    pub(crate) program: &'static Program,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let (mut target, mut profile, mut programs) = (None, None, PROGRAMS.iter().collect::<Vec<_>>());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("target") => target = Some(Target::named(&args.value()?.string()?)?),
            Arg::Long("profile") => profile = Some(args.value()?.string()?),
            Arg::Long("bin") => programs = program::named(&args.value()?.string()?)?,
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(target) = target else { bail!("--target is missing; it is one of host, aarch64, armv7") };
    let profile = profile.unwrap_or_else(|| target.profile().to_owned());
    for built in programs_for(workspace, target, &programs, &profile)? {
        println!("{}: {} bytes", built.path.display(), built.bytes);
    }
    Ok(())
}

/// Builds `programs` for `target` in `profile`.
///
/// One cargo run per program: built together, each would get the features that the others ask of shared crates.
///
/// # Errors
/// A missing tool, a failed build, or an ARM program that is not static.
pub(crate) fn programs_for(
    workspace: &Workspace,
    target: Target,
    programs: &[&'static Program],
    profile: &str,
) -> Result<Vec<Built>> {
    let compiler = match target.triple() {
        Some(_) => {
            setup::ensure(workspace, "build", &[Need::Arm])?;
            Some(Compiler::find()?)
        }
        None => None,
    };
    let mut built = Vec::new();
    for program in programs {
        let mut cargo = match (&compiler, target.triple()) {
            (Some(compiler), Some(triple)) => zigbuild(workspace, compiler, triple)?,
            _ => host(),
        };
        cargo.args(["--package", program.package, "--bin", program.bin, "--profile", profile]);
        cargo.args(program.features.iter().flat_map(|features| ["--features", *features]));
        process::run(cargo.current_dir(&workspace.root))?;
        let made = output_dir(workspace, target, profile).join(program.bin);
        let path = made.with_file_name(program.name);
        if path != made {
            // The next build of the plain one takes its place.
            fs::copy(&made, &path).with_context(|| format!("cargo made no {}", made.display()))?;
        }
        let bytes = fs::read(&path).with_context(|| format!("cargo made no {}", path.display()))?;
        if let Some(machine) = target.machine() {
            inspect(&bytes, machine).with_context(|| path.display().to_string())?;
        }
        built.push(Built { program, path, bytes: bytes.len() as u64 });
    }
    Ok(built)
}

/// Where the programs of a target lie once they are built.
pub(crate) fn output_dir(workspace: &Workspace, target: Target, profile: &str) -> PathBuf {
    // Cargo's own names for the folders of two profiles.
    let profile = if matches!(profile, "dev" | "test") { "debug" } else { profile };
    target
        .triple()
        .map_or_else(|| workspace.target.clone(), |triple| arm_dir(workspace).join(triple))
        .join(profile)
}

/// A build folder of its own: another compiler than the host's works there.
fn arm_dir(workspace: &Workspace) -> PathBuf {
    workspace.target.join("arm")
}

/// Plain cargo, as it runs xtask.
fn host() -> Command {
    let mut cargo = process::cargo();
    cargo.arg("build");
    cargo
}

/// cargo-zigbuild with a standard library built for `triple`, linked against the musl that zig carries.
fn zigbuild(workspace: &Workspace, compiler: &Compiler, triple: &str) -> Result<Command> {
    let target_dir = arm_dir(workspace);
    let bin = workspace.venv().join("bin");
    let mut command = process::pristine(bin.join("cargo-zigbuild"));
    compiler.select(&mut command);
    // std's default features are the unwinder, which abort does not need, and the printer of backtraces, which has no
    // symbols to print in a stripped program. Without them one that only prints a line has 88,376 bytes, not 259,248
    // (armv7, rustc 1.96).
    command.args(["zigbuild", "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=", "--target", triple]);
    command.arg("--target-dir").arg(&target_dir);
    // zig is a Python package: its interpreter must be found first.
    command.env("PATH", process::path_with(&bin)?);
    for (name, folder) in [
        ("CARGO_ZIGBUILD_CACHE_DIR", "zigbuild"),
        ("ZIG_GLOBAL_CACHE_DIR", "zig"),
        ("ZIG_LOCAL_CACHE_DIR", "zig"),
    ] {
        command.env(name, workspace.cache.join(folder));
    }
    let mut flags = vec!["-Clink-self-contained=no".to_owned(), "-Ctarget-feature=+crt-static".to_owned()];
    flags.extend(remap::flags(workspace, compiler, &target_dir)?);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(command)
}

/// Refuses a program that would not start on a bare image of its machine.
fn inspect(bytes: &[u8], machine: u16) -> Result<()> {
    let elf = Elf::parse(bytes)?;
    ensure!(elf.machine == machine, "is for machine {}, not {machine}", elf.machine);
    ensure!(!elf.interpreted, "is not static: it asks for a dynamic loader");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn folders_follow_target_and_profile() {
        let workspace = Workspace { root: "/w".into(), target: "/w/target".into(), cache: "/c".into() };
        assert_eq!(output_dir(&workspace, Target::Host, "dev"), Path::new("/w/target/debug"));
        let arm = output_dir(&workspace, Target::Armv7, "dist");
        assert_eq!(arm, Path::new("/w/target/arm/armv7-unknown-linux-musleabihf/dist"));
    }

    #[test]
    fn a_dynamic_program_is_refused() {
        let bytes = fs::read("/bin/sh").unwrap();
        let machine = Elf::parse(&bytes).unwrap().machine;
        assert!(inspect(&bytes, machine).unwrap_err().to_string().contains("not static"));
        assert!(inspect(&bytes, machine + 1).unwrap_err().to_string().contains("machine"));
    }
}
