//! `edge-watch --json` as a test sees it: JSON lines with the moment each arrived.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Why the subscriber could not be started or gave no line.
#[derive(Debug, thiserror::Error)]
pub enum SubscriberError {
    /// The program cannot be started.
    #[error("{program} cannot be started")]
    Start {
        /// The program.
        program: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// What was waited for did not come.
    #[error("no {what} within {} ms; {} lines came, the last: {last}", limit.as_millis(), count)]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// How many lines have come so far.
        count: usize,
        /// The last of them.
        last: String,
    },
    /// The subscriber ended.
    #[error("subscriber ended while waiting for {what}")]
    Ended {
        /// What was waited for.
        what: String,
    },
}

/// One line of the subscriber.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it arrived, after decoding by the subscriber.
    pub arrived: Instant,
    /// What it says.
    pub json: Value,
}

impl Line {
    /// The value at a path such as `/device/uid`; null when there is none.
    #[must_use]
    pub fn at(&self, path: &str) -> &Value {
        self.json.pointer(path).unwrap_or(&Value::Null)
    }
}

/// A running subscriber. Dropping it ends it.
#[derive(Debug)]
pub struct Subscriber {
    /// The process.
    child: Child,
    /// Lines not yet looked at.
    incoming: Receiver<Line>,
    /// All lines so far.
    lines: Vec<Line>,
}

impl Subscriber {
    /// Starts `edge-watch` for the broker on a port of 127.0.0.1, with further arguments.
    pub fn start(edge_watch: &Path, port: u16, arguments: &[&str]) -> Result<Self, SubscriberError> {
        let mut command = Command::new(edge_watch);
        command.args(["--json", "--broker", &format!("127.0.0.1:{port}")]).args(arguments);
        Self::spawn(command)
    }

    /// Starts any program that prints JSON lines.
    fn spawn(mut command: Command) -> Result<Self, SubscriberError> {
        let program = command.get_program().display().to_string();
        let start = |source| SubscriberError::Start { program: program.clone(), source };
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(start)?;
        let stdout = child.stdout.take().ok_or_else(|| start(io::ErrorKind::BrokenPipe.into()))?;
        let (sender, incoming) = channel();
        std::thread::spawn(move || read(stdout, &sender));
        Ok(Self { child, incoming, lines: Vec::new() })
    }

    /// How many lines have come: a mark to look from later.
    pub fn mark(&mut self) -> usize {
        self.lines.extend(self.incoming.try_iter());
        self.lines.len()
    }

    /// The lines that have come since a mark.
    pub fn since(&mut self, mark: usize) -> &[Line] {
        self.mark();
        self.lines.get(mark..).unwrap_or_default()
    }

    /// Waits for a line since `mark` that `wanted` accepts; `what` names it in the error.
    pub fn wait(
        &mut self,
        mark: usize,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<Line, SubscriberError> {
        let deadline = Instant::now() + limit;
        let mut looked = mark;
        loop {
            if let Some(line) = self.since(looked).iter().find(|line| wanted(line)) {
                return Ok(line.clone());
            }
            looked = self.lines.len();
            match self.incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.lines.push(line),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(SubscriberError::Ended { what: what.to_owned() });
                }
                Err(RecvTimeoutError::Timeout) => {
                    let last = self.lines.last().map(|line| line.json.to_string()).unwrap_or_default();
                    return Err(SubscriberError::Late {
                        what: what.to_owned(),
                        limit,
                        count: self.lines.len(),
                        last,
                    });
                }
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended by itself; nothing depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stamps and parses lines until either end closes. A line that is no JSON becomes a JSON string, for a test to stumble over.
fn read(stdout: ChildStdout, sender: &Sender<Line>) {
    for text in BufReader::new(stdout).lines().map_while(Result::ok) {
        let arrived = Instant::now();
        let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if sender.send(Line { arrived, json }).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in that prints `script`'s output.
    fn shell(script: &str) -> Subscriber {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Subscriber::spawn(command).unwrap()
    }

    #[test]
    fn lines_are_found_after_a_mark() {
        let mut subscriber = shell(r#"echo '{"a":{"b":1}}'; echo 'no json'; echo '{"a":{"b":2}}'; sleep 5"#);
        let limit = Duration::from_secs(3);
        let line = subscriber.wait(0, limit, "two", |line| line.at("/a/b") == 2).unwrap();
        assert_eq!(line.at("/a/c"), &Value::Null);
        assert_eq!(subscriber.since(0).len(), 3);
        assert_eq!(subscriber.since(1)[0].json, "no json");
        assert_eq!(subscriber.mark(), 3);
    }

    #[test]
    fn what_does_not_come_is_named() {
        let error = shell("sleep 5").wait(0, Duration::from_millis(20), "verdict", |_| true).unwrap_err();
        assert!(error.to_string().starts_with("no verdict within 20 ms"), "{error}");
        let error = shell("true").wait(0, Duration::from_secs(3), "verdict", |_| true).unwrap_err();
        assert_eq!(error.to_string(), "subscriber ended while waiting for verdict");
    }
}
