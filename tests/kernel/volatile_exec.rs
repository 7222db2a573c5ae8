//! `volatile_exec` in a guest: programs started from volatile places are caught by absolute and by relative path, and
//! stopped when policy says so; programs from elsewhere are left alone.

use crate::deed::NO_LSM;
use crate::scene::{Policy, SOON, Scene};
use std::error::Error;

use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "volatile_exec";

/// Starts from every volatile file system, by absolute path and from inside, are reported with the whole path.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    for (place, start) in [
        ("/tmp/dropper-a", "/tmp/dropper-a"),
        ("/var/tmp/dropper-b", "/var/tmp/dropper-b"),
        ("/dev/shm/dropper-c", "/dev/shm/dropper-c"),
        ("/run/dropper-d", "/run/dropper-d"),
        ("/tmp/dropper-e", "cd /tmp && ./dropper-e"),
        ("/tmp/deep/dropper-f", "cd /tmp && deep/dropper-f"),
    ] {
        caught(scene, place, start)?;
    }
    Ok(None)
}

/// A relative path that leads into a volatile file system from outside it is no way around.
pub(crate) fn relative_caught(scene: &mut Scene) -> Outcome {
    caught(scene, "/tmp/dropper-g", "cd / && tmp/dropper-g")?;
    caught(scene, "/tmp/dropper-h", "cd /data && ../tmp/dropper-h")?;
    Ok(None)
}

/// Puts a program at `place`, runs it as `start` says, and checks the path in the verdict.
fn caught(scene: &mut Scene, place: &str, start: &str) -> Result<(), Box<dyn Error>> {
    scene.agent(Policy::Observe)?;
    scene.run(&format!("mkdir -p /tmp/deep && cp /usr/bin/edge-emulate {place}"), SOON)?;
    let mark = scene.watch.mark();
    scene.run(&format!("{start} --help"), SOON)?;
    let verdict = scene.verdict(mark, NAME).map_err(|error| format!("{start}: {error}"))?;
    scene.run(&format!("rm {place}"), SOON)?;
    if said::path(&verdict) == Some(place) {
        return Ok(());
    }
    Err(format!("`{start}` was reported without the path {place}: {}", verdict.json).into())
}

/// A program that one process places anywhere and a relative of it starts later, also under another name.
pub(crate) fn dropped_caught(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d /data/e", SOON)?;
    scene.agent(Policy::Observe)?;
    for (act, path) in [
        ("drop_run --dir /data/d --delay-ms 300", "/data/d/edge-dropped"),
        ("rename_run --dir /data/d --from /data/e --delay-ms 300", "/data/d/edge-moved"),
    ] {
        let mark = scene.watch.mark();
        scene.emulate(&format!("act volatile_exec.{act} --stay-ms 500"))?;
        let verdict = scene.verdict(mark, NAME).map_err(|error| format!("{act}: {error}"))?;
        let reason = said::evidence_text(&verdict, "reason");
        if reason != Some("dropped_and_run") || said::path(&verdict) != Some(path) {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
        if said::technique(&verdict) != Some("T1105") {
            return Err(format!("{act} is {:?}", said::technique(&verdict)).into());
        }
    }
    Ok(None)
}

/// A program that unlinks its own file, and one that replaces it, which is an update.
pub(crate) fn unlink_caught(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("act volatile_exec.self_unlink --dir /data/d --stay-ms 500")?;
    let wanted = |line: &Line| {
        said::is_verdict_of(line, NAME) && said::evidence_text(line, "reason") == Some("self_unlink")
    };
    let verdict = scene.verdict_that(mark, "verdict of a self-unlink", wanted)?;
    if said::sub_technique(&verdict) != Some("T1070.004") {
        return Err(format!("a self-unlink is {:?}", said::technique(&verdict)).into());
    }
    let mark = scene.watch.mark();
    scene.emulate("act volatile_exec.benign_self_update --dir /data/d --stay-ms 500")?;
    scene.settled_heartbeat()?;
    match scene.watch.since(mark).iter().find(|line| wanted(line)) {
        Some(line) => Err(format!("an update was reported as {}", line.json).into()),
        None => Ok(None),
    }
}

/// A program in volatile storage that is started by a descriptor is found by what the process runs.
pub(crate) fn descriptor_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("cp /usr/bin/edge-emulate /tmp/by-descriptor", SOON)?;
    let mark = scene.watch.mark();
    scene.emulate("act fileless_exec.benign_fexecve --path /tmp/by-descriptor --stay-ms 500")?;
    let verdict = scene.verdict(mark, NAME)?;
    scene.run("rm /tmp/by-descriptor", SOON)?;
    if said::path(&verdict) == Some("/tmp/by-descriptor") {
        return Ok(None);
    }
    Err(format!("reported without its path: {}", verdict.json).into())
}

