//! `foreign_exec` in a guest: what does not lie in the image does not run when policy says so, and the image runs.

use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "foreign_exec";

/// By absolute path it is killed at its first instruction; by relative path as well where the file itself is seen, which can also be
/// refused, and reported where not.
pub(crate) fn attack_killed(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Image)?;
    let strongest = if scene.lsm { "denied" } else { "killed" };
    let relative = if scene.kprobes { strongest } else { "reported" };
    for (act, disposition) in [("copy --path /data/edge-copy", strongest), ("relative --path /data/edge-near", relative)] {
        let (emulation, verdict) = scene.act(&format!("{NAME}.{act} --stay-ms 500"), NAME, "sole")?;
        let stopped = disposition == "reported" || emulation.count(disposition)? == 1;
        if !stopped || said::disposition(&verdict) != Some(disposition) || said::technique(&verdict) != Some("T1204") {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
    }
    Ok(None)
}

/// Programs of the image, by absolute and by relative path.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Image)?;
    let mark = scene.watch.mark();
    scene.emulate("act foreign_exec.benign_own")?;
    scene.run("cd /usr/bin && ./edge-emulate --help && cd / && usr/bin/edge-emulate --help", SOON)?;
    scene.settled_heartbeat()?;
    match scene.watch.since(mark).iter().find(|line| said::is_verdict_of(line, NAME)) {
        Some(line) => Err(format!("the image became a finding: {}", line.json).into()),
        None => Ok(None),
    }
}
