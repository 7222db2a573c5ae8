//! What every test needs: options, entries, facts about this process, and a program that ends.

use edge_agent::publish::{Broker, Message, Options, Port, run};
use edge_agent::queue::Entry;
use edge_agent::rt::{self, Runtime};
use std::time::Duration;

/// Blocks of the test's queue: 256 usual verdicts.
pub(crate) const BLOCKS: usize = 512;

/// The port under test.
pub(crate) type TestPort = Port<BLOCKS>;

/// Topic below this test's own device.
pub(crate) fn topic(channel: &str) -> String {
    format!("edge/v1/test/{channel}")
}

/// Options for the brokers on these loopback ports.
pub(crate) fn options(ports: &[u16]) -> Options {
    Options {
        brokers: ports.iter().map(|port| Broker { host: "127.0.0.1".to_owned(), port: *port }).collect(),
        client_id: "edge-test".to_owned(),
        window: 16,
        verdict_topic: topic("verdict"),
        health_topic: topic("health"),
        reply_topic: topic("reply"),
        command_topic: Some(topic("command")),
        online: Message { topic: topic("status"), payload: b"online".to_vec() },
        offline: b"offline".to_vec(),
        lost: b"lost".to_vec(),
        reconnect_min: Duration::from_millis(50),
        reconnect_max: Duration::from_millis(200),
        ..Options::default()
    }
}

/// A verdict of usual size that can be told apart by its number.
pub(crate) fn verdict(sequence: u32) -> Entry {
    let mut payload = [0x5a; 160];
    payload[..4].copy_from_slice(&sequence.to_le_bytes());
    Entry::new(2, sequence, &payload).unwrap()
}

/// Admits a range at the pace of the link, so that nothing is shed.
pub(crate) async fn feed(port: &TestPort, range: std::ops::Range<u32>) {
    for sequence in range {
        while port.books().queued >= 128 {
            rt::sleep(Duration::from_millis(1)).await.unwrap();
        }
        port.admit(&verdict(sequence));
    }
}

/// Runs the link beside `script` until the script ends, then stops it and waits for it.
pub(crate) fn with_link(port: &TestPort, options: &Options, script: impl Future<Output = ()>) {
    let runtime = Runtime::new().unwrap();
    let mut ignore = |_: &[u8]| {};
    let link = async { run(port, options, &mut ignore).await.unwrap() };
    let all = async {
        let script = async {
            script.await;
            port.stop();
        };
        futures_lite::future::zip(link, script).await;
    };
    runtime.block_on(async { rt::timeout(Duration::from_secs(120), all).await.unwrap() }).unwrap();
}

/// Waits for something to become true, for at most ten seconds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        rt::sleep(Duration::from_millis(10)).await.unwrap();
    }
    panic!("not within ten seconds: {what}");
}

/// Threads of this process.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// A number from `/proc/self/status`.
pub(crate) fn status_number(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
}
