//! `mass_kill` in a guest: a process that ends many others is reported at the threshold, and stopped when policy says so; a parent
//! that ends its children is left alone.

use crate::deed::{NO_LSM, caught, ended, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "mass_kill";
/// Processes that make a finding: the default of `detectors.mass_kill.threshold`.
const TARGETS: u64 = 15;

/// One short of twice the threshold: told at the threshold, and not once more at its double, which would reach the subscriber in the middle of what
/// comes next.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (emulation, verdict) = caught(scene, NAME, "mass_kill.orphans --count 29", "sole")?;
    let (count, signal) = (said::evidence(&verdict, "count")?, said::evidence(&verdict, "value")?);
    if (count, signal) != (TARGETS, 9) {
        return Err(format!("told at {count} processes, signal {signal}").into());
    }
    let after_us = said::event_ns(&verdict)?.saturating_sub(emulation.start_ns) / 1000;
    Ok(Some(format!("verdict after {after_us} us")))
}

/// A parent and twenty children.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["mass_kill.benign_children --count 20"])?;
    Ok(None)
}

/// Under enforce it ends at the threshold.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "mass_kill.orphans --count 30", "sole")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("it went on".into());
    }
    Ok(None)
}

/// From the threshold on nobody is reached.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    if !scene.lsm {
        return Ok(Some(NO_LSM.to_owned()));
    }
    scene.agent(Policy::Deny)?;
    let (emulation, verdict) = caught(scene, NAME, "mass_kill.orphans --count 30", "sole")?;
    ended(&verdict, "denied")?;
    let (done, denied) = (emulation.count("done")?, emulation.count("denied")?);
    if (done, denied) != (TARGETS - 1, 30 - TARGETS + 1) {
        return Err(format!("{done} were ended and {denied} not").into());
    }
    Ok(None)
}
