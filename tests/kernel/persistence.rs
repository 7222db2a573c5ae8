//! `persistence` in a guest: every way in which a file that is run later comes to be is reported, and stopped when policy says
//! so; reading such files and writing others is left alone.

use crate::deed::{caught, ended, quiet};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "persistence";

/// Created, appended to, renamed to, linked to: each by its reason.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for (act, reason) in [
        ("create --path /etc/cron.d/edge", "cron"),
        ("append --path /etc/profile", "profile"),
        ("overwrite --path /root/.ssh/authorized_keys", "authorized_keys"),
        ("rename_into --path /etc/init.d/S99edge --dir /data", "init_script"),
        ("symlink --path /etc/rc.local --dir /data", "init_script"),
        ("hard_link --path /etc/init.d/edge --dir /etc", "init_script"),
        ("create --path /etc/ld.so.preload", "preload"),
        ("append --path /etc//../etc/profile", "profile"),
    ] {
        caught(scene, NAME, &format!("persistence.{act}"), reason)?;
    }
    scene.run(
        "rm -f /etc/ld.so.preload /etc/rc.local /etc/init.d/S99edge /etc/init.d/edge /etc/cron.d/*",
        SOON,
    )?;
    Ok(None)
}

/// Reading, and writing where nothing is run from, under names that are watched elsewhere too.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("rm -f /data/passwd /data/group", SOON)?;
    quiet(
        scene,
        &[
            "persistence.benign_read --path /etc/profile",
            "persistence.benign_elsewhere --dir /data",
            "persistence.create --path /data/passwd",
            "persistence.create --path /data/group",
        ],
    )?;
    Ok(None)
}

/// Under enforce the writer ends.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "persistence.create --path /etc/cron.d/kill", "cron")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("the writer went on".into());
    }
    scene.emulate("act persistence.benign_read --path /etc/profile")?;
    Ok(None)
}
