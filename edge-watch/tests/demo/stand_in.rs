//! The stand-in for the agent: reads the configuration, says that it is online, sends one verdict.

use std::path::Path;
use std::time::Duration;

use edge_wire::{
    Bytes, Channel, DetectorId, Evidence, FileTamper, Head, Payload, Reason, Severity, State, Status,
    Subject, Technique, Topics, Verdict, encode_status, encode_verdict,
};
use rumqttc::{Client, MqttOptions, QoS};

/// The variable that says how to behave.
pub(crate) const BEHAVIOUR: &str = "EDGE_WATCH_TEST_STAND_IN";
/// The files after which the verdict is sent.
const THRESHOLD: usize = 30;

/// Behaves as told, until it is ended.
pub(crate) fn run(config: &Path) {
    match std::env::var(BEHAVIOUR).as_deref() {
        Ok("plays") => play(config),
        Ok("is_silent") => wait(),
        _ => {
            std::io::Write::write_all(&mut std::io::stderr(), b"stand-in has nothing to do\n").unwrap();
            std::process::exit(3);
        }
    }
}

/// An agent's life.
fn play(config: &Path) {
    let text = std::fs::read_to_string(config).unwrap();
    let (host, port) = value(&text, "brokers = [\"", "\"]").split_once(':').unwrap();
    let device = value(&text, "[device]\nid = \"", "\"");
    let (client, mut connection) = Client::new(MqttOptions::new("stand-in", host, port.parse().unwrap()), 8);
    std::thread::spawn(move || connection.iter().take_while(Result::is_ok).count());

    let topics = Topics::default();
    let publish = |channel: Channel, payload: Payload| {
        let topic = topics.topic(device, channel).unwrap();
        let retain = channel == Channel::Status;
        client.publish(topic.as_str(), QoS::AtLeastOnce, retain, payload.to_vec()).unwrap();
    };
    publish(Channel::Status, encode_status(&Status { state: State::ONLINE, ..Status::default() }).unwrap());
    let files = config.with_file_name("files");
    while locked(&files) < THRESHOLD {
        std::thread::sleep(Duration::from_millis(1));
    }
    publish(Channel::Verdict, encode_verdict(&verdict()).unwrap());
    wait();
}

/// What stands between two marks.
fn value<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).expect("the key is there").0
}

/// Files that are encrypted by now.
fn locked(files: &Path) -> usize {
    let entries = std::fs::read_dir(files).unwrap();
    entries
        .filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "locked"))
        })
        .count()
}

/// A finding about the emulation.
fn verdict() -> Verdict {
    let subject = Subject { tgid: 1, comm: Bytes::cut(b"stand-in"), ..Subject::default() };
    let evidence = FileTamper {
        reason: Reason::ENCRYPTED_CONTENT,
        files: 30,
        elapsed_ms: 9,
        path: Bytes::cut(b"note-00029.txt"),
        ..FileTamper::default()
    };
    let head = Head {
        detector: DetectorId::FILE_TAMPER,
        technique: Technique::T1486,
        severity: Severity::CRITICAL,
        subject,
        ..Head::default()
    };
    Verdict { head, evidence: Evidence::FileTamper(evidence) }
}

/// Until it is ended; not for ever, should nobody do so.
fn wait() {
    std::thread::sleep(Duration::from_secs(60));
}