/// Programs from where programs belong, by absolute and relative path, and files that are only read from /tmp.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    // A link, since a copy that is started at once is what a dropper makes.
    scene.run("ln -sf /usr/bin/edge-emulate /data/tool; echo 'exit 0' >/tmp/notes", SOON)?;
    for start in ["edge-emulate --help", "/data/tool --help", "cd /data && ./tool --help", "cat /tmp/notes"] {
        scene.run(start, SOON)?;
    }
    scene.quiet(mark)?;
    scene.run("rm /data/tool /tmp/notes", SOON)?;
    Ok(None)
}

/// Under enforce, a program from a volatile place does not get to its first instruction, and others run.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    scene.run("cp /usr/bin/edge-emulate /tmp/dropper", SOON)?;
    let mark = scene.watch.mark();
    let done = scene.guest.run("/tmp/dropper --help", SOON)?;
    if done.code != 137 || done.output.contains("usage") {
        return Err(format!("program from /tmp ended with {} and said `{}`", done.code, done.output).into());
    }
    let verdict = scene.verdict(mark, NAME)?;
    if said::disposition(&verdict) != Some("killed") {
        return Err(format!("disposition is {:?}", said::disposition(&verdict)).into());
    }
    scene.run("rm /tmp/dropper; edge-emulate --help", SOON)?;
    Ok(None)
}

/// Ways around a path: links, binds, descriptors and file systems in memory that nobody told of lead to the same file.
pub(crate) fn identity_caught(scene: &mut Scene) -> Outcome {
    if !scene.kprobes {
        return Ok(Some("files are not seen on this kernel".to_owned()));
    }
    scene.agent(Policy::Observe)?;
    let make = "mkdir -p /data/bound /data/memory && cp /usr/bin/edge-emulate /tmp/by-name && ln -sf /tmp/by-name /data/link \
         && mount --bind /tmp /data/bound && mount -t tmpfs none /data/memory && cp /usr/bin/edge-emulate /data/memory/program";
    scene.run(make, SOON)?;
    let result = ["/data/link", "/data/bound/by-name", "/data/memory/program"].into_iter().try_for_each(|path| {
        let mark = scene.watch.mark();
        scene.run(&format!("{path} --help"), SOON)?;
        let wanted = |line: &Line| said::is_verdict_of(line, NAME) && said::path(line) == Some(path);
        scene.verdict_that(mark, &format!("verdict about {path}"), wanted)?;
        Ok::<_, Box<dyn Error>>(())
    });
    scene.run("umount /data/bound /data/memory; rm -f /data/link /tmp/by-name", SOON)?;
    result.map(|()| None)
}

/// A program in a volatile place is not executed, by whatever name; others are.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    if !scene.lsm {
        return Ok(Some(NO_LSM.to_owned()));
    }
    scene.agent(Policy::Deny)?;
    scene.run("cp /usr/bin/edge-emulate /tmp/refused && ln -sf /tmp/refused /data/link", SOON)?;
    for path in ["/tmp/refused", "/data/link", "/proc/self/root/tmp/refused"] {
        let mark = scene.watch.mark();
        let done = scene.guest.run(&format!("{path} --help"), SOON)?;
        if done.code != 126 || done.output.contains("usage") {
            return Err(format!("{path} ended with {} and said `{}`", done.code, done.output).into());
        }
        let wanted = |line: &Line| said::is_verdict_of(line, NAME) && said::disposition(line) == Some("denied");
        scene.verdict_that(mark, &format!("refusal of {path}"), wanted)?;
    }
    scene.run("rm /tmp/refused /data/link; edge-emulate --help", SOON)?;
    Ok(None)
}
