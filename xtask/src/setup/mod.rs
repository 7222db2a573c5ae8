//! `setup`: installs what the other verbs need, from Debian packages, crates.io and the Python index. The other verbs call
//! [`ensure`] and so find out by themselves what is missing.

mod debian;
mod explain;
mod linker;
mod part;
mod python;

pub(crate) use part::Need;

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use edge_tests::vm::{Arch, Kernel};
use lexopt::{Arg, ValueExt as _};
use part::Part;

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let mut verb = "all".to_owned();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("for") => verb = args.value()?.string()?,
            Arg::Long("explain") => {
                print!("{}", explain::TEXT);
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(needs) = part::needs_of(&verb) else {
        bail!("setup knows no verb `{verb}`; it knows {}", part::verbs());
    };
    ensure(workspace, &verb, needs)?;
    if needs.contains(&Need::Guest) {
        fetch_kernels(&edge_tests::vm::matrix())?;
        fetch_images()?;
    }
    println!("everything for `{verb}` is in place; the cache is {}", workspace.cache.display());
    Ok(())
}

/// Brings the kernels of `guests` into the cache; those that are there stay as they are.
///
/// # Errors
/// A kernel that cannot be fetched.
pub(crate) fn fetch_kernels(guests: &[(Arch, Kernel)]) -> Result<()> {
    edge_tests::vm::fetch_kernels(guests, &mut |line| println!("{line}"))?;
    Ok(())
}

/// Brings the packages that root file systems of gateways are made of into the cache.
///
/// # Errors
/// A package that cannot be fetched.
pub(crate) fn fetch_images() -> Result<()> {
    edge_tests::images::fetch(&mut |line| println!("{line}"))?;
    Ok(())
}

/// Makes sure that everything in `needs` is installed, and installs it where that is possible: packages as root on
/// Debian, tools in the cache anywhere. Does nothing when nothing is missing.
///
/// # Errors
/// Names each missing thing and the command that installs it.
pub(crate) fn ensure(workspace: &Workspace, verb: &str, needs: &[Need]) -> Result<()> {
    let missing: Vec<&Part> =
        needs.iter().flat_map(|need| need.parts()).filter(|part| !(part.present)(workspace)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    println!("missing for `{verb}`: {names}");
    if debian::is_debian() {
        let packages = debian::absent(missing.iter().flat_map(|part| part.packages.iter().copied()))?;
        if !packages.is_empty() && !process::is_root() {
            bail!(
                "{names} missing; as root: apt-get install {} (or `cargo xtask setup --for {verb}`)",
                packages.join(" ")
            );
        }
        debian::install(&packages)?;
    } else if let Some(part) = missing.iter().find(|part| !part.portable) {
        bail!("{} missing, and this system is not Debian; see `cargo xtask setup --explain`", part.name);
    }
    for part in &missing {
        if let Some(install) = part.install {
            install(workspace)?;
        }
        if !(part.present)(workspace) {
            bail!("{} is still missing after its installation", part.name);
        }
    }
    Ok(())
}
