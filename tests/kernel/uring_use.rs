//! `uring_use` in a guest: a ring is reported, and its maker killed when policy says so; other ways to wait are left alone.

use crate::deed::{NO_LSM, caught, ended, has, quiet, refused};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "uring_use";

/// A ring, told with its size.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = caught(scene, NAME, "uring_use.nop", "sole")?;
    has(&verdict, "count", 1)?;
    Ok(None)
}

/// An event loop without a ring.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["uring_use.benign_epoll"])?;
    Ok(None)
}

/// Under enforce its maker ends.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "uring_use.nop", "sole")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("it went on".into());
    }
    Ok(None)
}

/// No ring is made.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [
        ("uring_use.nop", "sole"),
    ] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}
