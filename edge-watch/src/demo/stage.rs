//! Everything the demo sets up, in one value: dropping it takes all of it down again, in the right order.

use std::fmt;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::error::Elapsed;
use tokio::time::sleep;

use super::agent::Agent;
use super::cgroup::Cgroup;
use super::folder::Folder;
use super::{DemoError, millis};
use crate::error::WatchError;

/// Time between looks at a child.
const LOOK: Duration = Duration::from_millis(5);
/// How long the emulation may take.
const ATTACK_LIMIT: Duration = Duration::from_secs(10);
/// SIGKILL.
const SIGKILL: i32 = 9;

/// How the emulation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All files encrypted.
    Finished,
    /// By SIGKILL.
    Killed,
    /// Otherwise.
    Other(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => out.write_str("ran to its end"),
            Self::Killed => out.write_str("killed"),
            Self::Other(how) => out.write_str(how),
        }
    }
}

/// The emulation as a process. Dropping it ends it.
#[derive(Debug)]
struct Attack {
    /// The process.
    child: Child,
}

impl Drop for Attack {
    fn drop(&mut self) {
        // Both fail only if it has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the demo consists of. The order of the fields is the order of taking down: a cgroup can be removed only when its
/// processes have ended and no program is attached to it.
#[derive(Debug)]
pub(super) struct Stage {
    /// The emulation, once started.
    attack: Option<Attack>,
    /// The agent, once started.
    agent: Option<Agent>,
    /// Where the emulation runs.
    cgroup: Cgroup,
    /// Files, configuration, log.
    folder: Folder,
}

impl Stage {
    /// With an empty cgroup.
    pub(super) fn build(folder: Folder, mount: &Path, name: &str) -> Result<Self, DemoError> {
        Ok(Self { attack: None, agent: None, cgroup: Cgroup::create(mount, name)?, folder })
    }

    /// The cgroup's directory.
    pub(super) fn cgroup(&self) -> &Path {
        self.cgroup.path()
    }

    /// The folder that is attacked.
    pub(super) fn files(&self) -> PathBuf {
        self.folder.files()
    }

    /// Starts the agent.
    pub(super) fn start_agent(&mut self, program: &Path, config: &str) -> Result<(), DemoError> {
        self.agent = Some(Agent::start(program, config, self.folder.path())?);
        Ok(())
    }

    /// Starts the emulation: it waits for a word until it is in the cgroup, so all it does is seen. Its tgid.
    pub(super) fn start_attack(&mut self) -> Result<u32, DemoError> {
        let own = std::env::current_exe().map_err(DemoError::io("finding this program's own path"))?;
        let mut child = Command::new(own)
            .args(["demo-victim", "--dir"])
            .arg(self.files())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(DemoError::io("starting the emulation"))?;
        let (tgid, word) = (child.id(), child.stdin.take());
        self.attack = Some(Attack { child });
        self.cgroup.admit(tgid)?;
        if let Some(mut word) = word {
            word.write_all(b"go\n").map_err(DemoError::io("talking to the emulation"))?;
        }
        Ok(tgid)
    }

    /// Waits for something while the agent lives; `what` it is.
    pub(super) async fn watching_agent<T>(
        &mut self,
        what: &'static str,
        wait: impl Future<Output = Result<Result<T, DemoError>, Elapsed>>,
    ) -> Result<T, WatchError> {
        let begun = Instant::now();
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => {
                    let log = || self.agent.as_ref().map(Agent::log).unwrap_or_default();
                    let late = |_| DemoError::Late { what, ms: millis(begun.elapsed()), log: log() };
                    return Ok(done.map_err(late)??);
                }
                () = sleep(LOOK) => if let Some(agent) = &mut self.agent {
                    agent.check()?;
                }
            }
        }
    }

    /// Waits until the emulation has ended.
    pub(super) async fn attack_end(&mut self) -> Result<Ending, DemoError> {
        let begun = Instant::now();
        while let Some(attack) = &mut self.attack {
            match attack.child.try_wait().map_err(DemoError::io("looking after the emulation"))? {
                Some(status) => return Ok(ending(status)),
                None if begun.elapsed() < ATTACK_LIMIT => sleep(LOOK).await,
                None => break,
            }
        }
        Ok(Ending::Other(format!("still running after {} ms", millis(begun.elapsed()))))
    }

    /// Files lost.
    pub(super) fn lost(&self) -> Result<u32, DemoError> {
        self.folder.lost()
    }

    /// When the emulation did its first harm, by its own word. Only after its end, or this would wait for it.
    pub(super) fn first_harm(&mut self) -> Result<SystemTime, DemoError> {
        let mut text = String::new();
        if let Some(output) = self.attack.as_mut().and_then(|attack| attack.child.stdout.take()) {
            // 20 digits and a newline.
            output.take(32).read_to_string(&mut text).map_err(DemoError::io("hearing the emulation"))?;
        }
        let ns: u64 = text.trim().parse().map_err(|_| DemoError::Time(text.trim().to_owned()))?;
        Ok(UNIX_EPOCH + Duration::from_nanos(ns))
    }
}

/// What an exit status means here.
fn ending(status: ExitStatus) -> Ending {
    match (status.signal(), status.success()) {
        (Some(SIGKILL), _) => Ending::Killed,
        (_, true) => Ending::Finished,
        _ => Ending::Other(status.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_apart() {
        assert_eq!(ending(ExitStatus::from_raw(9)), Ending::Killed);
        assert_eq!(ending(ExitStatus::from_raw(0)), Ending::Finished);
        assert_eq!(ending(ExitStatus::from_raw(15)).to_string(), "signal: 15 (SIGTERM)");
        assert_eq!(ending(ExitStatus::from_raw(3 << 8)).to_string(), "exit status: 3");
    }
}
