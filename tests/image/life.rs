//! The life of a gateway with `BusyBox` init: two boots, a day between them, attacks, and its power button.

use std::error::Error;
use std::time::Duration;

use edge_tests::memory::Memory;
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Disk, Kernel};

use crate::machine::{Machine, SOON, Uplink};
use crate::settings::Settings;
use crate::{attack, day, layout};

/// MiB of the root file system, of the data partition and of the slot for updates.
const SIZES: [u64; 3] = [32, 32, 8];
/// How long a gateway may take to end.
const OFF: Duration = Duration::from_secs(60);
/// The init script.
const SCRIPT: &str = "/etc/init.d/S60edge-agent";

/// What a boot leaves to be compared.
struct Boot {
    /// Seconds from the kernel's start to the end of `rcS`.
    started: f64,
    /// KiB that the kernel could give away.
    available_kib: u64,
}

/// One gateway, in order: what each step leaves is what the next one finds. First the same image without the agent.
pub(crate) fn gateway(arch: Arch, kernel: Kernel) -> Outcome {
    let mut uplink = Uplink::start()?;
    let bare = layout::gateway(arch, None)?.disk(SIZES[0])?;
    let (data, slot) = (layout::data(arch)?.disk(SIZES[1])?, Disk::ext4(SIZES[2])?);
    let without = {
        let mut machine = Machine::boot(arch, kernel, &[&bare, &data, &slot], &mut uplink)?;
        let boot = weigh(&mut machine)?;
        machine.guest.end_by("poweroff", OFF)?;
        boot
    };
    let root = layout::gateway(arch, Some(&Settings::new(uplink.broker.port())))?;
    let added = layout::added(&root, SCRIPT)?;
    let root = root.disk(SIZES[0])?;
    let disks = [&root, &data, &slot];
    // Kernels of armhf come without BTF.
    let by_file = arch == Arch::Arm64;

    let mut machine = Machine::boot(arch, kernel, &disks, &mut uplink)?;
    let online = machine.online(machine.booted)?;
    let first = online.at("/boot_id").clone();
    machine.quiet(machine.booted, "the boot")?;
    let with = weigh(&mut machine)?;
    let memory = Memory::parse(&machine.run("cat /proc/$(pidof edge-agent)/smaps_rollup")?)?;
    let silent = silent(&mut machine)?;
    day::passes(&mut machine)?;
    let login = day::login(&mut machine)?;
    let shadows = attack::are_reported(&mut machine, by_file)?;
    script(&mut machine)?;
    let mark = machine.uplink.watch.mark();
    machine.guest.end_by("poweroff", OFF)?;
    uplink.watch.wait(mark, SOON, "status stopped", |line| said::is_state(line, "stopped"))?;

    let mut machine = Machine::boot(arch, kernel, &disks, &mut uplink)?;
    let again = machine.online(machine.booted)?;
    if *again.at("/boot_id") == first {
        return Err(format!("the second boot has the id of the first: {}", again.json).into());
    }
    machine.quiet(machine.booted, "the second boot")?;
    Ok(Some(format!(
        "image +{added} bytes; rcS ends at {:.2} s, without the agent at {:.2} s; MemAvailable -{} KiB, of which resident {} KiB ({} anonymous); \
         not live: {silent}; a login: {login}; shadows: {shadows}",
        with.started,
        without.started,
        without.available_kib.saturating_sub(with.available_kib),
        memory.resident_kib,
        memory.anonymous_kib,
    )))
}

/// What a booted gateway has taken. The agent is online, so that the kernel's part is in it.
fn weigh(machine: &mut Machine<'_>) -> Result<Boot, Box<dyn Error>> {
    let started = machine.run("cat /run/booted")?.trim().parse()?;
    let line = machine.run("sync; sleep 1; grep MemAvailable /proc/meminfo")?;
    let available = line.split_whitespace().nth(1).ok_or_else(|| format!("no memory in {line}"))?;
    Ok(Boot { started, available_kib: available.parse()? })
}

/// The enabled detectors whose sensor did not answer, or that reach no rung.
pub(crate) fn silent(machine: &mut Machine<'_>) -> Result<String, Box<dyn Error>> {
    let beat = machine.settled()?;
    let all = beat.at("/detectors").as_array().cloned().unwrap_or_default();
    let names: Vec<String> = all
        .iter()
        .filter(|health| health["live"] != true && health["detector"] != "new_egress")
        .map(|health| format!("{} ({})", health["detector"], health["rung"]))
        .collect();
    Ok(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
}

/// The verbs of the init script. A change of the configuration by hand is a finding, and holds after a reload.
fn script(machine: &mut Machine<'_>) -> Result<(), Box<dyn Error>> {
    let mark = machine.uplink.watch.mark();
    machine.run(
        "mount -o remount,rw / && sed -i 's|^except = .*|except = [\"/tmp/declared/\"]|' /etc/edge-agent/edge-agent.toml && mount -o remount,ro /",
    )?;
    machine.any(mark, "impair_defenses")?;
    machine.run(&format!("{SCRIPT} reload && mkdir -p /tmp/declared && cp /bin/busybox /tmp/declared/ls"))?;
    machine.settled()?;
    let mark = machine.uplink.watch.mark();
    machine.run("/tmp/declared/ls >/dev/null")?;
    machine.verdict(mark, "foreign_exec", "/tmp/declared/ls")?;
    machine.drained()?;
    // That the shell had written the file itself is told wherever it lies.
    let of_place = |line: &Line| {
        said::is_verdict_of(line, "volatile_exec")
            && said::evidence_text(line, "reason") != Some("dropped_and_run")
    };
    if machine.verdicts(mark).iter().any(of_place) {
        return Err("after a reload an exempt folder is still watched".into());
    }
    let mark = machine.uplink.watch.mark();
    machine.run(&format!("{SCRIPT} restart"))?;
    machine.uplink.watch.wait(mark, SOON, "status stopped", |line| said::is_state(line, "stopped"))?;
    machine.online(mark)?;
    machine.quiet(mark, "restarting the agent by its script")?;
    let mark = machine.uplink.watch.mark();
    machine.run(&format!("{SCRIPT} stop && ! pidof edge-agent && [ ! -e /run/edge-agent.pid ]"))?;
    machine.uplink.watch.wait(mark, SOON, "status stopped", |line| said::is_state(line, "stopped"))?;
    machine.run(&format!("{SCRIPT} start"))?;
    machine.online(mark)?;
    machine.quiet(mark, "stopping and starting the agent by its script")
}
