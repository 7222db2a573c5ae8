//! `impair_defenses` in a guest: a guard that is signalled and a log that is emptied are reported, and stopped when policy says so;
//! a log's ordinary life is left alone.

use std::error::Error;

use crate::deed::{caught, ended, has, quiet};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "impair_defenses";
/// A log that is watched.
const LOG: &str = "/var/log/messages";

/// Starts a logger; its process.
fn logger(scene: &mut Scene) -> Result<u64, Box<dyn Error>> {
    let start = "mkdir -p /sbin; [ -e /sbin/klogd ] || ln -s /bin/busybox /sbin/klogd; \
         /sbin/klogd -n >/dev/null 2>&1 & echo $!; sleep 1";
    Ok(scene.run(start, SOON)?.trim().parse()?)
}

/// A signal to a logger, told with the signal and its target, and a log emptied, deleted and renamed.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run(&format!("mkdir -p /var/log; echo line >>{LOG}"), SOON)?;
    let pid = logger(scene)?;
    let act = format!("impair_defenses.signal --pid {pid} --signal 15");
    let (_, verdict) = caught(scene, NAME, &act, "guard_signalled")?;
    has(&verdict, "value", 15)?;
    has(&verdict, "target", pid)?;
    for act in ["truncate_log", "rename_log"] {
        scene.run(&format!("echo line >>{LOG}"), SOON)?;
        caught(scene, NAME, &format!("impair_defenses.{act} --path {LOG}"), "log_cleared")?;
    }
    scene.run(&format!("echo line >>{LOG}"), SOON)?;
    caught(scene, NAME, &format!("impair_defenses.unlink_log --path {LOG}"), "log_cleared")?;
    Ok(None)
}

/// Lines appended, an application's own log rotated, and a signal to a child of one's own.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run(&format!("mkdir -p /var/log/app; echo line >>{LOG}; echo line >/var/log/app/log"), SOON)?;
    let append = format!("impair_defenses.benign_append --path {LOG}");
    let rotate = "impair_defenses.rename_log --path /var/log/app/log";
    quiet(scene, &[&append, rotate, "impair_defenses.benign_signal"])?;
    Ok(None)
}

/// Under enforce whoever signals a guard ends, or is refused.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let pid = logger(scene)?;
    let act = format!("impair_defenses.signal --pid {pid} --signal 19");
    let (emulation, verdict) = caught(scene, NAME, &act, "guard_signalled")?;
    ended(&verdict, if scene.lsm { "denied" } else { "killed" })?;
    if scene.lsm != (emulation.count("denied").unwrap_or(0) == 1) {
        return Err("the guard was reached".into());
    }
    scene.run(&format!("kill -CONT {pid}"), SOON)?;
    Ok(None)
}
