//! Floods: more events than the agent can take. It may lose detail, never count: the books balance, and memory does not
//! grow.

use crate::scene::{Policy, Scene};
use edge_tests::books::balance;
use edge_tests::said;
use edge_tests::trials::Outcome;

/// Events of a flood.
const EVENTS: u64 = 10_000;
/// How much resident memory may grow, in KiB: pages touched for the first time, not buffers that grow.
const GROWTH_KIB: u64 = 64;

/// Ten thousand executions from a volatile place, each a finding of its own.
pub(crate) fn executions(scene: &mut Scene) -> Outcome {
    flood(scene, "exec --dir /tmp/flood", EVENTS)
}

/// Ten thousand renames by one process.
pub(crate) fn renames(scene: &mut Scene) -> Outcome {
    flood(scene, "rename --dir /data/flood", 0)
}

/// Ten thousand connections to a login port by one process.
pub(crate) fn connections(scene: &mut Scene) -> Outcome {
    flood(scene, "connect --dir /data/flood", 1)
}

/// Runs a flood that makes at least `findings` findings and checks the books.
fn flood(scene: &mut Scene, kind: &str, findings: u64) -> Outcome {
    scene.agent(Policy::Observe)?;
    let before = scene.last_heartbeat()?;
    let emulation = scene.emulate(&format!("flood --count {EVENTS} --kind {kind}"))?;
    let events = emulation.count("events")?;
    let after = scene.settled_heartbeat()?;
    balance(&after)?;
    if let Some(gap) = scene.watch.since(0).iter().find(|line| said::is_loss(line)) {
        return Err(format!("subscriber misses verdicts: {}", gap.json).into());
    }
    let found = said::kernel_book(&after, "findings")? - said::kernel_book(&before, "findings")?;
    if events != EVENTS || found < findings {
        return Err(format!("{found} findings for {events} events, at least {findings} expected").into());
    }
    let (old_kib, new_kib) = (said::number(&before, "/rss_kib")?, said::number(&after, "/rss_kib")?);
    if new_kib > old_kib + GROWTH_KIB {
        return Err(format!("resident memory grew from {old_kib} to {new_kib} KiB").into());
    }
    let book = |name| said::agent_book(&after, name);
    Ok(Some(format!(
        "{found} findings of {events} events; ring full {}, folded {}, shed {}, acknowledged {}; RSS {new_kib} KiB",
        said::kernel_book(&after, "ring_full")?,
        book("folded")?,
        book("shed")?,
        book("acknowledged")?
    )))
}
