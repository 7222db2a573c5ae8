//! `credential_access` in a guest: a secret that is opened for reading is reported whatever path leads to it, and the reader
//! killed when policy says so; looking at it is left alone.

use crate::deed::{books, caught, caught_anyhow, ended, quiet};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "credential_access";
/// The secret.
const SECRET: &str = "/etc/shadow";

/// Every way to a secret that can be told from its path, and two that the agent has to follow.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["absolute", "relative", "dirfd"] {
        caught(scene, NAME, &format!("credential_access.{act} --path {SECRET}"), "password_file")?;
    }
    for act in ["dotdot", "proc_root"] {
        let (_, verdict) =
            caught(scene, NAME, &format!("credential_access.{act} --path {SECRET}"), "password_file")?;
        if said::path(&verdict) != Some(SECRET) {
            return Err(format!("{act}: the path was not followed: {}", verdict.json).into());
        }
    }
    let linked = format!("credential_access.symlink --path {SECRET} --dir /data");
    caught_anyhow(scene, NAME, &linked)?;
    Ok(None)
}

/// Attributes of a secret, and a file that everyone may read.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("echo x >/data/shadow", SOON)?;
    let stat = format!("credential_access.benign_stat --path {SECRET}");
    let named = "credential_access.benign_other --path /data/shadow";
    quiet(scene, &[&stat, "credential_access.benign_other", named])?;
    Ok(None)
}

/// Under enforce the reader ends before it has read.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let act = format!("credential_access.absolute --path {SECRET}");
    let (emulation, verdict) = caught(scene, NAME, &act, "password_file")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("the reader went on".into());
    }
    scene.emulate("act credential_access.benign_other")?;
    books(scene)?;
    Ok(None)
}
