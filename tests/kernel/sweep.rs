//! What no hook shows and a look at `/proc` does: names and rights that were changed behind the kernel's back.

use std::error::Error;

use crate::evasion::background;
use crate::scene::{Policy, SOON, Scene};
use edge_tests::books::balance;
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// How long the emulations stay: they are looked at three times meanwhile.
const STAY_MS: u32 = 4_000;

/// Names in the command line, and names that were not taken by `prctl`.
pub(crate) fn names_caught(scene: &mut Scene) -> Outcome {
    looked(
        scene,
        "masquerade",
        &[
            ("argv", "kernel_name", "[kworker/0:1]", 0),
            ("proc_comm", "kernel_name", "kswapd1", 0),
            ("proc_program", "foreign_name", "mount", 0),
        ],
    )
}

/// User 0, and a capability, that no exec explains.
pub(crate) fn rights_caught(scene: &mut Scene) -> Outcome {
    scene.run("mkdir -p /data/d", SOON)?;
    looked(
        scene,
        "privilege_jump",
        &[
            ("uid_kept", "root_gained", "/usr/bin/edge-emulate", 1000),
            ("capable --dir /data/d", "capability_gained", "/data/d/edge-capable", 1 << 13),
        ],
    )
}

/// Each act (its name, the reason, the object, the value) is told once by a look, whoever of its processes did it, and the books balance.
fn looked(scene: &mut Scene, detector: &str, acts: &[(&str, &str, &str, u64)]) -> Outcome {
    scene.agent(Policy::Observe)?;
    let before = scene.settled_heartbeat()?;
    let mark = scene.watch.mark();
    for (index, (act, ..)) in acts.iter().enumerate() {
        let act = format!("act {detector}.{act} --stay-ms {STAY_MS}");
        let name = ["first", "second", "third"].get(index).ok_or("more acts than names")?;
        background(scene, name, &act)?;
    }
    scene.run("for i in 1 2 3; do sleep 1; kill -HUP $(cat /run/agent.pid); done", SOON)?;
    let is_looked = |line: &Line| {
        said::is_verdict_of(line, detector)
            && said::detector_and_rung(line).is_ok_and(|(_, rung)| rung == "proc")
    };
    for (act, reason, object, value) in acts {
        let wanted = |line: &Line| {
            is_looked(line)
                && said::evidence_text(line, "reason") == Some(reason)
                && said::evidence_text(line, "object") == Some(object)
        };
        let verdict = scene.verdict_that(mark, &format!("a look that shows {act}"), wanted)?;
        if said::evidence(&verdict, "value")? != *value {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
        let told = scene.watch.since(mark).iter().filter(|line| wanted(line)).count();
        if told != 1 {
            return Err(format!("{act} was told {told} times").into());
        }
    }
    let others: Vec<_> = scene.watch.since(mark).iter().filter(|line| is_looked(line)).collect();
    if others.len() != acts.len() {
        return Err(format!("a look found more than there was: {:?}", headlines(&others)).into());
    }
    let after = scene.settled_heartbeat()?;
    balance(&after)?;
    let found = said::findings_of(&after, detector)? - said::findings_of(&before, detector)?;
    if found < acts.len() as u64 {
        return Err(Box::<dyn Error>::from(format!("{found} findings are counted")));
    }
    Ok(None)
}

/// Verdicts in short.
fn headlines(verdicts: &[&Line]) -> Vec<String> {
    verdicts.iter().map(|line| said::headline(line)).collect()
}
