//! `bus_flood` in a guest: a line written to as fast as it goes is reported, and its writer stopped when policy says so; a driver's pace
//! is left alone. Pseudo terminals stand for serial lines: the scene adds them to what is watched.

use crate::deed::{books, caught, caught_anyhow, ended, has, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "bus_flood";
/// Writes in a second that make a finding, as the scene configures it: a guest under emulation does not reach the default.
pub(crate) const WRITES: u64 = 200;

/// Frames as fast as they go.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = caught(scene, NAME, "bus_flood.tty --count 3000", "sole")?;
    has(&verdict, "count", WRITES)?;
    Ok(None)
}

/// Frames with pauses.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["bus_flood.benign_tty"])?;
    Ok(None)
}

/// Under enforce the writer is killed at the ceiling.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let verdict = caught_anyhow(scene, NAME, "bus_flood.tty --count 3000")?;
    ended(&verdict, "killed")?;
    has(&verdict, "count", WRITES)?;
    books(scene)?;
    Ok(None)
}
