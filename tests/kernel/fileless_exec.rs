//! `fileless_exec` in a guest: programs without a name on disk are told apart from files started by descriptor.

use crate::deed::{NO_LSM, refused};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "fileless_exec";

/// A memfd by empty path and by its path below /proc, a deleted file, and one that never had a name.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    scene.agent(Policy::Observe)?;
    for (act, reason) in [
        ("memfd", "memfd"),
        ("proc_fd", "memfd"),
        ("deleted --dir /data/d", "deleted_file"),
        ("tmpfile --dir /data/d", "deleted_file"),
    ] {
        let (_, verdict) = scene.act(&format!("{NAME}.{act} --stay-ms 500"), NAME, reason)?;
        if said::technique(&verdict) != Some("T1620") || said::disposition(&verdict) != Some("reported") {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
        let object = said::evidence_text(&verdict, "object").unwrap_or_default();
        if !object.starts_with("/dev/fd/") && !object.starts_with("/proc/self/fd/") {
            return Err(format!("{act} has the object {object}").into());
        }
    }
    Ok(None)
}

/// By another thread, and by a link: where the file itself is seen, the path given does not matter.
pub(crate) fn evasions_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.act("fileless_exec.thread --stay-ms 500", NAME, "memfd")?;
    if !scene.kprobes {
        return Ok(Some("files are not seen on this kernel: a link is a gap".to_owned()));
    }
    scene.act("fileless_exec.link --dir /data --stay-ms 100", NAME, "memfd")?;
    Ok(None)
}

/// An ordinary file started by descriptor, as service managers do, a container runtime that starts itself from a memfd, and a shell that
/// executes itself again.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("act fileless_exec.benign_fexecve --stay-ms 300")?;
    scene.run("ln -f /usr/bin/edge-emulate /usr/bin/runc && runc act fileless_exec.memfd --stay-ms 100; rm /usr/bin/runc", SOON)?;
    scene.run("busybox ls /data; sh -c 'true'", SOON)?;
    scene.quiet(mark)?;
    Ok(None)
}

/// What has no name is not executed, by whatever call.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [
        ("fileless_exec.memfd", "memfd"),
        ("fileless_exec.thread", "memfd"),
        ("fileless_exec.link --dir /data", "memfd"),
        ("fileless_exec.proc_fd", "memfd"),
        ("fileless_exec.deleted --dir /data", "deleted_file"),
        ("fileless_exec.tmpfile --dir /data", "deleted_file"),
    ] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}
