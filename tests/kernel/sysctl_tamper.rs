//! `sysctl_tamper` in a guest: settings that guard the machine are reported when they are written, and the writer killed when
//! policy says so; reading them, and other settings, is left alone.

use crate::deed::{caught, ended, quiet};
use crate::scene::{Policy, SOON, Scene};
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

/// Raising a guard and writing what is there already, which only a cgroup program can tell from lowering it.
pub(crate) fn raising_quiet(scene: &mut Scene) -> Outcome {
    if !scene.judges_in_cgroups() {
        return Ok(Some("no cgroup program of settings on this kernel".into()));
    }
    scene.agent(Policy::Observe)?;
    let kept = scene.run("cat /proc/sys/kernel/kptr_restrict", SOON)?;
    let mark = scene.watch.mark();
    scene.run("echo 0 >/proc/sys/kernel/kptr_restrict", SOON)?;
    scene.unseen(mark, |_| false)?;
    let mark = scene.watch.mark();
    scene.run("echo 0 >/proc/sys/kernel/kptr_restrict; echo 0 >/proc/sys/net/ipv4/ip_forward", SOON)?;
    scene.quiet(mark)?;
    let mark = scene.watch.mark();
    scene.run("echo 2 >/proc/sys/kernel/kptr_restrict; echo 0 >/proc/sys/net/ipv4/ip_forward", SOON)?;
    scene.quiet(mark)?;
    // Lowered through a bind mount of another name: the setting is the same.
    let mark = scene.watch.mark();
    scene.run(
        "mkdir -p /data/sys; mount -o bind /proc/sys/kernel /data/sys; echo 1 >/data/sys/kptr_restrict; umount /data/sys",
        SOON,
    )?;
    let verdict = scene.verdict(mark, NAME)?;
    if said::path(&verdict) != Some("/proc/sys/kernel/kptr_restrict")
        || said::evidence(&verdict, "value")? != 1
    {
        return Err(format!("setting and value are not told: {}", verdict.json).into());
    }
    scene.run(&format!("echo {} >/proc/sys/kernel/kptr_restrict || true", kept.trim()), SOON)?;
    Ok(None)
}

/// Under deny the setting stays what it was, where a cgroup program can refuse; elsewhere it is reported, loudly.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Deny)?;
    let (emulation, verdict) =
        caught(scene, NAME, "sysctl_tamper.core_pattern --value '|/bin/true'", "host_hook")?;
    let refuses = scene.judges_in_cgroups();
    ended(&verdict, if refuses { "denied" } else { "reported" })?;
    if (emulation.count("denied")? == 1) != refuses {
        return Err(format!("denied {} times", emulation.count("denied")?).into());
    }
    let log = scene
        .run("grep -c 'detector=sysctl_tamper.*only rung lsm can refuse' /run/agent.log || true", SOON)?;
    if (log.trim() != "0") == refuses {
        return Err(format!("what cannot be denied is told {log} times").into());
    }
    quiet(scene, &["sysctl_tamper.benign_read", "sysctl_tamper.benign_write"])?;
    Ok(Some(if refuses { "denied" } else { "reported: this kernel cannot" }.into()))
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
