//! Floods: more events than the agent can take. It may lose detail, never count: the books balance, and memory does not
//! grow.

use std::error::Error;
use std::time::Duration;

use crate::emulation::Emulation;
use crate::scene::{Policy, SOON, Scene, asked_rung};
use edge_tests::books::balance;
use edge_tests::memory::{Memory, promised_kib};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// Events of a flood.
const EVENTS: u64 = 10_000;
/// Executions of a flood where it does not run in full, since each takes an emulated processor ten milliseconds: four times as many as the
/// kernel side remembers processes.
const FEWER: u64 = 2_000;
/// How much memory may grow, in KiB: pages touched for the first time, not buffers that grow.
const GROWTH_KIB: u64 = 64;
/// All buffers of the agent (`edge-agent/src/budget.rs`), in KiB: what floods of every kind may touch for the first time.
const BUFFERS_KIB: u64 = 160;
/// How long a flood may take: on some kernels ten thousand mount namespaces took an emulated processor of a busy machine five minutes.
const LIMIT: Duration = Duration::from_secs(900);

/// What floods a detector.
struct Flood {
    /// The detector.
    detector: &'static str,
    /// The arguments of `edge-emulate`; `N` is how many events they make.
    arguments: &'static str,
    /// What an event is.
    event: Event,
}

/// What one event of a flood is.
#[derive(PartialEq)]
enum Event {
    /// A finding.
    Finding,
    /// The same, and a process and a record of its own, as in [`executions`]: the longest of all, so fewer.
    Execution,
    /// One of many that are counted.
    Counted,
}

impl Flood {
    /// How many events it makes: ten thousand where a rung is asked for.
    fn events(&self) -> u64 {
        match self.event {
            _ if asked_rung().is_none() => FEWER,
            Event::Execution => 3_000,
            _ => EVENTS,
        }
    }

    /// Least findings.
    fn least(&self) -> u64 {
        if self.event == Event::Counted { 1 } else { self.events() }
    }

    /// Makes them.
    fn run(&self, scene: &mut Scene) -> Result<Emulation, Box<dyn Error>> {
        let arguments = self.arguments.replace(" N", &format!(" {}", self.events()));
        let done = scene.guest.run(&format!("edge-emulate {arguments}"), LIMIT)?;
        Emulation::read(&done).map_err(|problem| format!("flood `{arguments}`: {problem}").into())
    }
}

/// A flood of events that are findings, each.
const fn each(detector: &'static str, arguments: &'static str) -> Flood {
    Flood { detector, arguments, event: Event::Finding }
}

/// A flood of events that are counted.
const fn counted(detector: &'static str, arguments: &'static str) -> Flood {
    Flood { detector, arguments, event: Event::Counted }
}

/// For every detector that has no flood of its own above or below. `resource_hijack` has none: what it counts are ticks of the kernel's clock,
/// which nobody can make more of. `shell_on_socket` and `foreign_exec` are flooded in `evasion`.
const FLOODS: &[Flood] = &[
    each("raw_socket", "flood --count N --kind act --act raw_socket.packet --stay-ms 0"),
    each("device_tamper", "flood --count N --kind act --act device_tamper.write_open --path /dev/mem"),
    each("sysctl_tamper", "flood --count N --kind act --act sysctl_tamper.kptr_restrict"),
    each("persistence", "flood --count N --kind act --act persistence.overwrite --path /etc/crontab"),
    each(
        "credential_access",
        "flood --count N --kind act --act credential_access.absolute --path /etc/shadow",
    ),
    // Not modules: the kernel complains about each on its console, which takes far longer than the act.
    each("kernel_code", "flood --count N --kind act --act kernel_code.bpf_load"),
    each("process_injection", "act process_injection.vm_writev --count N"),
    each("privilege_jump", "flood --count N --kind act --act privilege_jump.chmod --dir /data"),
    each("masquerade", "flood --count N --kind act --act masquerade.kworker --stay-ms 0"),
    each(
        "impair_defenses",
        "flood --count N --kind act --act impair_defenses.truncate_log --path /var/log/messages",
    ),
    each("uring_use", "flood --count N --kind act --act uring_use.nop"),
    each("namespace_escape", "flood --count N --kind act --act namespace_escape.pivot_root"),
    // Every guest's kernel has routes; only the first of these finds one to remove.
    each("net_tamper", "flood --count N --kind act --act net_tamper.route_delete_here"),
    Flood { detector: "fileless_exec", arguments: "flood --count N --kind memfd", event: Event::Execution },
    counted("mass_kill", "act mass_kill.orphans --count 20 --signal 19 --rounds 500"),
    counted("login_guessing", "act login_guessing.inbound --tries N"),
    counted("flood_out", "act flood_out.udp --count 10000"),
    counted("bus_flood", "act bus_flood.tty --count 10000"),
];

/// Those that are quick, and run a second time.
const AGAIN: [&str; 5] =
    ["device_tamper", "credential_access", "process_injection", "masquerade", "impair_defenses"];

