//! `privilege_jump` in a guest: an ordinary user's process that is root the next time it starts a program.

use crate::deed::{NO_LSM, ended, refused};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "privilege_jump";

/// User 0 without a set-uid program.
pub(crate) fn root_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = scene.act("privilege_jump.uid_zero", NAME, "root_gained")?;
    let object = said::evidence_text(&verdict, "object").unwrap_or_default();
    if said::evidence(&verdict, "value")? != 1000 || !object.ends_with("/edge-emulate") {
        return Err(format!("reported as {}", verdict.json).into());
    }
    if said::technique(&verdict) != Some("T1068") {
        return Err(format!("it is {:?}", said::technique(&verdict)).into());
    }
    Ok(None)
}

/// Giving user 0 up, and a daemon that acts as a user for a while.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("act privilege_jump.benign_drop")?;
    scene.emulate("act privilege_jump.benign_service")?;
    scene.quiet(mark)?;
    Ok(None)
}

/// Who has become user 0 executes nothing.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [("privilege_jump.uid_zero", "root_gained")] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}

/// Under enforce it is killed where its program can be looked at, and reported where not.
pub(crate) fn root_kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (_, verdict) = scene.act("privilege_jump.uid_zero", NAME, "root_gained")?;
    ended(&verdict, if scene.btf { "killed" } else { "reported" })?;
    Ok(None)
}
