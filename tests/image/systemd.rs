//! A root file system with systemd as its first process, and the unit that is packaged, under it.

use std::error::Error;
use std::time::Duration;

use edge_tests::images;
use edge_tests::said;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Disk, Kernel, Root};

use crate::layout::{self, APPLETS};
use crate::machine::{Machine, SOON, START, Uplink};
use crate::settings::Settings;
use crate::{attack, day, life};

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
    "/etc/systemd/system/lifetime.timer", 0o644, "systemd/lifetime.timer";
    "/etc/systemd/system/gateway.service", 0o644, "systemd/gateway.service";
    "/etc/systemd/system/dropbear.service", 0o644, "systemd/dropbear.service";
    "/usr/bin/console", 0o755, "bin/console";
    "/usr/bin/gateway", 0o755, "bin/gateway";
    "/usr/sbin/ssh-keys", 0o755, "bin/ssh-keys";
    "/usr/bin/swupdate", 0o755, "bin/swupdate";
};

/// What `systemctl enable` links, by target.
const ENABLED: &[(&str, &str)] = &[
    ("multi-user.target", "/etc/systemd/system/console.service"),
    ("timers.target", "/etc/systemd/system/lifetime.timer"),
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
    root.all_of(&images::systemd(arch, &mut |_| ())?)?;
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
    root.link("/bin/sh", "dash")?
        .link("/var/run", "/run")?
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
    layout::list(&root, &root, "image")?;
    Ok(root)
}

/// What must not stand in the log of an agent that its unit lets do its work.
const REFUSALS: [&str; 3] = ["Read-only file system", "Permission denied", "Operation not permitted"];
/// What a gateway with systemd does all day.
const JOBS: &[&str] = &[
    "systemctl start logrotate.service systemd-tmpfiles-clean.service && [ -f /data/log/gateway.log.1.gz ]",
    "systemctl daemon-reload && systemctl restart cron dropbear gateway systemd-journald systemd-udevd systemd-logind",
    "udevadm trigger && udevadm settle && journalctl --rotate && journalctl --vacuum-size=1M",
    "systemctl restart systemd-networkd && for i in $(seq 30); do ip addr show eth0 | grep -q 10.0.2.15 && exit 0; sleep 1; done; exit 1",
    "systemd-run --wait --collect --property DynamicUser=yes /usr/bin/id && systemd-run --wait --collect --property PrivateTmp=yes /usr/bin/df",
    "/usr/bin/swupdate /data/update.img",
    "systemctl --no-pager status; systemctl list-timers; loginctl; ps; mount",
];

/// A boot with systemd: the unit's agent says that it is ready, is refused nothing, finds attacks and nothing else, and follows `systemctl`.
pub(crate) fn gateway(arch: Arch, kernel: Kernel) -> Outcome {
    let mut uplink = Uplink::start()?;
    let root = image(arch, &Settings::new(uplink.broker.port()))?;
    let added = layout::added(&root, UNIT)?;
    let (root, data, slot) = (root.disk(SIZE)?, layout::data(arch)?.disk(32)?, Disk::ext4(8)?);
    let mut machine = Machine::boot(arch, kernel, &[&root, &data, &slot], &mut uplink)?;
    machine.online(machine.booted)?;
    machine.run("for i in $(seq 100); do systemctl is-active edge-agent && exit 0; sleep 1; done; exit 1")?;
    let shown = machine
        .run("systemctl show edge-agent -p StatusText -p NRestarts -p WatchdogUSec -p MemoryCurrent")?;
    let log = machine.run("journalctl --no-pager -o cat -u edge-agent")?;
    if let Some(refused) = log.lines().find(|line| REFUSALS.iter().any(|words| line.contains(words))) {
        return Err(format!("the unit refuses what the agent needs: {refused}\n{log}").into());
    }
    let silent = life::silent(&mut machine)?;
    machine.run("ls /sys/fs/bpf/edge-agent/* >/dev/null")?;
    machine.quiet(machine.booted, "the boot")?;
    let mark = machine.uplink.watch.mark();
    for job in JOBS {
        machine.run(job)?;
    }
    machine.quiet(mark, "the day")?;
    let login = day::login(&mut machine)?;
    attack::are_reported(&mut machine, true)?;
    machine.run("systemctl reload edge-agent && sleep 2 && journalctl --no-pager -o cat -u edge-agent | grep 'config: reloaded'")?;
    watchdog(&mut machine)?;
    let mark = machine.uplink.watch.mark();
    machine.guest.end_by("systemctl poweroff", OFF)?;
    uplink.watch.wait(mark, SOON, "status stopped", |line| said::is_state(line, "stopped"))?;
    Ok(Some(format!(
        "image +{added} bytes; not live: {silent}; a login: {login}; {}",
        shown.replace('\n', ", ")
    )))
}

/// An agent that gives no sign of life is ended and started again, and the next one takes over.
fn watchdog(machine: &mut Machine<'_>) -> Result<(), Box<dyn Error>> {
    let mark = machine.uplink.watch.mark();
    machine.run(
        "mkdir -p /run/systemd/system/edge-agent.service.d && \
         printf '[Service]\\nWatchdogSec=6s\\nTimeoutStopSec=3s\\nRestartSec=1s\\n' >/run/systemd/system/edge-agent.service.d/soon.conf && \
         systemctl daemon-reload",
    )?;
    machine.guest.run("systemctl restart edge-agent", START)?;
    machine.online(mark)?;
    let mark = machine.uplink.watch.mark();
    machine.run("kill -STOP $(pidof edge-agent)")?;
    machine.online(mark)?;
    machine.run("systemctl show edge-agent -p NRestarts | grep -x NRestarts=1")?;
    Ok(())
}
