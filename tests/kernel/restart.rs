//! What stays in the kernel when the agent ends, and that the next one takes it over or replaces it.

use std::error::Error;
use std::time::{Duration, Instant};

use edge_tests::books::balance;
use edge_tests::said;
use edge_tests::trials::Outcome;
use edge_tests::vm::Kernel;

use crate::emulation::Emulation;
use crate::scene::{Policy, SOON, Scene, WHILE};

/// Files that may be harmed before the kernel side acts: the default of `detectors.file_tamper.threshold`.
const THRESHOLD: u64 = 30;
/// Files an attack finds.
const FILES: u32 = 80;
/// The folder of names, as configured by default.
const PINS: &str = "/sys/fs/bpf/edge-agent";
/// One detector less than before: something else is to be loaded.
const OTHER: &str = "[detectors.login_guessing]\nenabled = false\n";

/// Another place of the image for the agent, which no list of programs names.
const ELSEWHERE: &str = "/opt/own/edge-agent";

/// Whether the programs stay here. Before Linux 5.15 those on perf events cannot, and then only the ring does.
fn stays(scene: &Scene) -> bool {
    scene.kernel != Kernel::V5_10
}

/// Killed while an attack runs, the agent is not missed: the kernel ends the attack where it would have, and the next agent tells it, also
/// one that lies where nobody is let pass. Where only the ring stays, what was found before is told.
pub(crate) fn killed_in_the_middle(scene: &mut Scene) -> Outcome {
    begin(scene)?;
    let dir = scene.victims(FILES)?;
    let mark = scene.watch.mark();
    let attack = format!("edge-emulate ransom --mode inplace --dir {dir}");
    let killed = "kill -KILL $(cat /run/agent.pid)";
    let command = if stays(scene) {
        format!("sh -c '{killed}; exec {attack}'")
    } else {
        format!("kill -STOP $(cat /run/agent.pid); {attack}; code=$?; {killed}; exit $code")
    };
    let emulation = Emulation::read(&scene.guest.run(&command, WHILE)?)?;
    scene.forget_agent();
    let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
    if !emulation.was_killed() || lost != THRESHOLD {
        return Err(format!("killed {}, {lost} files lost", emulation.was_killed()).into());
    }
    let begun = Instant::now();
    scene.agent_from(ELSEWHERE, Policy::Image)?;
    let online_ms = begun.elapsed().as_millis();
    let verdict = scene.verdict_on(mark, "file_tamper", &emulation)?;
    if said::disposition(&verdict) != Some("killed") || !verdict.json.to_string().contains("edge-emulate") {
        return Err(format!("told otherwise: {}", verdict.json).into());
    }
    log_has(scene, if stays(scene) { "load: taken over" } else { "load: replaced what an earlier agent" })?;
    balanced(scene)?;
    let what = if stays(scene) { "taken over" } else { "only the ring stays before Linux 5.15" };
    Ok(Some(format!("{THRESHOLD} files lost; {what}, online again after {online_ms} ms")))
}

/// An agent that is to load something else loads it first, ends what was left, and reads what that had found.
pub(crate) fn another_replaces(scene: &mut Scene) -> Outcome {
    begin(scene)?;
    let before = scene.run(&format!("ls {PINS}"), SOON)?;
    scene.stop_agent()?;
    let dir = scene.victims(FILES)?;
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("ransom --mode inplace --dir {dir}"))?;
    if emulation.was_killed() != stays(scene) {
        return Err(format!("killed {} while nobody ran", emulation.was_killed()).into());
    }
    scene.agent_with(Policy::Image, OTHER, "true")?;
    if stays(scene) {
        scene.verdict_on(mark, "file_tamper", &emulation)?;
    }
    log_has(scene, "load: replaced what an earlier agent had left, its ring will be read")?;
    let after = scene.run(&format!("ls {PINS}"), SOON)?;
    if after.lines().count() != 1 || after == before {
        return Err(format!("places before {before:?}, after {after:?}").into());
    }
    balanced(scene)?;
    // Both at once would count every file twice.
    let (dir, mark) = (scene.victims(FILES)?, scene.watch.mark());
    let emulation = scene.emulate(&format!("ransom --mode inplace --dir {dir}"))?;
    let verdict = scene.verdict_on(mark, "file_tamper", &emulation)?;
    let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
    if lost != THRESHOLD || said::evidence(&verdict, "files")? != THRESHOLD {
        return Err(format!("{lost} files lost, told: {}", verdict.json).into());
    }
    Ok(None)
}

/// Two agents do not share a ring; who stops one can end what it left.
pub(crate) fn detach_ends(scene: &mut Scene) -> Outcome {
    begin(scene)?;
    // Both wait a while for one that is ending.
    let beside = "edge-agent detach >/run/beside 2>&1 & edge-agent run 2>&1; code=$?; wait $!; cat /run/beside; exit $code";
    let done = scene.guest.run(&format!("sh -c '{beside}'"), WHILE)?;
    if done.code != 13 || done.output.matches("another agent uses it").count() != 2 {
        return Err(format!("beside an agent: {} {}", done.code, done.output).into());
    }
    scene.stop_agent()?;
    // A place that was not completed is none.
    scene.run(&format!("mkdir -p {PINS}/a {PINS}/b"), SOON)?;
    let said = scene.run("edge-agent detach", SOON)?;
    let names = said.trim().strip_prefix("detached: ").and_then(|text| text.strip_suffix(" maps and links"));
    let names: u32 = names.and_then(|names| names.parse().ok()).ok_or_else(|| format!("said {said:?}"))?;
    let dir = scene.victims(FILES)?;
    let emulation = scene.emulate(&format!("ransom --mode inplace --dir {dir}"))?;
    if emulation.was_killed() || names < if stays(scene) { 30 } else { 4 } {
        return Err(format!("killed {} after {names} names were taken away", emulation.was_killed()).into());
    }
    scene.run(&format!("[ ! -e {PINS} ]"), SOON)?;
    scene.keeps = false;
    Ok(Some(format!("{names} names")))
}

/// Makes sure that an agent runs that keeps what it loads.
fn begin(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    if scene.guest.run(&format!("[ -e {PINS} ]"), SOON)?.code == 0 && scene.runs() {
        return Ok(());
    }
    scene.stop_agent()?;
    // Before anybody watches: what is dropped and run is killed for that.
    scene.run(&format!("mkdir -p $(dirname {ELSEWHERE}); cp /usr/bin/edge-agent {ELSEWHERE}"), SOON)?;
    scene.run("mount | grep -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf", SOON)?;
    scene.keeps = true;
    scene.agent_from(ELSEWHERE, Policy::Image)
}

/// The log of this guest's agents has a line with this.
fn log_has(scene: &mut Scene, wanted: &str) -> Result<(), Box<dyn Error>> {
    let found = scene.guest.run(&format!("grep -q '{wanted}' /run/agent.log"), SOON)?;
    if found.code == 0 { Ok(()) } else { Err(format!("no {wanted:?}: {}", scene.account()).into()) }
}

/// The books of the agent that runs balance, with what it took over in them.
fn balanced(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    loop {
        let heartbeat = scene.settled_heartbeat()?;
        match balance(&heartbeat) {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > Duration::from_secs(60) => {
                return Err(format!("{error}: {}", heartbeat.json).into());
            }
            Err(_) => {}
        }
    }
}
