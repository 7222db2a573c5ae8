//! What the cases of detectors of acts have in common: an act of `edge-emulate`, and the verdict it must lead to.

use std::error::Error;

use crate::emulation::Emulation;
use crate::scene::{Policy, Scene};
use edge_tests::books::balance;
use edge_tests::said;
use edge_tests::subscriber::Line;

/// Runs an act and returns the verdict of `detector` on the process that did it, which must have this reason.
pub(crate) fn caught(
    scene: &mut Scene,
    detector: &str,
    act: &str,
    reason: &str,
) -> Result<(Emulation, Line), Box<dyn Error>> {
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("act {act}"))?;
    let verdict = scene.verdict_on(mark, detector, &emulation).map_err(|error| format!("{act}: {error}"))?;
    has_reason(&verdict, reason).map_err(|error| format!("{act}: {error}"))?;
    Ok((emulation, verdict))
}

/// Runs an act that may be killed, and returns the first verdict of `detector` since.
pub(crate) fn caught_anyhow(scene: &mut Scene, detector: &str, act: &str) -> Result<Line, Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.emulate(&format!("act {act}"))?;
    scene.verdict(mark, detector).map_err(|error| format!("{act}: {error}").into())
}

/// Checks the reason of a verdict.
pub(crate) fn has_reason(verdict: &Line, reason: &str) -> Result<(), String> {
    let found = verdict.at("/evidences/0/data/reason");
    if found == reason { Ok(()) } else { Err(format!("reason is {found}, not {reason}: {}", verdict.json)) }
}

/// Checks a number of a verdict's evidence.
pub(crate) fn has(verdict: &Line, name: &str, expected: u64) -> Result<(), String> {
    match said::evidence(verdict, name)? {
        found if found == expected => Ok(()),
        found => Err(format!("{name} is {found}, not {expected}: {}", verdict.json)),
    }
}

/// Checks what became of the process.
pub(crate) fn ended(verdict: &Line, disposition: &str) -> Result<(), String> {
    match said::disposition(verdict) {
        Some(found) if found == disposition => Ok(()),
        found => Err(format!("disposition is {found:?}, not {disposition}: {}", verdict.json)),
    }
}

/// Runs acts of ordinary work, which nobody must report.
pub(crate) fn quiet(scene: &mut Scene, acts: &[&str]) -> Result<(), Box<dyn Error>> {
    let mark = scene.watch.mark();
    for act in acts {
        scene.emulate(&format!("act {act}"))?;
    }
    scene.quiet(mark)
}

/// Waits until everything is delivered and checks the books.
pub(crate) fn books(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    Ok(balance(&scene.settled_heartbeat()?)?)
}

/// Runs an act under a policy that refuses it, and returns the verdict with this reason. Where nothing can refuse, there is none.
pub(crate) fn refused(
    scene: &mut Scene,
    detector: &str,
    act: &str,
    reason: &str,
) -> Result<Option<Line>, Box<dyn Error>> {
    if !scene.lsm {
        return Ok(None);
    }
    scene.agent(Policy::Deny)?;
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("act {act}"))?;
    let wanted = |line: &Line| {
        said::is_verdict_of(line, detector)
            && has_reason(line, reason).is_ok()
            && said::disposition(line) == Some("denied")
    };
    let verdict = scene.verdict_that(mark, &format!("refusal by {detector} of {act}"), wanted)?;
    match (emulation.count("denied")?, emulation.count("done")?) {
        (0, _) => Err(format!("{act} was not refused").into()),
        (_, 0) => Ok(Some(verdict)),
        (_, done) => Err(format!("{act} was refused and done {done} times").into()),
    }
}

/// What a case about refusing returns where nothing can refuse.
pub(crate) const NO_LSM: &str = "nothing can refuse on this kernel";
