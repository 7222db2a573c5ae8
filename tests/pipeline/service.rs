//! The service manager hears that the agent watches, lives, reads its configuration and ends.

use std::error::Error;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use edge_tests::Scratch;
use edge_tests::host_agent::HostAgent;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::trials::Outcome;

use crate::SOON;

/// How long the manager of this test waits for a sign of life, in microseconds.
const PATIENCE_US: u64 = 1_000_000;

/// What a manager hears.
struct Manager {
    /// Its socket.
    socket: UnixDatagram,
}

impl Manager {
    /// The next datagram.
    fn next(&self) -> Result<String, Box<dyn Error>> {
        let mut buffer = [0; 1024];
        let bytes = self.socket.recv(&mut buffer)?;
        Ok(String::from_utf8(buffer.get(..bytes).unwrap_or_default().to_vec())?)
    }

    /// The next one that is no sign of life.
    fn news(&self) -> Result<String, Box<dyn Error>> {
        loop {
            let said = self.next()?;
            if said != "WATCHDOG=1\n" {
                return Ok(said);
            }
        }
    }
}

/// Ready once every detector stands; signs of life at half the patience, also while no broker can be reached; a reload and the end are told.
pub(crate) fn manager_is_told() -> Outcome {
    let folder = Scratch::folder("manager")?;
    let path = folder.path().join("notify");
    let manager = Manager { socket: UnixDatagram::bind(&path)? };
    manager.socket.set_read_timeout(Some(SOON))?;
    let port = {
        // Gone again before the agent starts.
        Mosquitto::start("")?.port()
    };
    let environment =
        vec![("NOTIFY_SOCKET", path.display().to_string()), ("WATCHDOG_USEC", PATIENCE_US.to_string())];
    let mut agent = HostAgent::start_with("pipeline-service", port, "", environment)?;
    let ready = manager.news().map_err(|error| format!("{error}\n{}", agent.log()))?;
    let status = ready.strip_prefix("READY=1\nSTATUS=").ok_or_else(|| format!("first it said {ready:?}"))?;
    if !status.ends_with(" detectors watch\n") || !agent.log().contains("detector=volatile_exec rung=") {
        return Err(format!("it was ready too early, or says {ready:?}: {}", agent.log()).into());
    }
    let (since, mut longest) = (Instant::now(), Duration::ZERO);
    for _ in 0..6 {
        let before = Instant::now();
        let said = manager.next()?;
        if said != "WATCHDOG=1\n" {
            return Err(format!("instead of a sign of life: {said:?}").into());
        }
        longest = longest.max(before.elapsed());
    }
    if longest.as_micros() as u64 > PATIENCE_US {
        return Err(format!("{longest:?} without a sign of life").into());
    }
    let taken = since.elapsed();
    if taken < Duration::from_micros(2 * PATIENCE_US) {
        return Err(format!("six signs of life in {taken:?} are more than were asked for").into());
    }
    let id = agent.id().ok_or("the agent does not run")?;
    let process = fs::read_to_string(format!("/proc/{id}/status"))?;
    if !process.lines().any(|line| line == "NoNewPrivs:\t1") {
        return Err(format!("what it executed could gain privileges: {process}").into());
    }
    // CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_BPF; see `edge-agent/src/confine/capabilities.rs`.
    for left in ["CapEff:\t0000008000080004", "CapPrm:\t0000008000080004", "CapBnd:\t0000000000000000"] {
        if !process.lines().any(|line| line == left) {
            return Err(format!("it keeps more, or less, than {left:?}: {process}").into());
        }
    }
    agent.signal("HUP")?;
    let (reloading, ready) = (manager.news()?, manager.news()?);
    if !reloading.starts_with("RELOADING=1\nMONOTONIC_USEC=") || !ready.starts_with("READY=1\n") {
        return Err(format!("at a reload it said {reloading:?}, then {ready:?}").into());
    }
    agent.signal("TERM")?;
    let last = manager.news()?;
    if !last.starts_with("STOPPING=1\n") {
        return Err(format!("at the end it said {last:?}").into());
    }
    let status = agent.wait()?;
    if !status.success() {
        return Err(format!("agent ended with {status}: {}", agent.log()).into());
    }
    Ok(Some(format!(
        "longest time without a sign of life {} ms of {}",
        longest.as_millis(),
        PATIENCE_US / 1_000
    )))
}
