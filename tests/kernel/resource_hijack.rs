//! `resource_hijack` in a guest: a program from outside the image that computes for long is reported, and killed when policy says so; a
//! burst, and a program of the image, are left alone.

use crate::deed::{books, ended, quiet};
use crate::scene::{Policy, SOON, Scene, WHILE};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "resource_hijack";
/// Seconds of the window, and how much of them on one CPU makes a finding, as the scene configures it.
pub(crate) const WINDOW_S: u64 = 10;
/// See [`WINDOW_S`].
pub(crate) const PERCENT: u64 = 40;

/// A program in /data that computes. Priority is no way around.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("cp /usr/bin/edge-emulate /data/miner", SOON)?;
    let mark = scene.watch.mark();
    scene.run("/data/miner act resource_hijack.nice --seconds 14", WHILE)?;
    let verdict = scene.verdict(mark, NAME)?;
    let used_ms = said::evidence(&verdict, "value")?;
    if used_ms != WINDOW_S * PERCENT * 10 || said::path(&verdict) != Some("/data/miner") {
        return Err(format!("verdict after {used_ms} ms of processor time: {}", verdict.json).into());
    }
    Ok(None)
}

/// A short burst from there, and a long one of a program of the image.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    // A link and not a copy: what is copied and then run is a finding of `volatile_exec`.
    scene.run("ln -sf /usr/bin/edge-emulate /data/helper", SOON)?;
    let mark = scene.watch.mark();
    scene.run("/data/helper act resource_hijack.benign_burst", WHILE)?;
    scene.quiet(mark)?;
    quiet(scene, &["resource_hijack.burn --seconds 8"])?;
    Ok(None)
}

/// Under enforce it does not come to its end.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    scene.run("cp /usr/bin/edge-emulate /data/miner", SOON)?;
    let mark = scene.watch.mark();
    let done = scene.guest.run("/data/miner act resource_hijack.burn --seconds 30", WHILE)?;
    if done.code != 137 {
        return Err(format!("the miner ended with {}: {}", done.code, done.output).into());
    }
    ended(&scene.verdict(mark, NAME)?, "killed")?;
    books(scene)?;
    Ok(None)
}
