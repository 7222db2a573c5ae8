//! The agent on this machine, for what needs no guest. It only observes, and only a cgroup of its own: nothing outside
//! the test is judged, and nothing at all is killed or denied.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Scratch;
use crate::cgroup::Cgroup;
use crate::programs::host_program;
use crate::tracefs;

/// How long the agent may take to end when asked.
const END_LIMIT: Duration = Duration::from_secs(10);

/// An agent that observes one cgroup. Dropping it ends it.
#[derive(Debug)]
pub struct HostAgent {
    /// The process, while it runs.
    child: Option<Child>,
    /// Where what it may see runs.
    cgroup: Cgroup,
    /// Configuration and log.
    folder: Scratch,
    /// What is added to its environment.
    environment: Vec<(&'static str, String)>,
}

impl HostAgent {
    /// Starts an agent that publishes as `device` to a broker on 127.0.0.1; `more` is added to its configuration.
    pub fn start(device: &str, port: u16, more: &str) -> Result<Self, Box<dyn Error>> {
        Self::start_with(device, port, more, Vec::new())
    }

    /// The same with more in its environment.
    pub fn start_with(
        device: &str,
        port: u16,
        more: &str,
        environment: Vec<(&'static str, String)>,
    ) -> Result<Self, Box<dyn Error>> {
        tracefs::ensure()?;
        let (cgroup, folder) = (Cgroup::new()?, Scratch::folder("agent")?);
        let config = format!(
            "[device]\nid = \"{device}\"\n\
             [mqtt]\nbrokers = [\"127.0.0.1:{port}\"]\nheartbeat = \"10s\"\n\
             reconnect_min = \"100ms\"\nreconnect_max = \"1s\"\n\
             [policy]\naction = \"observe\"\n\
             [detectors.new_egress]\nstate = \"\"\n\
             [scope]\ncgroup = \"{}\"\n[load]\npins = \"\"\n{more}\n",
            cgroup.path().display()
        );
        fs::write(folder.path().join("agent.toml"), config)?;
        let mut agent = Self { child: None, cgroup, folder, environment };
        agent.restart()?;
        Ok(agent)
    }

    /// Starts the agent again, after it ended.
    pub fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        let log = File::options().create(true).append(true).open(self.folder.path().join("agent.log"))?;
        let mut command = Command::new(host_program("edge-agent")?);
        command.args(["run", "--config"]).arg(self.folder.path().join("agent.toml"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let spawned = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        self.child = Some(spawned?);
        Ok(())
    }

    /// Waits until the agent sees what happens in its cgroup, for a test whose broker cannot tell that it is online.
    pub fn wait_until_attached(&self) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + END_LIMIT;
        while Instant::now() < deadline {
            if self.log().contains("detector=volatile_exec rung=") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("agent does not say that it is attached: {}", self.log()).into())
    }

    /// Runs a shell script where the agent sees it; an error unless it succeeds.
    pub fn provoke(&self, script: &str) -> Result<String, Box<dyn Error>> {
        let done = self.cgroup.shell(script).stdin(Stdio::null()).output()?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        Err(format!("`{script}` ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr))
            .into())
    }

    /// Sends the agent a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let id = self.id().ok_or("the agent does not run")?;
        let status = Command::new("kill").args([format!("-{name}"), id.to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name} {id} ended with {status}").into()) }
    }

    /// Waits for the agent's end.
    pub fn wait(&mut self) -> Result<ExitStatus, Box<dyn Error>> {
        let child = self.child.as_mut().ok_or("the agent does not run")?;
        let deadline = Instant::now() + END_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("agent did not end within {} s", END_LIMIT.as_secs()).into())
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// All it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default()
    }

    /// A folder for the test's files, removed at the end.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for HostAgent {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; nothing depends on how.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
