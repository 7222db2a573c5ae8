//! Signals: SIGHUP changes the policy of a running agent, or leaves it alone and says why.

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use edge_tests::host_agent::HostAgent;
use edge_tests::said;
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::trials::Outcome;

use crate::{SOON, pipeline};

/// How long the agent may take to read its configuration again.
const RELOAD_LIMIT: Duration = Duration::from_secs(5);

/// A reload takes a new policy over without a restart; a broken file, and one that needs a restart, change nothing.
pub(crate) fn policy_follows_the_file() -> Outcome {
    let (_broker, mut watch, agent) = pipeline("pipeline-reload")?;
    let file = agent.folder().join("agent.toml");
    let original = fs::read_to_string(&file)?;

    run_dropper(&agent, &mut watch, "before", true)?;
    reload(
        &agent,
        &file,
        &format!("{original}\n[detectors.volatile_exec]\nenabled = false\n"),
        "reloaded changed=1",
    )?;
    run_dropper(&agent, &mut watch, "disabled", false)?;
    reload(&agent, &file, &original, "reloaded changed=1")?;
    run_dropper(&agent, &mut watch, "enabled", true)?;

    let misspelt = format!("{original}\n[detectors.volatile_exec]\nenabld = false\n");
    reload(&agent, &file, &misspelt, "reload refused, the old one stays in force")?;
    if !agent.log().contains("enabld") {
        return Err(format!("the log does not name the misspelt key: {}", agent.log()).into());
    }
    run_dropper(&agent, &mut watch, "misspelt", true)?;
    reload(&agent, &file, &original.replace("pipeline-reload", "other-name"), "device.id")?;
    run_dropper(&agent, &mut watch, "renamed", true)?;
    Ok(None)
}

/// SIGTERM ends the agent with success.
pub(crate) fn term_ends_cleanly() -> Outcome {
    let (_broker, _watch, mut agent) = pipeline("pipeline-term")?;
    agent.signal("TERM")?;
    let status = agent.wait()?;
    if status.success() {
        Ok(None)
    } else {
        Err(format!("agent ended with {status}: {}", agent.log()).into())
    }
}

/// Replaces the file, asks for a reload and waits until the log has a new line with `expected`.
fn reload(
    agent: &HostAgent,
    file: &std::path::Path,
    text: &str,
    expected: &str,
) -> Result<(), Box<dyn Error>> {
    fs::write(file, text)?;
    let before = agent.log().matches(expected).count();
    agent.signal("HUP")?;
    let deadline = Instant::now() + RELOAD_LIMIT;
    while Instant::now() < deadline {
        if agent.log().matches(expected).count() > before {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("no {expected:?} in the log: {}", agent.log()).into())
}

/// Runs a program from a volatile place and checks whether that is told.
fn run_dropper(
    agent: &HostAgent,
    watch: &mut Subscriber,
    name: &str,
    told: bool,
) -> Result<(), Box<dyn Error>> {
    let path = agent.folder().join(name).display().to_string();
    let mark = watch.mark();
    agent.provoke(&format!("printf '#!/bin/sh\\n' >{path} && chmod +x {path} && {path}"))?;
    let wanted = |line: &Line| said::path(line) == Some(&path);
    let limit = if told { SOON } else { Duration::from_secs(1) };
    match (watch.wait(mark, limit, &format!("verdict about {name}"), wanted), told) {
        (Ok(_), true) | (Err(_), false) => Ok(()),
        (Ok(line), false) => Err(format!("{name} was told although disabled: {}", line.json).into()),
        (Err(error), true) => Err(format!("{error}\n{}", agent.log()).into()),
    }
}
