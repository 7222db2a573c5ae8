//! A real Mosquitto on a free loopback port, with a configuration of the test's own.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::ToolError;
use crate::scratch::Scratch;
use crate::tool::{Tool, last_lines};

/// The broker.
const MOSQUITTO: Tool = Tool { program: "mosquitto", package: "mosquitto" };
/// How long it may take to listen; it takes some 20 ms.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The program is missing or cannot be started.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Its folder, port or files could not be prepared.
    #[error("{0} is not possible")]
    Prepare(&'static str, #[source] io::Error),
    /// It did not listen in time, or ended at once: most likely its configuration is wrong.
    #[error("broker does not listen on port {port}; its log ends: {log}")]
    Silent {
        /// The port.
        port: u16,
        /// The log's last lines.
        log: String,
    },
}

/// A broker of one test. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Mosquitto {
    /// Configuration, log and persistent sessions.
    folder: Scratch,
    /// The port on 127.0.0.1, the same after a restart.
    port: u16,
    /// The process, while it runs.
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts a broker for anonymous clients; `lines` are added to its configuration.
    ///
    /// Sessions survive [`Mosquitto::restart`]; queues are not limited, so that a test never loses what it counts.
    pub fn start(lines: &str) -> Result<Self, BrokerError> {
        let folder =
            Scratch::folder("mosquitto").map_err(|e| BrokerError::Prepare("a folder for the broker", e))?;
        let port = free_port().map_err(|e| BrokerError::Prepare("a free port", e))?;
        let path = folder.path().display().to_string();
        // Started by root, it would become a user that may not write to the folder.
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
             persistence_location {path}/\nautosave_interval 0\nmax_queued_messages 0\nlog_type all\n{lines}\n"
        );
        fs::write(folder.path().join("mosquitto.conf"), config)
            .map_err(|e| BrokerError::Prepare("writing the broker's configuration", e))?;
        let mut broker = Self { folder, port, child: None };
        broker.restart()?;
        Ok(broker)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All the broker has logged, over restarts too.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Stops the broker as an operator would, so that it saves its sessions.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let tool = Tool { program: "kill", package: "procps" };
            // A broker that is gone already, or ignores the request, is ended the hard way.
            let asked = tool.output(&mut tool.command(["-TERM".to_owned(), child.id().to_string()]));
            let deadline = Instant::now() + Duration::from_secs(3);
            while asked.is_ok() && Instant::now() < deadline {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the broker again on the same port, after stopping it if it runs.
    pub fn restart(&mut self) -> Result<(), BrokerError> {
        self.stop();
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.map_err(|e| BrokerError::Prepare("writing the broker's log", e))?;
        let config = self.folder.path().join("mosquitto.conf");
        let child = MOSQUITTO
            .command(["-c".as_ref(), config.as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|source| MOSQUITTO.start_error(source))?;
        self.child = Some(child);
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(BrokerError::Silent { port: self.port, log: last_lines(&self.log(), 5) })
    }

    /// Where the broker logs.
    fn log_path(&self) -> PathBuf {
        self.folder.path().join("mosquitto.log")
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_stops_and_listens_again_on_the_same_port() {
        let mut broker = Mosquitto::start("").unwrap();
        let port = broker.port();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        broker.stop();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
        broker.restart().unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        assert!(broker.log().contains("terminating"), "{}", broker.log());
    }

    #[test]
    fn a_wrong_configuration_is_told_with_the_brokers_words() {
        let error = Mosquitto::start("no_such_setting 1").unwrap_err();
        assert!(error.to_string().contains("no_such_setting"), "{error}");
    }
}
