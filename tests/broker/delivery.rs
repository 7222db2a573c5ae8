//! What is found is delivered, whatever the broker does; and the broker knows how the agent is.

use std::error::Error;
use std::time::Duration;

use edge_tests::host_agent::HostAgent;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::host_program;
use edge_tests::said;
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::trials::Outcome;

/// How long anything may take to reach the subscriber; reconnecting takes up to a second of backoff.
const SOON: Duration = Duration::from_secs(20);

/// A subscriber for a broker.
fn watch(broker: &Mosquitto) -> Result<Subscriber, Box<dyn Error>> {
    // A session of its own, so that the broker keeps for it what comes while both reconnect.
    Ok(Subscriber::start(
        &host_program("edge-watch")?,
        broker.port(),
        &["-v", "--client-id", "edge-test-watch"],
    )?)
}

/// Starts a program of this name from the agent's folder below the temporary one: a finding of `volatile_exec`.
fn drop_and_run(agent: &HostAgent, name: &str) -> Result<String, Box<dyn Error>> {
    let path = agent.folder().join(name).display().to_string();
    agent.provoke(&format!("printf '#!/bin/sh\\n' >{path} && chmod +x {path} && {path}"))?;
    Ok(path)
}

/// Waits for the verdict about a program.
fn verdict_about(watch: &mut Subscriber, path: &str) -> Result<Line, Box<dyn Error>> {
    let wanted = |line: &Line| said::is_verdict_of(line, "volatile_exec") && said::path(line) == Some(path);
    Ok(watch.wait(0, SOON, &format!("verdict about {path}"), wanted)?)
}

/// What happens in the agent's cgroup arrives decoded.
pub(crate) fn verdict_arrives() -> Outcome {
    let broker = Mosquitto::start("")?;
    let mut watch = watch(&broker)?;
    let agent = HostAgent::start("broker-arrives", broker.port(), "")?;
    watch
        .wait(0, SOON, "status online", said::is_online)
        .map_err(|error| format!("{error}\n{}", agent.log()))?;
    let path = drop_and_run(&agent, "dropper")?;
    verdict_about(&mut watch, &path)?;
    Ok(None)
}

/// The retained status says online, stopped after a clean end, and lost (by the broker) after a crash.
pub(crate) fn status_follows_the_agent() -> Outcome {
    let broker = Mosquitto::start("")?;
    let mut watch = watch(&broker)?;
    let mut agent = HostAgent::start("broker-status", broker.port(), "")?;
    for (signal, state) in [("TERM", "stopped"), ("KILL", "lost")] {
        let mark = watch.mark();
        watch.wait(if signal == "TERM" { 0 } else { mark }, SOON, "status online", said::is_online)?;
        let mark = watch.mark();
        agent.signal(signal)?;
        let status = agent.wait()?;
        if signal == "TERM" && !status.success() {
            return Err(format!("agent ended with {status} after SIGTERM: {}", agent.log()).into());
        }
        watch.wait(mark, SOON, &format!("status {state}"), |line| said::is_state(line, state))?;
        if signal == "TERM" {
            agent.restart()?;
        }
    }
    Ok(None)
}

/// What was found before the broker could be reached is delivered when it can.
pub(crate) fn broker_that_comes_late() -> Outcome {
    let mut broker = Mosquitto::start("")?;
    broker.stop();
    let agent = HostAgent::start("broker-late", broker.port(), "")?;
    agent.wait_until_attached()?;
    let path = drop_and_run(&agent, "early")?;
    broker.restart()?;
    let mut watch = watch(&broker)?;
    verdict_about(&mut watch, &path)?;
    Ok(None)
}

/// A broker that restarts costs no verdict and no order of the books.
pub(crate) fn broker_that_restarts() -> Outcome {
    let mut broker = Mosquitto::start("")?;
    let mut watch = watch(&broker)?;
    let agent = HostAgent::start("broker-restarts", broker.port(), "")?;
    watch.wait(0, SOON, "status online", said::is_online)?;
    let mut paths = Vec::new();
    for round in 0..3 {
        for number in 0..5 {
            paths.push(drop_and_run(&agent, &format!("dropper-{round}-{number}"))?);
        }
        broker.stop();
        paths.push(drop_and_run(&agent, &format!("away-{round}"))?);
        broker.restart()?;
    }
    for path in &paths {
        verdict_about(&mut watch, path)?;
    }
    match watch.since(0).iter().find(|line| said::is_loss(line)) {
        Some(gap) => Err(format!("subscriber misses verdicts: {}", gap.json).into()),
        None => Ok(Some(format!("{} verdicts over 3 restarts", paths.len()))),
    }
}
