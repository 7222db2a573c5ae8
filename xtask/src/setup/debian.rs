//! Debian's packages: which are absent, and their installation.

use crate::process;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Whether this system is Debian itself; its relatives lack `rustc-web`.
pub(super) fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text))
}

/// Whether an os-release file is Debian's.
fn names_debian(os_release: &str) -> bool {
    os_release.lines().any(|line| matches!(line.trim(), "ID=debian" | "ID=\"debian\""))
}

/// Those of `packages` that are not installed, sorted, each once.
///
/// # Errors
/// A dpkg that cannot be run.
pub(super) fn absent<'a>(packages: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'a str>> {
    let wanted: BTreeSet<&str> = packages.into_iter().collect();
    let format = "${Package} ${db:Status-Status}\n";
    let installed =
        process::capture(process::command("dpkg-query").args(["--show", "--showformat", format]))?;
    Ok(wanted.into_iter().filter(|name| !lists(&installed, name)).collect())
}

/// Whether a `package status` listing has `name` as installed.
fn lists(listing: &str, name: &str) -> bool {
    listing.lines().any(|line| line.split_once(' ') == Some((name, "installed")))
}

/// Installs `packages`; nothing when the list is empty. Needs root.
///
/// # Errors
/// An apt that refuses, for instance because the security archive, which has `rustc-web` and LLVM 22, is not enabled.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let mut update = process::command("apt-get");
    process::run(update.args(["-qq", "update"]))?;
    let mut apt = process::command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-y", "-o", "Dpkg::Use-Pty=0"]);
    apt.args(["--no-install-recommends", "install"]).args(packages);
    process::run(&mut apt).with_context(|| {
        format!("installing {} (Debian 12 with its security archive has them all)", packages.join(" "))
    })?;
    if packages.contains(&"mosquitto") {
        silence_mosquitto();
    }
    Ok(())
}

/// Stops the broker that the package has just started, now and at every boot: the tests start their own, and nothing
/// should listen on a developer's machine behind their back. Does nothing to a broker that was there before.
fn silence_mosquitto() {
    let systemd = Path::new("/run/systemd/system").is_dir();
    let commands: &[&[&str]] = if systemd {
        &[&["systemctl", "disable", "--now", "mosquitto"]]
    } else {
        &[&["service", "mosquitto", "stop"], &["update-rc.d", "mosquitto", "disable"]]
    };
    for line in commands {
        let Some((program, arguments)) = line.split_first() else { continue };
        // A container has no service manager at all; then nothing was started either.
        if let Err(error) = process::capture(process::command(program).args(arguments)) {
            println!("mosquitto's own service: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_itself_counts() {
        assert!(names_debian("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(!names_debian("ID=ubuntu\nID_LIKE=debian\n"));
    }

    #[test]
    fn a_removed_package_is_absent() {
        let listing = "gcc installed\ncpio config-files\nqemu-system-arm installed\n";
        assert!(lists(listing, "gcc") && lists(listing, "qemu-system-arm"));
        assert!(!lists(listing, "cpio") && !lists(listing, "qemu-system"));
    }
}
