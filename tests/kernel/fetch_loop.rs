//! `fetch_loop` in a guest: a tool once per processor build, a tool piped into a shell, and one download.

use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "fetch_loop";
/// Downloads of one parent that make a finding by default.
const THRESHOLD: u64 = 6;

/// Downloads one after the other, by a program and by a shell's loop.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["builds", "shell"] {
        let (_, verdict) = scene.act(&format!("{NAME}.{act}"), NAME, "repeated")?;
        let object = said::evidence_text(&verdict, "object").unwrap_or_default();
        if said::evidence(&verdict, "count")? != THRESHOLD || !object.ends_with("/wget") {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
        if said::technique(&verdict) != Some("T1105") {
            return Err(format!("{act} is {:?}", said::technique(&verdict)).into());
        }
    }
    Ok(None)
}

/// A download that a shell executes.
pub(crate) fn pipe_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = scene.act("fetch_loop.pipe", NAME, "piped")?;
    let object = said::evidence_text(&verdict, "object").unwrap_or_default();
    if said::sub_technique(&verdict) != Some("T1059.004") || !object.ends_with("/wget") {
        return Err(format!("reported as {}", verdict.json).into());
    }
    Ok(None)
}

/// One download, and one whose output a script keeps.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("act fetch_loop.benign_one")?;
    scene.quiet(mark)?;
    Ok(None)
}

/// Under enforce, the loop gets no further than the threshold.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = scene.act("fetch_loop.builds", NAME, "repeated")?;
    let (done, killed) = (emulation.count("done")?, emulation.count("killed")?);
    if done != THRESHOLD - 1 || done + killed != 10 || said::disposition(&verdict) != Some("killed") {
        return Err(format!("{done} downloads were done and {killed} killed: {}", verdict.json).into());
    }
    Ok(Some(format!("{done} downloads done, {killed} killed")))
}
