//! `cross`: does without a container engine what `cross` would do with one: runs the steps of the Dockerfiles in a Debian in a
//! folder, then builds and tests in there with nothing but what `cross` mounts.

mod chroot;
pub(crate) mod dockerfile;
mod toolchain;

use crate::build::Target;
use crate::elf::Elf;
use crate::setup::{self, Need};
use crate::test::tally::Reader;
use crate::workspace::Workspace;
use crate::{process, remap};
use anyhow::{Context, Result, ensure};
use chroot::Chroot;
use dockerfile::Step;
use lexopt::{Arg, ValueExt as _};
use std::fs;
use std::path::Path;

/// In which profiles: the one that goes into images, and the one that a person types.
const PROFILES: &[&str] = &["dist", "release"];
/// The packages whose tests ask nothing of the kernel or the network that qemu-user does not give.
const TESTED: &[&str] = &["edge-abi", "edge-wire"];

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let (mut targets, mut images_only) = (Target::ARM.to_vec(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("target") => targets = vec![Target::named(&args.value()?.string()?)?],
            Arg::Long("images") => images_only = true,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(process::is_root(), "only root may make a Debian in a folder");
    setup::ensure(workspace, "cross", &[Need::Arm, Need::Chroot])?;
    if !images_only {
        process::run(process::cargo().args(["fetch", "--locked"]).current_dir(&workspace.root))?;
    }
    for target in targets {
        let (triple, machine) =
            target.triple().zip(target.machine()).context("host is no target of `cross`")?;
        let folder = workspace.target.join("cross").join(target.name());
        fs::create_dir_all(&folder)?;
        let image = image(workspace, triple, &folder.join("image")).context(triple)?;
        println!("{triple}: the image has {} bytes", image.bytes()?);
        if !images_only {
            prove(workspace, target, (triple, machine), &folder, image).context(triple)?;
        }
    }
    Ok(())
}

/// The Dockerfile of a target, from the workspace.
pub(crate) fn dockerfile_of(triple: &str) -> String {
    format!("cross/Dockerfile.{triple}")
}

/// Programs and tests of one target, in its image.
fn prove(
    workspace: &Workspace,
    target: Target,
    (triple, machine): (&str, u16),
    folder: &Path,
    mut image: Chroot,
) -> Result<()> {
    let (gnu, musl, emulated) = match target {
        Target::Armv7 => ("arm-linux-gnueabihf", "arm-linux-musleabihf", "arm"),
        _ => ("aarch64-linux-gnu", "aarch64-linux-musl", "aarch64"),
    };
    let rust = folder.join("rust");
    toolchain::make(workspace, &rust, triple, (gnu, musl), &image)?;
    let built = folder.join("target");
    fs::create_dir_all(&built)?;
    for (from, place) in [
        (&rust, "/rust"),
        (&remap::cargo_home()?, "/cargo"),
        (&built, "/target"),
        (&workspace.root, "/project"),
    ] {
        image.mount(from, place);
    }
    let variables =
        [("CARGO_HOME", "/cargo"), ("CARGO_TARGET_DIR", "/target"), ("LD_LIBRARY_PATH", "/rust/lib")];
    image.environment.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let cargo = |rest: &str| {
        let line = format!("cargo {rest} --locked --offline --target {triple}");
        image.shell(&line, ":/rust/bin", "/project", false)
    };
    for profile in PROFILES {
        process::run(&mut cargo(&format!(
            "build --package edge-agent --features tls,spool --profile {profile}"
        )))?;
        let program = built.join(triple).join(profile).join("edge-agent");
        let bytes = fs::read(&program).with_context(|| program.display().to_string())?;
        let elf = Elf::parse(&bytes)?;
        ensure!(
            elf.machine == machine && elf.is_static(),
            "{} is not a static program of {triple}",
            program.display()
        );
        println!("{triple}: edge-agent with tls and spool, {profile}: {} bytes", bytes.len());
        let started = process::capture(&mut image.shell(
            &format!("qemu-{emulated}-static /target/{triple}/{profile}/edge-agent --version"),
            "",
            "/",
            false,
        ))?;
        println!("{triple}: it says {}", started.trim());
    }
    let packages = TESTED.join(" --package ");
    let mut reader = Reader::default();
    let status =
        process::stream(&mut cargo(&format!("test --package {packages}")), |line| reader.line(line))?;
    let tally = reader.finish(status.success());
    println!("{triple}: {} passed, {} failed", tally.passed, tally.failed);
    ensure!(tally.failed == 0 && tally.passed > 0, "tests failed");
    Ok(())
}

/// Runs the steps of the target's Dockerfile in a new Debian.
fn image(workspace: &Workspace, triple: &str, root: &Path) -> Result<Chroot> {
    let path = workspace.root.join(dockerfile_of(triple));
    let steps = dockerfile::parse(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)?;
    let mut image = Chroot::make(root)?;
    for step in steps {
        match step {
            // Stood in for by debootstrap.
            Step::Arg(..) | Step::From(_) => {}
            Step::Run(line) => process::run(&mut image.shell(&line, "", "/", true))?,
            Step::Env(name, value) => image.environment.push((name, value)),
        }
    }
    Ok(image)
}
