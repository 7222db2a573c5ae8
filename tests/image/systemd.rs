//! A root file system with systemd as its first process, and the unit that is packaged, under it.

use std::error::Error;
use std::time::Duration;

use edge_tests::said;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Disk, Kernel, Root, fetch_packages};

use crate::layout::{self, APPLETS};
use crate::machine::{Machine, SOON, Uplink};
use crate::settings::Settings;

/// What it is made of.
const PACKAGES: [&str; 9] = [
    "systemd",
    "udev",
    "mount",
    "dbus",
    "dbus-daemon",
    "dbus-system-bus-common",
    "cron",
    "logrotate",
    "dropbear-bin",
];
/// The unit.
const UNIT: &str = "/usr/lib/systemd/system/edge-agent.service";
/// MiB of the root file system.
const SIZE: u64 = 160;
/// How long a gateway may take to end.
const OFF: Duration = Duration::from_secs(90);

/// Files of the image, with their modes.
const FILES: &[(&str, u32, &[u8])] = layout::rootfs! {
    "/etc/fstab", 0o644, "systemd/fstab";
    "/etc/passwd", 0o644, "systemd/passwd";
    "/etc/group", 0o644, "systemd/group";
    "/etc/shadow", 0o600, "etc/shadow";
    "/etc/profile", 0o644, "etc/profile";
    "/etc/logrotate.d/gateway", 0o644, "systemd/logrotate.conf";
    "/etc/systemd/network/wired.network", 0o644, "systemd/wired.network";
    "/etc/systemd/system/console.service", 0o644, "systemd/console.service";
    "/etc/systemd/system/lifetime.service", 0o644, "systemd/lifetime.service";
    "/etc/systemd/system/gateway.service", 0o644, "systemd/gateway.service";
    "/etc/systemd/system/dropbear.service", 0o644, "systemd/dropbear.service";
    "/usr/bin/console", 0o755, "bin/console";
    "/usr/bin/gateway", 0o755, "bin/gateway";
    "/usr/bin/swupdate", 0o755, "bin/swupdate";
};

/// What `systemctl enable` links, by target.
const ENABLED: &[(&str, &str)] = &[
    ("multi-user.target", "/etc/systemd/system/console.service"),
    ("multi-user.target", "/etc/systemd/system/lifetime.service"),
    ("multi-user.target", "/etc/systemd/system/gateway.service"),
    ("multi-user.target", "/etc/systemd/system/dropbear.service"),
    ("multi-user.target", "/usr/lib/systemd/system/cron.service"),
    ("multi-user.target", "/usr/lib/systemd/system/systemd-networkd.service"),
    ("multi-user.target", UNIT),
    ("timers.target", "/usr/lib/systemd/system/logrotate.timer"),
];

/// Lays it out.
fn image(arch: Arch, settings: &Settings) -> Result<Root, Box<dyn Error>> {
    let root = Root::empty()?;
    root.all_of(&fetch_packages(arch, "systemd", &[&PACKAGES[..], &["zlib1g"]].concat(), &mut |_| ())?)?;
    for (path, mode) in [("/tmp", 0o1777), ("/root", 0o700)] {
        root.folder(path, mode)?;
    }
    for path in
        ["/dev", "/proc", "/sys", "/run", "/data", "/mnt", "/var/log", "/var/lib", "/var/spool/cron/crontabs"]
    {
        root.folder(path, 0o755)?;
    }
    let missing: Vec<&str> = APPLETS.iter().copied().filter(|path| !root.has(path)).collect();
    root.busybox(arch, &missing)?;
    for (path, mode, content) in FILES {
        root.file(path, *mode, content)?;
    }
    root.file("/etc/hostname", 0o644, format!("gateway-{arch}\n").as_bytes())?;
    // Empty: made at the first boot, and this is not the one at which the system asks for its settings.
    root.file("/etc/machine-id", 0o444, b"")?;
    root.link("/var/run", "/run")?
        .link("/root/.ssh", "/data/ssh")?
        .link("/sbin/init", "/usr/lib/systemd/systemd")?;
    root.link("/etc/systemd/system/default.target", "/usr/lib/systemd/system/multi-user.target")?;
    for name in ["getty@.service", "serial-getty@.service"] {
        root.link(&format!("/etc/systemd/system/{name}"), "/dev/null")?;
    }
    root.program(&edge_tests::programs::guest_program(arch, "edge-emulate")?, "/usr/bin/edge-emulate")?;
    layout::install(&root, arch, settings)?;
    root.file(UNIT, 0o644, include_bytes!("../../packaging/edge-agent.service"))?;
    for (target, unit) in ENABLED {
        let name = unit.rsplit('/').next().unwrap_or(unit);
        root.link(&format!("/etc/systemd/system/{target}.wants/{name}"), unit)?;
    }
    Ok(root)
}

/// A boot with systemd.
pub(crate) fn gateway(arch: Arch, kernel: Kernel) -> Outcome {
    let mut uplink = Uplink::start()?;
    let root = image(arch, &Settings::new(uplink.broker.port()))?;
    let (root, data, slot) = (root.disk(SIZE)?, layout::data(arch)?.disk(32)?, Disk::ext4(8)?);
    let mut machine = Machine::boot(arch, kernel, &[&root, &data, &slot], &mut uplink)?;
    println!("{}", machine.run("cat /proc/uptime; systemctl --no-pager list-units --failed; systemctl --no-pager status edge-agent; ls -l /dev/log; networkctl --no-pager")?);
    let online = machine.online(machine.booted);
    println!("{}", machine.run("cat /proc/uptime; systemctl --no-pager list-units --failed; systemctl --no-pager status edge-agent; journalctl --no-pager -u edge-agent | tail -n 60; ps; ip addr")?);
    println!("{}", online?.json);
    println!("{}", machine.settled()?.json);
    machine.quiet(machine.booted, "the boot")?;
    machine.guest.end_by("systemctl poweroff", OFF)?;
    uplink.watch.wait(0, SOON, "status stopped", |line| said::is_state(line, "stopped"))?;
    Ok(None)
}
