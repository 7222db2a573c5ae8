//! The Debian packages that root file systems of gateways are made of, kept in the cache as all others are.

use crate::vm::{Arch, PackageFiles, VmError, fetch_packages};

/// What a root file system with systemd is made of, besides `BusyBox`.
const SYSTEMD: [&str; 11] = [
    "systemd",
    "udev",
    "mount",
    "dbus",
    "dbus-daemon",
    "dbus-system-bus-common",
    "cron",
    "dash",
    "logrotate",
    "dropbear-bin",
    "zlib1g",
];

/// An SSH server and client, and a shell that runs other programs by their paths: that of Debian's `BusyBox` runs its own applets without, which no
/// `BusyBox` of Buildroot or Yocto does.
pub fn shells(arch: Arch, report: &mut dyn FnMut(&str)) -> Result<PackageFiles, VmError> {
    fetch_packages(arch, "shells", &["dash", "dropbear-bin", "zlib1g"], report)
}

/// systemd and the services around it.
pub fn systemd(arch: Arch, report: &mut dyn FnMut(&str)) -> Result<PackageFiles, VmError> {
    fetch_packages(arch, "systemd", &SYSTEMD, report)
}

/// Lets the cases of images run for which CI has no time; one of them is that with systemd.
pub const LONG_VARIABLE: &str = "EDGE_IMAGE_LONG";

/// Whether they are to run.
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os(LONG_VARIABLE).is_some()
}

/// All that the tests of images need.
pub fn fetch(report: &mut dyn FnMut(&str)) -> Result<(), VmError> {
    for arch in Arch::ALL {
        shells(arch, report)?;
    }
    if is_long() {
        systemd(Arch::Arm64, report)?;
    }
    Ok(())
}