/// All of them one after the other: at the end the books balance. The first round touches buffers that ordinary work leaves alone, so that memory
/// may grow by them; after that it does not grow.
pub(crate) fn acts(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let before = State::last(scene)?;
    let (mut times, mut problems) = (Vec::new(), Vec::new());
    for flood in FLOODS {
        match flood.run(scene) {
            Ok(done) => {
                let ms = done.count("end_ns")?.saturating_sub(done.start_ns) / 1_000_000;
                times.push(format!("{} {ms}", flood.detector));
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    scene.run("ip route replace default via 10.0.2.2", SOON)?;
    let after = State::settled(scene)?;
    for flood in FLOODS {
        let found = said::findings_of(&after.line, flood.detector)?
            - said::findings_of(&before.line, flood.detector)?;
        if found < flood.least() {
            problems.push(format!("{} made {found} findings, not {}", flood.detector, flood.least()));
        }
    }
    let first = after.memory.grown_since(before.memory);
    if first > BUFFERS_KIB {
        problems.push(format!("memory grew by {first} KiB, more than the buffers there are"));
    }
    if !problems.is_empty() {
        return Err(format!("{}; ms: {}", problems.join("; "), times.join(", ")).into());
    }
    for flood in FLOODS.iter().filter(|flood| AGAIN.contains(&flood.detector)) {
        flood.run(scene)?;
    }
    let last = State::settled(scene)?;
    let account = account(scene, &after, &last)?;
    Ok(Some(format!(
        "grown by {first} KiB; the second round: {account}; ms of the first: {}",
        times.join(", ")
    )))
}

/// Ten thousand downloads, or [`FEWER`], by one parent, executed from a volatile place: each is a finding of `volatile_exec`, and all together of
/// `fetch_loop`.
pub(crate) fn executions(scene: &mut Scene) -> Outcome {
    let fetched = scene.agent(Policy::Observe).and_then(|()| scene.last_heartbeat())?;
    let count = if scene.is_thorough() { EVENTS } else { FEWER };
    let outcome = flood(scene, "exec --dir /tmp/flood --name wget", count, count)?;
    let after = scene.last_heartbeat()?;
    if said::findings_of(&after, "fetch_loop")? == said::findings_of(&fetched, "fetch_loop")? {
        return Err(format!("{count} downloads are no finding of fetch_loop").into());
    }
    Ok(outcome)
}

/// Ten thousand renames by one process.
pub(crate) fn renames(scene: &mut Scene) -> Outcome {
    flood(scene, "rename --dir /data/flood", EVENTS, 0)
}

/// Ten thousand connections to a login port by one process.
pub(crate) fn connections(scene: &mut Scene) -> Outcome {
    flood(scene, "connect --dir /data/flood", EVENTS, 1)
}

/// Runs a flood of `count` events that makes at least `findings` findings and checks the books.
fn flood(scene: &mut Scene, kind: &str, count: u64, findings: u64) -> Outcome {
    scene.agent(Policy::Observe)?;
    let before = State::last(scene)?;
    let emulation = scene.emulate(&format!("flood --count {count} --kind {kind}"))?;
    let events = emulation.count("events")?;
    let after = State::settled(scene)?;
    let found = said::kernel_book(&after.line, "findings")? - said::kernel_book(&before.line, "findings")?;
    if events != count || found < findings {
        return Err(format!("{found} findings for {events} events, at least {findings} expected").into());
    }
    account(scene, &before, &after).map(Some)
}

/// The agent at one moment.
pub(crate) struct State {
    /// The heartbeat.
    pub(crate) line: Line,
    /// Its memory after that.
    pub(crate) memory: Memory,
}

impl State {
    /// At the last heartbeat.
    fn last(scene: &mut Scene) -> Result<Self, Box<dyn Error>> {
        let line = scene.last_heartbeat()?;
        Ok(Self { line, memory: scene.memory()? })
    }

    /// When everything has been delivered.
    pub(crate) fn settled(scene: &mut Scene) -> Result<Self, Box<dyn Error>> {
        let line = scene.settled_heartbeat()?;
        Ok(Self { line, memory: scene.memory()? })
    }
}

/// Checks the books, that the subscriber has everything, and that memory did not grow between two states, in all no further above what is promised than it may grow; tells the
/// sums.
pub(crate) fn account(scene: &mut Scene, before: &State, after: &State) -> Result<String, Box<dyn Error>> {
    balance(&after.line)?;
    if let Some(gap) = scene.watch.since(0).iter().find(|line| said::is_loss(line)) {
        return Err(format!("subscriber misses verdicts: {}", gap.json).into());
    }
    // What is promised is promised for when nothing happens; until the next look at all processes, a flood leaves pages of the program behind.
    let (old, new, limit) = (before.memory, after.memory, promised_kib(scene.arch) + GROWTH_KIB);
    if new.grown_since(old) > GROWTH_KIB || new.resident_kib > limit {
        return Err(format!(
            "memory grew from {old:?} to {new:?}; {GROWTH_KIB} more and {limit} in all are promised"
        )
        .into());
    }
    let kernel = |name| {
        Ok::<_, String>(said::kernel_book(&after.line, name)? - said::kernel_book(&before.line, name)?)
    };
    let agent =
        |name| Ok::<_, String>(said::agent_book(&after.line, name)? - said::agent_book(&before.line, name)?);
    Ok(format!(
        "{} findings; ring full {}, folded {}, shed {}, acknowledged {}; RSS {} KiB, {} of it anonymous",
        kernel("findings")?,
        kernel("ring_full")?,
        agent("folded")?,
        agent("shed")?,
        agent("acknowledged")?,
        new.resident_kib,
        new.anonymous_kib
    ))
}
