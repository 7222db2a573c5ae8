//! `file_tamper` in a guest: ransomware and wipers are caught, stopped after exactly the threshold, and maintenance is
//! left alone.

use crate::scene::{Policy, Scene, WHILE};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "file_tamper";
/// Files that may be harmed before the agent acts: the default of `detectors.file_tamper.threshold`.
const THRESHOLD: u64 = 30;
/// Files an attack finds.
const FILES: u32 = 80;
/// Files an attack finds that is to be told once: at the double of the threshold it would be told again, in the middle of another case.
const TOLD_ONCE: u32 = 59;

/// Ransomware is reported under observe, with its technique and counts, and runs on.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    caught(scene, "ransom", "T1486")
}

/// A wiper is reported under observe.
pub(crate) fn wiper_caught(scene: &mut Scene) -> Outcome {
    caught(scene, "wipe", "T1485")
}

/// Runs an attack under observe and checks its verdict.
fn caught(scene: &mut Scene, attack: &str, technique: &str) -> Outcome {
    scene.agent(Policy::Observe)?;
    let dir = scene.victims(TOLD_ONCE)?;
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("{attack} --dir {dir}"))?;
    if emulation.was_killed() {
        return Err("the agent killed although it was to observe".into());
    }
    let verdict = scene.verdict_on(mark, NAME, &emulation)?;
    if said::technique(&verdict) != Some(technique) {
        return Err(format!("verdict is not {technique}: {}", verdict.json).into());
    }
    let files = said::evidence(&verdict, "files")?;
    if files != THRESHOLD {
        return Err(format!("verdict came at {files} files instead of {THRESHOLD}").into());
    }
    let after_us = said::event_ns(&verdict)?.saturating_sub(emulation.start_ns) / 1000;
    Ok(Some(format!("verdict {after_us} us after the attack began, at {files} files")))
}

/// Under enforce, every way of harming files ends with exactly the threshold lost.
pub(crate) fn kill_exact(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let attacks = [
        ("ransom --mode rewrite-rename", 0),
        ("ransom --mode new-unlink", 0),
        ("ransom --mode inplace", 0),
        ("ransom --mode rename-only", 0),
        ("ransom --mode truncate", 0),
        ("wipe", 0),
        // One file here, one there: nothing is counted by folder.
        ("ransom --mode rewrite-rename", 16),
    ];
    let mut problems = Vec::new();
    for (attack, folders) in attacks {
        let dir = scene.spread_victims(FILES, folders)?;
        let mark = scene.watch.mark();
        let emulation = scene.emulate(&format!("{attack} --dir {dir}"))?;
        let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
        if !emulation.was_killed() || lost != THRESHOLD {
            problems.push(format!("{attack}: killed {}, lost {lost}", emulation.was_killed()));
            continue;
        }
        let verdict = scene.verdict_on(mark, NAME, &emulation)?;
        if said::disposition(&verdict) != Some("killed") {
            problems.push(format!("{attack}: disposition {:?}", said::disposition(&verdict)));
        }
    }
    if problems.is_empty() {
        return Ok(Some(format!("{THRESHOLD} files lost in each of {} attacks", attacks.len())));
    }
    Err(problems.join("; ").into())
}

/// What stands above the tracepoint rung knows files by what they are.
fn knows_files(scene: &mut Scene) -> Result<bool, Box<dyn std::error::Error>> {
    Ok(matches!(rung(scene)?.as_str(), "lsm" | "kprobe"))
}

/// The rung that the running agent's heartbeat names.
fn rung(scene: &mut Scene) -> Result<String, Box<dyn std::error::Error>> {
    let beat = scene.last_heartbeat()?;
    let all = beat.at("/detectors").as_array().map(Vec::as_slice).unwrap_or_default();
    let found =
        all.iter().find(|health| health["detector"] == NAME).and_then(|health| health["rung"].as_str());
    found.map(str::to_owned).ok_or_else(|| format!("no rung of {NAME}: {}", beat.json).into())
}

/// Files that were all opened before the first was written are counted as they are written, where a write tells its file; elsewhere only
/// the one opened last is known.
pub(crate) fn held_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let dir = scene.victims(2 * FILES)?;
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("act file_tamper.held --dir {dir}"))?;
    if rung(scene)? != "lsm" {
        return Ok(Some("a gap on this rung".into()));
    }
    let verdict = scene.verdict_on(mark, NAME, &emulation)?;
    if said::technique(&verdict) != Some("T1486") {
        return Err(format!("verdict is not T1486: {}", verdict.json).into());
    }
    Ok(Some(format!("verdict at {} files", said::evidence(&verdict, "files")?)))
}

/// Files renamed by a ring are counted where files are known by what they are: no syscall of the process names them.
pub(crate) fn ring_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let dir = scene.victims(FILES)?;
    let mark = scene.watch.mark();
    let command = format!("edge-emulate act file_tamper.uring --dir {dir}");
    let done = scene.guest.run(&command, WHILE)?;
    if done.code != 0 {
        return Ok(Some("this kernel has no ring that renames".into()));
    }
    if !knows_files(scene)? {
        return Ok(Some("a gap on this rung".into()));
    }
    let verdict = scene.verdict(mark, NAME)?;
    match (said::evidence(&verdict, "files")?, said::evidence_text(&verdict, "reason")) {
        (THRESHOLD, Some("new_ending")) => Ok(Some(format!("verdict at {THRESHOLD} files"))),
        other => Err(format!("verdict came at {other:?}: {}", verdict.json).into()),
    }
}

/// Under deny, where the rung can refuse, the process goes on and the file that would reach the threshold is saved, as are all after it.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Deny)?;
    let refuses = rung(scene)? == "lsm";
    let mut problems = Vec::new();
    for attack in ["rewrite-rename", "new-unlink", "inplace", "rename-only"] {
        let dir = scene.victims(FILES)?;
        let mark = scene.watch.mark();
        let done = scene.guest.run(&format!("edge-emulate ransom --mode {attack} --dir {dir}"), WHILE)?;
        let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
        let disposition = said::disposition(&scene.verdict(mark, NAME)?).map(str::to_owned);
        let (wanted, least, most) =
            if refuses { ("denied", THRESHOLD - 1, THRESHOLD) } else { ("reported", 80, 80) };
        if disposition.as_deref() != Some(wanted) || !(least..=most).contains(&lost) || done.code == 137 {
            problems.push(format!("{attack}: ended with {}, lost {lost}, {disposition:?}", done.code));
        }
    }
    if problems.is_empty() {
        return Ok(Some(
            if refuses { "refused from the threshold on" } else { "cannot refuse: reported" }.into(),
        ));
    }
    Err(problems.join("; ").into())
}

/// Ordinary maintenance of a gateway is no finding, however many files it touches.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    let twins = [
        "package-upgrade --dir /data/package --files 120",
        "tar-backup --dir /data/package --out /data/backup.tar",
        "tar-backup --dir /data/package --out /data/backup.tgz --compressed",
        "log-rotate --dir /data/log --logs 40 --keep 4",
        "database --file /data/data.db --pages 400",
        "file-sync --dir /data/sync --files 100",
        "media-import --dir /data/media --files 100",
    ];
    for twin in twins {
        scene.emulate(twin)?;
    }
    let outcome = scene.quiet(mark).map(|()| Some(format!("{} benign twins", twins.len())));
    scene.run("rm -rf /data/*", WHILE)?;
    outcome
}
