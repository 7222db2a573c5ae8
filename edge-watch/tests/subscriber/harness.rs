//! Brokers, publishers and the program under test as children; each ends with its value.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use edge_wire::{
    AgentBooks, Channel, DetectorId, Evidence, Head, Heartbeat, Severity, State, Status, Topics, Verdict,
    VolatileExec, encode_heartbeat, encode_status, encode_verdict,
};
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

/// How long a broker may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A broker of one test.
pub(crate) struct Broker {
    /// Its port on loopback.
    pub(crate) port: u16,
    /// How to start it.
    command: Command,
    /// The process.
    child: Child,
}

impl Broker {
    /// `edge-watch broker`.
    pub(crate) fn embedded() -> Self {
        Self::start(|port| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_edge-watch"));
            command.args(["broker", "--listen", &format!("127.0.0.1:{port}")]);
            command
        })
    }

    /// Mosquitto, which must be installed.
    pub(crate) fn mosquitto() -> Self {
        // Debian puts it where a plain user's path does not lead.
        let full = Path::new("/usr/sbin/mosquitto");
        let program = if full.exists() { full } else { Path::new("mosquitto") };
        Self::start(|port| {
            let mut command = Command::new(program);
            command.args(["-p", &port.to_string()]);
            command
        })
    }

    /// Starts a broker on a free port.
    fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = command(port);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the broker is installed (Debian: mosquitto)");
        let broker = Self { port, command, child };
        broker.wait();
        broker
    }

    /// Ends it and starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // Long enough for the other side to see the end.
        std::thread::sleep(Duration::from_millis(300));
        self.child = self.command.spawn().unwrap();
        self.wait();
    }

    /// Waits until it listens.
    fn wait(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < START_LIMIT, "no broker listens on port {}", self.port);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that publishes as an agent does.
pub(crate) struct Publisher {
    /// Takes publications.
    client: Client,
    /// Tells of each acknowledgement.
    acknowledged: Receiver<()>,
}

impl Publisher {
    /// Connects.
    pub(crate) fn connect(port: u16) -> Self {
        let mut options = MqttOptions::new(format!("publisher-{port}"), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(60));
        let (client, connection) = Client::new(options, 16);
        let (sender, acknowledged) = channel();
        let poll = move |mut connection: Connection| {
            for event in connection.iter() {
                if matches!(event, Ok(Event::Incoming(Packet::PubAck(_)))) && sender.send(()).is_err() {
                    break;
                }
            }
        };
        std::thread::spawn(move || poll(connection));
        Self { client, acknowledged }
    }

    /// Publishes with `QoS` 1 and waits until the broker has it.
    pub(crate) fn publish(&self, device: &str, channel: Channel, payload: &[u8]) {
        self.send(device, channel, payload, false);
    }

    /// The same, to be kept for later subscribers.
    pub(crate) fn retain(&self, device: &str, channel: Channel, payload: &[u8]) {
        self.send(device, channel, payload, true);
    }

    /// Publishes.
    fn send(&self, device: &str, channel: Channel, payload: &[u8], retain: bool) {
        let topic = Topics::default().topic(device, channel).unwrap();
        self.client.publish(topic.as_str(), QoS::AtLeastOnce, retain, payload).unwrap();
        self.acknowledged.recv_timeout(START_LIMIT).expect("the broker acknowledges");
    }
}

/// The program under test.
pub(crate) struct Watch {
    /// The process.
    child: Child,
    /// Its lines.
    lines: Receiver<String>,
}

impl Watch {
    /// Starts it.
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_edge-watch"))
            .args(["--broker", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .env("TZ", "UTC")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that contains `part`; what comes before is passed over.
    pub(crate) fn wait(&mut self, limit: Duration, part: &str) -> String {
        self.until(limit, |line| line.contains(part)).unwrap_or_else(|| panic!("no line with {part} came"))
    }

    /// The next JSON line with `wanted` at a path.
    pub(crate) fn json(&mut self, limit: Duration, path: &str, wanted: impl Into<Value>) -> Value {
        let wanted = wanted.into();
        self.next_json(limit, path, &wanted).unwrap_or_else(|| panic!("no line with {wanted} at {path} came"))
    }

    /// All JSON lines with `wanted` at a path until nothing more comes for a while.
    pub(crate) fn all_within(&mut self, limit: Duration, path: &str, wanted: impl Into<Value>) -> Vec<Value> {
        let wanted = wanted.into();
        std::iter::from_fn(|| self.next_json(limit, path, &wanted)).collect()
    }

    /// The next JSON line with `wanted` at a path, if it comes in time.
    fn next_json(&mut self, limit: Duration, path: &str, wanted: &Value) -> Option<Value> {
        let parse =
            |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let line = self.until(limit, |line| parse(line).pointer(path) == Some(wanted))?;
        Some(parse(&line))
    }

    /// The next line that is wanted, if it comes in time.
    fn until(&mut self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + limit;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            if wanted(&line) {
                return Some(line);
            }
        }
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < START_LIMIT, "the subscriber does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A golden payload by name.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../edge-wire/tests/golden");
    let text = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap();
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The boot and incarnation of the verdicts, heartbeats and status below.
const LIFE: ([u8; 16], u32) = ([7; 16], 14);

/// A verdict with the given number and severity.
pub(crate) fn verdict(sequence: u32, severity: Severity) -> Vec<u8> {
    let (boot_id, incarnation) = LIFE;
    let detector = DetectorId::VOLATILE_EXEC;
    let head = Head { boot_id, incarnation, sequence, severity, detector, ..Head::default() };
    let evidence = Evidence::VolatileExec(VolatileExec::default());
    encode_verdict(&Verdict { head, evidence }).unwrap().to_vec()
}

/// A heartbeat that counts so many verdicts, of which some were shed.
pub(crate) fn heartbeat(next_sequence: u32, shed: u64) -> Vec<u8> {
    let (boot_id, incarnation) = LIFE;
    let agent_books = AgentBooks { decided: next_sequence.into(), shed, ..AgentBooks::default() };
    let heartbeat =
        Heartbeat { boot_id, incarnation, beat: 1, next_sequence, agent_books, ..Heartbeat::default() };
    encode_heartbeat(&heartbeat).unwrap().to_vec()
}

/// A status.
pub(crate) fn status(state: State) -> Vec<u8> {
    let (boot_id, incarnation) = LIFE;
    encode_status(&Status { state, boot_id, incarnation, ..Status::default() }).unwrap().to_vec()
}
