//! The agent of the demo: found, configured, started, and ended again.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::{DemoError, DemoOptions};

/// How long the agent may take to detach and say goodbye before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// Lines of its log that an error shows.
const LOG_LINES: usize = 15;
/// Count from which writes are sampled, unless the threshold is lower: the agent's own default.
const SUSPICION: u32 = 8;

/// A running agent. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Agent {
    /// The process.
    child: Child,
    /// What it writes to standard error.
    log: PathBuf,
}

/// The program, if it and the rights to run it are there.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, DemoError> {
    let path = if let Some(path) = named {
        path.to_owned()
    } else {
        let own = std::env::current_exe().map_err(DemoError::io("finding this program's own path"))?;
        own.with_file_name("edge-agent")
    };
    if !path.is_file() {
        return Err(DemoError::Agent(path));
    }
    if geteuid().is_root() { Ok(path) } else { Err(DemoError::Root) }
}

/// The agent's configuration: one detector, one cgroup, our broker. The agent itself checks it.
pub(super) fn config(options: &DemoOptions, broker: SocketAddr, device: &str, cgroup: &Path) -> String {
    let (policy, action) = if options.observe { ("observe", "observe") } else { ("enforce", "kill") };
    let threshold = options.threshold;
    let suspicion = SUSPICION.min(threshold);
    format!(
        "[device]\nid = \"{device}\"\n\n[mqtt]\nbrokers = [\"{broker}\"]\n\n[policy]\naction = \"{policy}\"\n\n\
         [scope]\ncgroup = \"{}\"\n\n[load]\npins = \"\"\n\n[detectors.file_tamper]\nenabled = true\naction = \"{action}\"\n\
         threshold = {threshold}\nsuspicion = {suspicion}\n\n\
         [detectors.lateral_scan]\nenabled = false\n\n[detectors.volatile_exec]\nenabled = false\n\n\
         [detectors.new_egress]\nenabled = false\n",
        cgroup.display()
    )
}

impl Agent {
    /// Starts it with a configuration that is written into `folder`, where its log goes as well.
    pub(super) fn start(program: &Path, config: &str, folder: &Path) -> Result<Self, DemoError> {
        let (file, log) = (folder.join("edge-agent.toml"), folder.join("edge-agent.log"));
        fs::write(&file, config).map_err(DemoError::io(format!("writing {}", file.display())))?;
        let output = File::create(&log).map_err(DemoError::io(format!("writing {}", log.display())))?;
        let child = Command::new(program)
            .arg("run")
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(DemoError::io(format!("starting {}", program.display())))?;
        Ok(Self { child, log })
    }

    /// An error, if it has ended.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(DemoError::AgentEnded { status: status.to_string(), log: self.log() }),
            Err(source) => Err(DemoError::Io { what: "looking after the agent".to_owned(), source }),
        }
    }

    /// The last lines of its log.
    pub(super) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
        tail.join("\n")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Asked first, so that it detaches in order; each call fails only if it has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_scope_broker_and_threshold() {
        let options = DemoOptions { threshold: 5, ..DemoOptions::default() };
        let broker = SocketAddr::from(([127, 0, 0, 1], 1884));
        let text = config(&options, broker, "demo-1", Path::new("/sys/fs/cgroup/demo-1"));
        for part in [
            "id = \"demo-1\"",
            "brokers = [\"127.0.0.1:1884\"]",
            "cgroup = \"/sys/fs/cgroup/demo-1\"",
            "[policy]\naction = \"enforce\"",
            "action = \"kill\"\nthreshold = 5\nsuspicion = 5",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let quiet = config(&DemoOptions { observe: true, ..options }, broker, "d", Path::new("/x"));
        assert!(!quiet.contains("kill") && !quiet.contains("enforce"), "{quiet}");
    }

    #[test]
    fn a_missing_agent_is_named() {
        let path = PathBuf::from("/nonexistent/edge-agent");
        assert_eq!(find(Some(&path)), Err(DemoError::Agent(path)));
    }
}
