//! The program as people and scripts run it, against its own broker and Mosquitto.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed assertion is a test's product"
)]

#[path = "subscriber/harness.rs"]
mod harness;

use std::time::Duration;

use edge_wire::{Channel, Disposition, Severity, State};
use harness::{Broker, Publisher, Watch, golden, heartbeat, status, verdict};

/// How long any one line may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A verdict as text, with the lines that come before it.
#[test]
fn a_verdict_becomes_one_line() {
    let broker = Broker::embedded();
    let mut watch = Watch::start(broker.port, &["--no-color", "--count", "2"]);
    watch.wait(LIMIT, "watching");
    let publisher = Publisher::connect(broker.port);
    publisher.publish("gw-7", Channel::Status, &golden("status_online"));
    publisher.publish("gw-7", Channel::Verdict, &golden("verdict_file_tamper_killed"));
    publisher.publish("gw-7", Channel::Verdict, &golden("verdict_hostile_names"));
    let online = watch.wait(LIMIT, "online");
    assert!(online.contains(" gw-7 online, agent 0.1.0"), "{online}");
    let killed = watch.wait(LIMIT, "file_tamper");
    let expected = "gw-7 critical file_tamper T1486 .kworker[21877]  30 files renamed to a new ending in 96 ms, \
                    last /var/lib/mosquitto/mosquitto.db  KILLED";
    assert!(killed.ends_with(expected), "{killed}");
    let hostile = watch.wait(LIMIT, "volatile_exec");
    assert!(!hostile.contains('\u{1b}') && hostile.contains("\\x1b[2Jsshd"), "{hostile}");
    assert!(watch.end().success());
}

/// The retained status, filters, duplicates, and what does not decode.
#[test]
fn json_lines_tell_findings_from_notices() {
    let broker = Broker::embedded();
    let publisher = Publisher::connect(broker.port);
    publisher.retain("gw", Channel::Status, &status(State::ONLINE));
    let mut watch = Watch::start(broker.port, &["--json", "--severity", "high", "--count", "2"]);
    let kept = watch.json(LIMIT, "/kind", "online");
    assert_eq!((&kept["device"], &kept["retained"]), (&"gw".into(), &true.into()));
    for (sequence, severity) in [(0, Severity::HIGH), (0, Severity::HIGH), (1, Severity::LOW)] {
        publisher.publish("gw", Channel::Verdict, &verdict(sequence, severity));
    }
    publisher.publish("gw", Channel::Verdict, b"not one of ours");
    publisher.publish("gw", Channel::Health, &status(State::ONLINE));
    publisher.publish("gw", Channel::Verdict, &verdict(2, Severity::CRITICAL));
    assert_eq!(watch.json(LIMIT, "/class_uid", 2004)["metadata"]["sequence"], 0);
    assert_eq!(watch.json(LIMIT, "/kind", "invalid")["channel"], "verdict");
    assert_eq!(watch.json(LIMIT, "/kind", "invalid")["channel"], "health");
    assert_eq!(watch.json(LIMIT, "/class_uid", 2004)["metadata"]["sequence"], 2);
    let summary = watch.json(LIMIT, "/kind", "summary");
    assert_eq!((&summary["duplicates"], &summary["filtered"]), (&1.into(), &1.into()));
    assert!(watch.end().success());
}

