//! `sysctl_tamper` in a guest: settings that guard the machine are reported when they are written, and the writer killed when
//! policy says so; reading them, and other settings, is left alone.

use crate::deed::{caught, ended, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "sysctl_tamper";

/// A program that the kernel starts, and a guard that is lowered.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = caught(scene, NAME, "sysctl_tamper.core_pattern", "host_hook")?;
    if said::path(&verdict) != Some("/proc/sys/kernel/core_pattern") {
        return Err(format!("the setting is not named: {}", verdict.json).into());
    }
    caught(scene, NAME, "sysctl_tamper.kptr_restrict", "sole")?;
    caught(scene, NAME, "sysctl_tamper.ip_forward", "sole")?;
    Ok(None)
}

/// Reading, and a setting that no attack needs.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["sysctl_tamper.benign_read", "sysctl_tamper.benign_write"])?;
    Ok(None)
}

/// Under enforce the writer ends before it has written.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "sysctl_tamper.core_pattern", "host_hook")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("the writer went on".into());
    }
    scene.emulate("act sysctl_tamper.benign_read")?;
    Ok(None)
}
