//! What an idle link costs, and how long a dead one is believed.

use super::broker::Mosquitto;
use super::support::{TestPort, options, status_number, threads, until, verdict, with_link};
use edge_agent::publish::PublishError;
use edge_agent::rt::{self, wakeups};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Connected by name, so that the resolver's thread has come and gone; then nothing to do for three seconds.
pub(crate) fn one_thread_and_no_wake_ups() {
    let broker = Mosquitto::start("");
    let port = TestPort::new();
    let mut options = options(&[broker.port]);
    "localhost".clone_into(&mut options.brokers[0].host);
    with_link(&port, &options, async {
        port.admit(&verdict(1));
        until("one acknowledgement", || port.counters().acknowledged == 1).await;
        // The broker's answers to the subscription and the status are still on their way.
        rt::sleep(Duration::from_millis(500)).await.unwrap();
        assert_eq!(threads(), 1, "threads");
        let before = (wakeups(), status_number("voluntary_ctxt_switches:"));
        rt::sleep(Duration::from_secs(3)).await.unwrap();
        let after = (wakeups(), status_number("voluntary_ctxt_switches:"));
        println!("idle 3 s: {} wake-up, {} voluntary switches", after.0 - before.0, after.1 - before.1);
        assert_eq!(after.0 - before.0, 1, "this test's own timer and nothing else");
        assert!(after.1 - before.1 <= 2, "voluntary context switches");
    });
}

/// A broker that accepts connections and never says anything, as behind a firewall that forgot us.
pub(crate) fn a_mute_broker_is_left_in_time() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = TestPort::new();
    let mut options = options(&[mute.local_addr().unwrap().port()]);
    options.connect_limit = Duration::from_millis(300);
    let begun = Instant::now();
    with_link(&port, &options, async {
        let expected = Some(PublishError::NoAnswer { limit_ms: 300 });
        until("no answer", || port.counters().last_error == expected).await;
    });
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// The connection stays up and silent. One and a half keep-alives, plus what a busy machine may add.
pub(crate) fn a_frozen_broker_is_noticed_in_time() {
    let broker = Mosquitto::start("");
    let port = TestPort::new();
    let mut options = options(&[broker.port]);
    options.keep_alive = Duration::from_secs(2);
    with_link(&port, &options, async {
        until("a connection", || port.counters().connected).await;
        rt::sleep(Duration::from_millis(200)).await.unwrap();
        broker.freeze();
        let begun = Instant::now();
        let expected = Some(PublishError::Silent { limit_ms: 1000 });
        until("silence", || port.counters().last_error == expected).await;
        println!("frozen broker noticed after {:?}, keep-alive 2 s", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_millis(3200), "{:?}", begun.elapsed());
    });
}
