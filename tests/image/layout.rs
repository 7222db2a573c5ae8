//! A root file system as Buildroot lays it out: `BusyBox` as init, a read-only root, a data partition, packages on an overlay of `/usr`.

use std::error::Error;

use edge_tests::images;
use edge_tests::programs::{guest_program, host_program};
use edge_tests::vm::{Arch, Root};

use crate::settings::{MANIFESTS, Settings};

/// Bytes of an image of the other slot.
const SLOT: usize = 3 << 20;

/// The links to `BusyBox`, as its own installation makes them.
pub(crate) const APPLETS: &[&str] = &[
    "/bin/cat",
    "/bin/chmod",
    "/bin/cp",
    "/bin/date",
    "/bin/dd",
    "/bin/df",
    "/bin/echo",
    "/bin/grep",
    "/bin/gzip",
    "/bin/gunzip",
    "/bin/hostname",
    "/bin/kill",
    "/bin/ln",
    "/bin/login",
    "/bin/ls",
    "/bin/mkdir",
    "/bin/mount",
    "/bin/mv",
    "/bin/ping",
    "/bin/ps",
    "/bin/rm",
    "/bin/sed",
    "/bin/sleep",
    "/bin/stat",
    "/bin/stty",
    "/bin/sync",
    "/bin/tar",
    "/bin/touch",
    "/bin/umount",
    "/bin/uname",
    "/bin/usleep",
    "/bin/false",
    "/bin/true",
    "/bin/dmesg",
    "/bin/run-parts",
    "/sbin/ifconfig",
    "/sbin/route",
    "/sbin/getty",
    "/sbin/halt",
    "/sbin/ifdown",
    "/sbin/ifup",
    "/sbin/init",
    "/sbin/ip",
    "/sbin/klogd",
    "/sbin/mdev",
    "/sbin/poweroff",
    "/sbin/reboot",
    "/sbin/start-stop-daemon",
    "/sbin/swapoff",
    "/sbin/sysctl",
    "/sbin/syslogd",
    "/sbin/udhcpc",
    "/usr/bin/awk",
    "/usr/bin/basename",
    "/usr/bin/cmp",
    "/usr/bin/crontab",
    "/usr/bin/cut",
    "/usr/bin/dirname",
    "/usr/bin/env",
    "/usr/bin/find",
    "/usr/bin/free",
    "/usr/bin/head",
    "/usr/bin/id",
    "/usr/bin/killall",
    "/usr/bin/logger",
    "/usr/bin/printf",
    "/usr/bin/seq",
    "/usr/bin/setsid",
    "/usr/bin/sha256sum",
    "/usr/bin/sort",
    "/usr/bin/tail",
    "/usr/bin/test",
    "/usr/bin/tr",
    "/usr/bin/uptime",
    "/usr/bin/wc",
    "/usr/bin/wget",
    "/usr/bin/xargs",
    "/usr/sbin/crond",
    "/bin/[",
    "/bin/pidof",
];

/// Files of the image, with their modes.
macro_rules! rootfs {
    ($($path:literal, $mode:literal, $source:literal;)+) => {
        &[$(($path, $mode, include_bytes!(concat!("rootfs/", $source)))),+]
    };
}

pub(crate) use rootfs;

/// What makes it this gateway.
const FILES: &[(&str, u32, &[u8])] = rootfs! {
    "/etc/inittab", 0o644, "etc/inittab";
    "/etc/fstab", 0o644, "etc/fstab";
    "/etc/passwd", 0o644, "etc/passwd";
    "/etc/group", 0o644, "etc/group";
    "/etc/shadow", 0o600, "etc/shadow";
    "/etc/profile", 0o644, "etc/profile";
    "/etc/network/interfaces", 0o644, "etc/interfaces";
    "/etc/crontabs/root", 0o600, "etc/crontab";
    "/etc/init.d/rcS", 0o755, "etc/init.d/rcS";
    "/etc/init.d/rcK", 0o755, "etc/init.d/rcK";
    "/etc/init.d/S01syslogd", 0o755, "etc/init.d/S01syslogd";
    "/etc/init.d/S02klogd", 0o755, "etc/init.d/S02klogd";
    "/etc/init.d/S03sysctl", 0o755, "etc/init.d/S03sysctl";
    "/etc/init.d/S40network", 0o755, "etc/init.d/S40network";
    "/etc/init.d/S50crond", 0o755, "etc/init.d/S50crond";
    "/etc/init.d/S55dropbear", 0o755, "etc/init.d/S55dropbear";
    "/etc/init.d/S70gateway", 0o755, "etc/init.d/S70gateway";
    "/etc/sysctl.d/60-edge-agent.conf", 0o644, "../../../buildroot/board/common/rootfs-overlay/etc/sysctl.d/60-edge-agent.conf";
    "/bin/console", 0o755, "bin/console";
    "/usr/bin/gateway", 0o755, "bin/gateway";
    "/usr/bin/opkg", 0o755, "bin/opkg";
    "/usr/bin/swupdate", 0o755, "bin/swupdate";
    "/usr/sbin/ssh-keys", 0o755, "bin/ssh-keys";
    "/usr/sbin/sample", 0o755, "bin/sample";
    "/usr/sbin/logrotate", 0o755, "bin/logrotate";
    "/usr/sbin/daily", 0o755, "bin/daily";
    "/etc/udhcpc/default.script", 0o755, "bin/udhcpc.script";
};

