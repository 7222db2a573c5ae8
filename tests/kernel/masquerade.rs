//! `masquerade` in a guest: borrowed names are told, those that programs and threads usually have are not.

use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "masquerade";

/// Names taken by `prctl`, names of files, and a mount over /proc.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    scene.agent(Policy::Observe)?;
    for (act, reason, object, technique) in [
        ("kworker", "kernel_name", "kworker/0:1", "T1036.004"),
        ("nfsiod", "kernel_name", "[nfsiod 0]", "T1036.004"),
        ("daemon", "foreign_name", "dropbear", "T1036.004"),
        ("trailing_space --dir /data/d", "deceptive_name", "/data/d/syslogd ", "T1036.006"),
        ("link --dir /data/d", "kernel_name", "/data/d/kworker", "T1036.004"),
    ] {
        let (_, verdict) = scene.act(&format!("{NAME}.{act} --stay-ms 300"), NAME, reason)?;
        let found = said::evidence_text(&verdict, "object");
        if found != Some(object) || said::sub_technique(&verdict) != Some(technique) {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
    }
    let (_, verdict) = scene.act("masquerade.bind_proc --stay-ms 300", NAME, "hidden_proc")?;
    let target = said::evidence(&verdict, "target")?;
    let object = said::evidence_text(&verdict, "object").unwrap_or_default();
    if target == 0 || object != format!("/proc/{target}") {
        return Err(format!("the hidden process is {target}, the mount point {object}").into());
    }
    Ok(None)
}

/// A thread with a name of its own, a multi-call program, and the shell's test.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("act masquerade.benign_thread --stay-ms 200")?;
    scene.emulate("act masquerade.benign_applet --dir /data/d --stay-ms 200")?;
    scene.run("ln -sf $(which busybox) '/data/d/[' && '/data/d/[' 1 = 1 ] && rm '/data/d/['", SOON)?;
    scene.quiet(mark)?;
    Ok(None)
}

/// Under enforce, who takes the name of a kernel thread is killed by that very call, and so is a program with a false name.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = scene.act("masquerade.kworker --stay-ms 2000", NAME, "kernel_name")?;
    if !emulation.was_killed() || said::disposition(&verdict) != Some("killed") {
        return Err(format!("disposition is {:?}", said::disposition(&verdict)).into());
    }
    let (emulation, verdict) =
        scene.act("masquerade.trailing_space --dir /data/d --stay-ms 2000", NAME, "deceptive_name")?;
    if emulation.count("killed")? != 1 || said::disposition(&verdict) != Some("killed") {
        return Err(format!("disposition is {:?}", said::disposition(&verdict)).into());
    }
    Ok(None)
}
