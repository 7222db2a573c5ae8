//! What becomes of more findings than can be sent.

use std::error::Error;
use std::time::{Duration, Instant};

use edge_tests::books::balance;
use edge_tests::memory::Memory;
use edge_tests::programs::host_program;
use edge_tests::said;
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::trials::Outcome;

use crate::{pipeline, pipeline_with};

/// Events of the burst.
const BURST: u64 = 10_000;
/// How much memory may grow in the burst, in KiB: pages touched for the first time, not buffers that grow.
const GROWTH_KIB: u64 = 64;

/// Ten thousand times the same finding, as fast as the machine starts programs: told once or twice, the rest folded.
pub(crate) fn burst_of_one_finding() -> Outcome {
    let after = burst("pipeline-burst", "exec")?;
    if said::agent_book(&after.line, "folded")? < BURST - 100 {
        return Err(format!("identical findings were not folded: {}", after.line.json).into());
    }
    Ok(Some(after.measured))
}

/// Ten thousand different findings: each is delivered, shed, or lost to a full ring, and counted as what it is.
pub(crate) fn burst_of_different_findings() -> Outcome {
    let after = burst("pipeline-burst-distinct", "exec-distinct")?;
    let decided = said::agent_book(&after.line, "decided")?;
    let parted = said::agent_book(&after.line, "acknowledged")? + said::agent_book(&after.line, "shed")?;
    let ring_full = said::kernel_book(&after.line, "ring_full")?;
    if decided + ring_full < BURST || decided != parted {
        let json = &after.line.json;
        return Err(format!(
            "{decided} verdicts, {parted} acknowledged or shed, ring full {ring_full}: {json}"
        )
        .into());
    }
    Ok(Some(after.measured))
}

/// Two hundred different findings where twenty a minute may be told: a minute's worth is, the rest is shed and known to be.
pub(crate) fn rates_are_kept() -> Outcome {
    let (_broker, mut watch, agent) = pipeline_with("pipeline-rates", "[limits]\ndetector_rate = 20\n")?;
    let emulate = host_program("edge-emulate")?;
    let (emulate, dir) = (emulate.display(), agent.folder().join("flood"));
    let start = Instant::now();
    agent
        .provoke(&format!("'{emulate}' flood --kind exec-distinct --count 200 --dir '{}'", dir.display()))?;
    let after = settled(&mut watch)?;
    balance(&after)?;
    let [decided, told, shed] =
        ["decided", "acknowledged", "shed"].map(|name| said::agent_book(&after, name).unwrap_or_default());
    // One more for each three seconds that it took.
    let most = 20 + start.elapsed().as_secs() / 3 + 1;
    if decided < 200 || told + shed != decided || !(20..=most).contains(&told) {
        return Err(format!("{decided} verdicts, {told} told, {shed} shed: {}", after.json).into());
    }
    match watch.since(0).iter().find(|line| said::is_loss(line)) {
        Some(gap) => Err(format!("subscriber misses verdicts: {}", gap.json).into()),
        None => Ok(Some(format!("{told} of {decided} told"))),
    }
}

/// What a burst came to.
struct Burst {
    /// The heartbeat after it.
    line: Line,
    /// For a person.
    measured: String,
}

/// Ten thousand findings of one kind: all are accounted for and memory does not grow.
fn burst(device: &str, kind: &str) -> Result<Burst, Box<dyn Error>> {
    let (_broker, mut watch, agent) = pipeline(device)?;
    let before = settled(&mut watch)?;
    let id = agent.id().ok_or("the agent does not run")?;
    let old = Memory::of(id)?;
    let emulate = host_program("edge-emulate")?;
    let dir = agent.folder().join("flood");
    let start = Instant::now();
    agent.provoke(&format!(
        "'{}' flood --kind {kind} --count {BURST} --dir '{}'",
        emulate.display(),
        dir.display()
    ))?;
    let took = start.elapsed();
    let after = settled(&mut watch)?;
    balance(&after)?;
    let found = said::kernel_book(&after, "findings")? - said::kernel_book(&before, "findings")?;
    if found < BURST {
        return Err(format!("{found} findings for {BURST} events").into());
    }
    if let Some(gap) = watch.since(0).iter().find(|line| said::is_loss(line)) {
        return Err(format!("subscriber misses verdicts: {}", gap.json).into());
    }
    let new = Memory::of(id)?;
    if new.grown_since(old) > GROWTH_KIB {
        return Err(format!("memory grew from {old:?} to {new:?}").into());
    }
    let measured = format!(
        "{found} findings in {:.1} s; ring full {}, folded {}, shed {}, acknowledged {}; anonymous {} then {} KiB, RSS {} then {}",
        took.as_secs_f64(),
        said::kernel_book(&after, "ring_full")?,
        said::agent_book(&after, "folded")?,
        said::agent_book(&after, "shed")?,
        said::agent_book(&after, "acknowledged")?,
        old.anonymous_kib,
        new.anonymous_kib,
        old.resident_kib,
        new.resident_kib
    );
    Ok(Burst { line: after, measured })
}

/// The next heartbeat that tells that everything has been delivered.
fn settled(watch: &mut Subscriber) -> Result<Line, Box<dyn Error>> {
    let mark = watch.mark();
    Ok(watch.wait(mark, Duration::from_secs(60), "settled heartbeat", said::is_settled)?)
}
