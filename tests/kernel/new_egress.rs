//! `new_egress` in a guest: what is learnt is known, also after a restart; what is new then is reported, as is a steady interval, and
//! refused when policy says so; what is declared is let pass. Loopback counts here, since a guest has nowhere else to go.

use crate::deed::{books, caught, ended, has, quiet};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "new_egress";
/// Where the scene lets the agent keep what it learns.
const STATE: &str = "/data/egress/known";
/// A destination and a port of this device, learnt before it is frozen.
const KNOWN: [&str; 2] =
    ["new_egress.connect --addr 127.0.0.77 --port 8443", "new_egress.listen --port 4444"];
/// Networks of the flood.
const NETWORKS: u64 = 10_000;

/// While learning nothing is told, and what was learnt is kept when the agent ends.
pub(crate) fn learning_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Learn)?;
    quiet(scene, &KNOWN)?;
    quiet(scene, &["new_egress.beacon --addr 127.0.0.77 --period-ms 250 --count 14"])?;
    // It tells its rungs, by which its verdicts are checked.
    scene.settled_heartbeat()?;
    scene.stop_agent()?;
    Ok(Some(format!("{} bytes kept", scene.run(&format!("wc -c <{STATE}"), SOON)?.trim())))
}

/// After a restart without anything left to learn, what was learnt is quiet, also as often as a clock and irregularly.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Frozen)?;
    quiet(scene, &KNOWN)?;
    quiet(
        scene,
        &[
            "new_egress.beacon --addr 127.0.0.99 --period-ms 250 --count 14",
            "new_egress.benign_irregular --period-ms 100",
            "new_egress.connect --addr 127.8.3.2 --port 8883",
            "new_egress.listen --port 4446",
        ],
    )?;
    Ok(None)
}

/// A destination by stream and by datagram, another port of a known one, a listening port, one of the kernel's choice, a beacon.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Frozen)?;
    let (emulation, verdict) = caught(scene, NAME, "new_egress.connect --addr 127.9.0.77", "destination")?;
    let endpoint = verdict.at("/evidences/0/dst_endpoint");
    if endpoint["ip"] != "127.9.0.77" || endpoint["port"] != 8443 {
        return Err(format!("connected to {endpoint}: {}", verdict.json).into());
    }
    if emulation.count("denied")? != 0 {
        return Err("denied although the agent was to observe".into());
    }
    caught(scene, NAME, "new_egress.udp --addr 127.9.1.77", "destination")?;
    caught(scene, NAME, "new_egress.connect --addr 127.0.0.77 --port 8444", "destination")?;
    let (_, verdict) = caught(scene, NAME, "new_egress.listen --port 4445", "listener")?;
    has(&verdict, "count", 1)?;
    caught(scene, NAME, "new_egress.listen --port 0", "listener")?;
    let beacon = "new_egress.beacon --addr 127.9.2.77 --period-ms 1000 --count 12";
    let mark = scene.watch.mark();
    let emulation = scene.emulate(&format!("act {beacon}"))?;
    let told = |line: &edge_tests::subscriber::Line| {
        said::is_verdict_of(line, NAME)
            && said::pid(line) == Some(emulation.pid)
            && said::evidence_text(line, "reason") == Some("beacon")
    };
    let verdict = scene.verdict_that(mark, "verdict about the beacon", told)?;
    let (count, interval) = (said::evidence(&verdict, "count")?, said::evidence(&verdict, "value")?);
    if count != 10 || !(900..1_300).contains(&interval) {
        return Err(format!("{count} connections every {interval} ms: {}", verdict.json).into());
    }
    Ok(Some(format!("beacon of {interval} ms told at {count} connections")))
}

/// Ten thousand networks by one process: each is a finding, few are told, the books balance.
pub(crate) fn flood_books(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Frozen)?;
    let before = scene.last_heartbeat()?;
    scene.emulate(&format!("act new_egress.sweep --count {NETWORKS}"))?;
    books(scene)?;
    let after = scene.settled_heartbeat()?;
    let found = said::kernel_book(&after, "findings")? - said::kernel_book(&before, "findings")?;
    if found < NETWORKS {
        return Err(format!("{found} findings for {NETWORKS} networks").into());
    }
    if let Some(gap) = scene.watch.since(0).iter().find(|line| said::is_loss(line)) {
        return Err(format!("subscriber misses verdicts: {}", gap.json).into());
    }
    let held = said::kernel_book(&after, "held")? - said::kernel_book(&before, "held")?;
    Ok(Some(format!("{found} findings of {NETWORKS} networks, {held} of them held")))
}

/// Under deny, what is new is refused, and what is learnt or declared is not. The agent itself still reaches its broker.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Deny)?;
    let (emulation, verdict) = caught(scene, NAME, "new_egress.connect --addr 127.9.4.77", "destination")?;
    ended(&verdict, "denied")?;
    if emulation.count("denied")? != 1 {
        return Err("the connection was not refused".into());
    }
    let (emulation, verdict) = caught(scene, NAME, "new_egress.listen --port 4447", "listener")?;
    ended(&verdict, "denied")?;
    if emulation.count("denied")? != 1 {
        return Err("the port was not refused".into());
    }
    let mark = scene.watch.mark();
    for act in KNOWN
        .iter()
        .chain(&["new_egress.connect --addr 127.8.3.2 --port 8883", "new_egress.listen --port 4446"])
    {
        if scene.emulate(&format!("act {act}"))?.count("denied")? != 0 {
            return Err(format!("{act} was refused").into());
        }
    }
    // Here every detector runs; while learning, and once frozen, only those that this is about.
    scene.quiet(mark)?;
    books(scene)?;
    Ok(None)
}

/// A damaged file is named and not used: what it held is new again.
pub(crate) fn bad_file_named(scene: &mut Scene) -> Outcome {
    scene.stop_agent()?;
    scene.run(
        &format!("printf x | dd of={STATE} bs=1 seek=30 conv=notrunc 2>/dev/null; : >/run/agent.log"),
        SOON,
    )?;
    scene.agent(Policy::Frozen)?;
    let log = scene.run("cat /run/agent.log", SOON)?;
    if !log.contains(&format!("file={STATE} ignored, its sum is wrong")) {
        return Err(format!("the file is not named: {log}").into());
    }
    caught(scene, NAME, KNOWN[0], "destination")?;
    Ok(None)
}
