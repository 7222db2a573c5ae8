//! `namespace_escape` in a guest: namespaces, mounts and roots changed by a program that has no business with them are reported, and
//! stopped when policy says so; an ordinary child is left alone.

use std::error::Error;

use crate::deed::{NO_LSM, ended, has_reason, quiet, refused};
use crate::scene::{Policy, SOON, Scene, WHILE};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "namespace_escape";

/// Runs an act, whose children do the deed, and returns the verdict with this reason. Whatever becomes of the children.
fn told(scene: &mut Scene, act: &str, reason: &str) -> Result<Line, Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.guest.run(&format!("edge-emulate act namespace_escape.{act}"), WHILE)?;
    let wanted = |line: &Line| said::is_verdict_of(line, NAME) && has_reason(line, reason).is_ok();
    Ok(scene.watch.wait(mark, SOON, &format!("verdict about {act}, reason {reason}"), wanted)?)
}

/// Each way, by its reason.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("mkdir -p /data/mount", SOON)?;
    for (act, reason) in [
        ("unshare_mount", "unshare"),
        ("unshare_pid", "unshare"),
        ("setns", "setns"),
        ("mount --dir /data/mount", "mount"),
        ("pivot_root", "pivot_root"),
    ] {
        told(scene, act, reason)?;
    }
    Ok(None)
}

/// A child in the same namespaces.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["namespace_escape.benign_fork"])?;
    Ok(None)
}

/// Under enforce it ends at the first step.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let verdict = told(scene, "unshare_mount", "unshare")?;
    ended(&verdict, "killed")?;
    scene.emulate("act namespace_escape.benign_fork")?;
    Ok(None)
}

/// Nothing is mounted, and the root stays.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [
        ("namespace_escape.mount --dir /data", "mount"),
        ("namespace_escape.bind_root --dir /data", "mount"),
        ("namespace_escape.pivot_root", "pivot_root"),
    ] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}