/// Lays it out; without `settings` it has no agent.
pub(crate) fn gateway(arch: Arch, settings: Option<&Settings>) -> Result<Root, Box<dyn Error>> {
    let root = Root::empty()?;
    for (path, mode) in [("/tmp", 0o1777), ("/root", 0o700)] {
        root.folder(path, mode)?;
    }
    for path in [
        "/dev",
        "/proc",
        "/sys",
        "/run",
        "/data",
        "/mnt",
        "/var/log",
        "/var/lib",
        "/var/spool",
        "/usr/lib",
        "/etc/network/if-pre-up.d",
        "/etc/network/if-up.d",
        "/etc/network/if-down.d",
        "/etc/network/if-post-down.d",
    ] {
        root.folder(path, 0o755)?;
    }
    root.busybox(arch, APPLETS)?;
    root.programs_of(&images::shells(arch, &mut |_| ())?)?;
    for (path, mode, content) in FILES {
        root.file(path, *mode, content)?;
    }
    root.file("/etc/hostname", 0o644, format!("gateway-{arch}\n").as_bytes())?;
    root.link("/bin/sh", "dash")?
        .link("/var/run", "/run")?
        .link("/var/tmp", "/tmp")?
        .link("/root/.ssh", "/data/ssh")?;
    root.link("/etc/resolv.conf", "/run/resolv.conf")?;
    // The attacks; part of the image as far as the agent knows.
    root.program(&guest_program(arch, "edge-emulate")?, "/usr/bin/edge-emulate")?;
    if let Some(settings) = settings {
        install(&root, arch, settings)?;
        root.file("/etc/init.d/S60edge-agent", 0o755, include_bytes!("../../packaging/S60edge-agent"))?;
        list(&root, &root, "image")?;
    }
    Ok(root)
}

/// What every recipe installs: program, configuration, and what the settings add.
pub(crate) fn install(root: &Root, arch: Arch, settings: &Settings) -> Result<(), Box<dyn Error>> {
    root.program(&guest_program(arch, "edge-agent")?, "/usr/bin/edge-agent")?;
    root.folder("/etc/edge-agent", 0o750)?;
    root.file("/etc/edge-agent/edge-agent.toml", 0o640, settings.configuration()?.as_bytes())?;
    root.folder("/var/lib/edge-agent", 0o700)?;
    Ok(())
}

/// Writes the manifest of what `listed` holds into `root`, as an image build does as its last step.
pub(crate) fn list(root: &Root, listed: &Root, name: &str) -> Result<(), Box<dyn Error>> {
    let tool = host_program("edge-watch")?;
    let out = Root::empty()?;
    let made = out.path().join("made");
    let options = ["manifest", "make", "--image", name, "--fs", "/=ext4", "--root"];
    let mut command = std::process::Command::new(tool);
    let done = command.args(options).arg(listed.path()).arg("--out").arg(&made).output()?;
    if !done.status.success() {
        return Err(format!("no manifest of {name}: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    root.file(&format!("{MANIFESTS}/{name}.manifest"), 0o644, &std::fs::read(&made)?)?;
    Ok(())
}

/// The bytes that the agent's files add to an image with this init script or unit.
pub(crate) fn added(root: &Root, starter: &str) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for path in ["/usr/bin/edge-agent", "/etc/edge-agent", starter] {
        sum += root.bytes(path)?;
    }
    Ok(sum)
}

/// A data partition: what overlays need, a place for each job, and what was fetched for them, an image of the other slot and a package.
pub(crate) fn data(arch: Arch) -> Result<Root, Box<dyn Error>> {
    let root = Root::empty()?;
    for path in ["/usr/upper", "/usr/work", "/log", "/state"] {
        root.folder(path, 0o755)?;
    }
    // Bytes that no compression makes smaller (xorshift of Marsaglia, 2003).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut slot = Vec::with_capacity(SLOT);
    while slot.len() < SLOT {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        slot.extend_from_slice(&state.to_le_bytes());
    }
    root.file("/update.img", 0o644, &slot)?;
    // What the package installs, its manifest with it; it is unpacked below `/usr`.
    let installed = Root::empty()?;
    installed.file("/usr/bin/gateway", 0o755, include_bytes!("rootfs/bin/gateway"))?;
    installed.busybox(arch, &[])?;
    std::fs::rename(installed.path().join("bin/busybox"), installed.path().join("usr/bin/nproc"))?;
    for number in 0..60 {
        installed.file(&format!("/usr/lib/gateway/part{number}"), 0o644, number.to_string().as_bytes())?;
    }
    list(&installed, &installed, "gateway")?;
    root.file("/gateway.ipk", 0o644, &installed.archive("/usr")?)?;
    Ok(root)
}