/// A hole that a heartbeat shows, explains, and a late verdict fills.
#[test]
fn missing_verdicts_are_told_explained_and_healed() {
    let broker = Broker::embedded();
    let mut watch = Watch::start(broker.port, &["--json", "--grace", "1"]);
    watch.json(LIMIT, "/kind", "link");
    let publisher = Publisher::connect(broker.port);
    publisher.publish("gw", Channel::Status, &status(State::ONLINE));
    publisher.publish("gw", Channel::Verdict, &verdict(1, Severity::HIGH));
    publisher.publish("gw", Channel::Health, &heartbeat(4, 1));
    let gap = watch.json(LIMIT, "/kind", "gap");
    assert_eq!(gap["ranges"], serde_json::json!([[0, 0], [2, 3]]));
    assert_eq!(gap["cause"], serde_json::json!({"shed": 1, "on_the_way": 2, "unknown": 0}));
    publisher.publish("gw", Channel::Verdict, &verdict(3, Severity::HIGH));
    assert_eq!(watch.json(LIMIT, "/class_uid", 2004)["unmapped"]["late"], true);
    let healed = watch.json(LIMIT, "/kind", "gap_healed");
    assert_eq!((&healed["count"], &healed["missing"]), (&1.into(), &2.into()));
    publisher.publish("gw", Channel::Status, &status(State::LOST));
    assert_eq!(watch.json(LIMIT, "/kind", "offline")["state"], "lost");
}

/// The broker goes and comes back.
#[test]
fn a_broker_that_returns_is_watched_again() {
    let mut broker = Broker::embedded();
    let mut watch = Watch::start(broker.port, &["--json"]);
    assert_eq!(watch.json(LIMIT, "/kind", "link")["state"], "up");
    broker.restart();
    assert_eq!(watch.json(LIMIT, "/kind", "link")["state"], "down");
    watch.json(LIMIT, "/state", "up");
    Publisher::connect(broker.port).publish("gw", Channel::Verdict, &verdict(0, Severity::HIGH));
    let finding = watch.json(LIMIT, "/class_uid", 2004);
    assert_eq!(finding["unmapped"]["disposition"], Disposition::REPORTED.name().unwrap_or_default());
}

/// A command that waits for more than comes fails with a code of its own.
#[test]
fn a_timeout_before_the_count_is_a_failure() {
    let broker = Broker::embedded();
    let watch = Watch::start(broker.port, &["--count", "1", "--timeout", "1"]);
    assert_eq!(watch.end().code(), Some(1));
    let watch = Watch::start(broker.port, &["--timeout", "1"]);
    assert!(watch.end().success());
}

/// Two members of a group get every verdict once between them.
fn shares(broker: &Broker) {
    let mut first = Watch::start(broker.port, &["--json", "--share", "soc"]);
    let mut second = Watch::start(broker.port, &["--json", "--share", "soc"]);
    first.json(LIMIT, "/kind", "link");
    second.json(LIMIT, "/kind", "link");
    let publisher = Publisher::connect(broker.port);
    for sequence in 0..20 {
        publisher.publish("gw", Channel::Verdict, &verdict(sequence, Severity::HIGH));
    }
    let mut seen: Vec<u64> = Vec::new();
    for watch in [&mut first, &mut second] {
        let findings = watch.all_within(Duration::from_secs(2), "/class_uid", 2004);
        assert!(!findings.is_empty(), "one member got all of {seen:?}");
        seen.extend(findings.iter().filter_map(|finding| finding["metadata"]["sequence"].as_u64()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<u64>>());
}

#[test]
fn a_group_divides_verdicts_with_mosquitto() {
    shares(&Broker::mosquitto());
}

#[test]
fn a_group_divides_verdicts_with_the_embedded_broker() {
    shares(&Broker::embedded());
}

/// What comes while a named subscriber is away waits at the broker.
#[test]
fn a_named_session_misses_nothing() {
    let broker = Broker::mosquitto();
    let mut watch = Watch::start(broker.port, &["--json", "--client-id", "soc-1", "--count", "1"]);
    watch.json(LIMIT, "/kind", "link");
    let publisher = Publisher::connect(broker.port);
    publisher.publish("gw", Channel::Verdict, &verdict(0, Severity::HIGH));
    assert!(watch.end().success());
    publisher.publish("gw", Channel::Verdict, &verdict(1, Severity::HIGH));
    let mut watch = Watch::start(broker.port, &["--json", "--client-id", "soc-1"]);
    assert_eq!(watch.json(LIMIT, "/class_uid", 2004)["metadata"]["sequence"], 1);
}
