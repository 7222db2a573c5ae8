//! What the agent takes while nothing happens.

use std::error::Error;
use std::time::Duration;

use edge_tests::memory::{Memory, promised_kib};
use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::guest_program;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Guest, GuestBuilder, HOST, Kernel};

/// The promise for all maps together, in bytes.
const MAPS_LIMIT: u64 = 768 * 1024;
/// The promise for the most that loading takes, reading the kernel's BTF included, in KiB: 6 MB.
const PEAK_KIB: u64 = 6_000_000 / 1024;
/// How long the agent is watched while idle.
const IDLE: Duration = Duration::from_secs(60);
/// Wake-ups allowed in that minute: one keep-alive or heartbeat, each with the answer it brings.
const WAKE_UPS: u64 = 4;
/// How long an ordinary command may take in a guest.
const SOON: Duration = Duration::from_secs(30);
/// The same for `check`, which loads every program: on a busy machine an emulated kernel takes a minute for that.
const CHECKED: Duration = Duration::from_secs(180);

/// A steady agent in a guest: its memory, its threads, the maps' bytes, and how often it wakes up when nothing happens.
pub(crate) fn steady(arch: Arch) -> Outcome {
    let broker = Mosquitto::start("")?;
    let mut guest =
        GuestBuilder::new(arch, Kernel::V5_10).program(&guest_program(arch, "edge-agent")?)?.boot()?;
    let config = format!(
        "[device]\nid = \"idle\"\n[mqtt]\nbrokers = [\"{HOST}:{}\"]\ninsecure = true\n",
        broker.port()
    );
    succeed(&mut guest, "mkdir -p /etc/edge-agent", SOON)?;
    guest.write("/etc/edge-agent/edge-agent.toml", config.as_bytes(), SOON)?;
    succeed(&mut guest, "edge-agent run 2>/run/agent.log & echo $! >/run/agent.pid", SOON)?;
    // The verifier takes half a minute of an emulated processor; then long enough to connect and settle.
    let settled = "for i in $(seq 150); do grep -q 'detector=bus_flood' /run/agent.log && break; sleep 1; done; sleep 10";
    succeed(&mut guest, settled, SOON * 8)?;
    let before = status(&mut guest)?;
    succeed(&mut guest, &format!("sleep {}", IDLE.as_secs()), IDLE + SOON)?;
    let after = status(&mut guest)?;
    let rollup = succeed(&mut guest, "cat /proc/$(cat /run/agent.pid)/smaps_rollup", SOON)?;
    let log = succeed(&mut guest, "cat /run/agent.log", SOON)?;

    let Memory { resident_kib, anonymous_kib } = Memory::parse(&rollup)?;
    let limit_kib = promised_kib(arch);
    let threads = field(&after, "Threads:")?;
    let wake_ups = field(&after, "voluntary_ctxt_switches:")? - field(&before, "voluntary_ctxt_switches:")?;
    let check = guest.run("edge-agent check --json", CHECKED)?.output;
    let check: serde_json::Value =
        serde_json::from_str(&check).map_err(|error| format!("{error}: {check}"))?;
    let maps = check.get("map_bytes").and_then(serde_json::Value::as_u64);
    let maps = maps.ok_or_else(|| format!("check tells no bytes of all maps: {check}"))?;
    let peak_kib = check.get("loader_peak_kib").and_then(serde_json::Value::as_u64).unwrap_or(u64::MAX);
    let origin = check.pointer("/offsets/origin").and_then(serde_json::Value::as_str).unwrap_or_default();
    // Where there is BTF it must have been read, or its cost would not be in these numbers.
    if origin != if arch == Arch::Arm64 { "btf" } else { "none" } {
        return Err(format!("offsets come from `{origin}` on {arch}").into());
    }
    let measured = format!(
        "RSS {resident_kib} KiB ({anonymous_kib} of it anonymous), {peak_kib} KiB at most while loading (offsets: {origin}), {threads} thread, \
         {wake_ups} wake-ups in {} s, maps {maps} bytes",
        IDLE.as_secs()
    );
    if peak_kib > PEAK_KIB {
        return Err(format!("{measured}; at most {PEAK_KIB} KiB while loading are promised").into());
    }
    if resident_kib > limit_kib || threads != 1 || wake_ups > WAKE_UPS || maps > MAPS_LIMIT {
        return Err(format!(
            "{measured}; at most {limit_kib} KiB, 1, {WAKE_UPS} and {MAPS_LIMIT} are promised\n{log}"
        )
        .into());
    }
    Ok(Some(measured))
}

/// Runs a command in a guest that must succeed.
fn succeed(guest: &mut Guest, command: &str, limit: Duration) -> Result<String, Box<dyn Error>> {
    let done = guest.run(command, limit)?;
    if done.code == 0 { Ok(done.output) } else { Err(format!("`{command}` ended with {done:?}").into()) }
}

/// What the guest's kernel says about the agent's process.
fn status(guest: &mut Guest) -> Result<String, Box<dyn Error>> {
    let show = "cat /proc/$(cat /run/agent.pid)/status || { cat /run/agent.log; exit 1; }";
    succeed(guest, show, SOON)
}

/// A number of a status file.
fn field(status: &str, name: &str) -> Result<u64, String> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("status has no {name}"))
}
