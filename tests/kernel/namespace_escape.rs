//! `namespace_escape` in a guest: namespaces, mounts and roots changed by a program that has no business with them are reported, and
//! stopped when policy says so; an ordinary child is left alone.

use std::error::Error;

use crate::deed::{ended, has_reason, quiet};
use crate::scene::{Policy, SOON, Scene, WHILE};
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "namespace_escape";

/// Runs an act, whose children do the deed, and returns the first verdict since. Whatever becomes of the children.
fn first(scene: &mut Scene, act: &str) -> Result<Line, Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.guest.run(&format!("edge-emulate act namespace_escape.{act}"), WHILE)?;
    scene.verdict(mark, NAME).map_err(|error| format!("{act}: {error}").into())
}

/// Each way, by the reason of the first step.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("mkdir -p /data/mount", SOON)?;
    for act in ["unshare_mount", "unshare_pid", "setns", "mount --dir /data/mount", "pivot_root"] {
        has_reason(&first(scene, act)?, "unshare").map_err(|error| format!("{act}: {error}"))?;
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
    let verdict = first(scene, "unshare_mount")?;
    ended(&verdict, "killed")?;
    scene.emulate("act namespace_escape.benign_fork")?;
    Ok(None)
}
