//! Brokers that are not there or say no.

use super::broker::{Mosquitto, free_port};
use super::subscriber::Subscriber;
use super::support::{TestPort, feed, options, topic, until, verdict, with_link};
use edge_agent::publish::{Fault, Login, PublishError, Refusal};
use edge_agent::rt;
use std::time::Duration;

/// The first broker is down; the second takes over at once.
pub(crate) fn the_next_broker_is_tried() {
    let broker = Mosquitto::start("");
    let port = TestPort::new();
    with_link(&port, &options(&[free_port(), broker.port]), async {
        port.admit(&verdict(7));
        until("an acknowledgement", || port.counters().acknowledged == 1).await;
        let error = port.counters().last_error.unwrap();
        assert_eq!(error, PublishError::Connect(std::io::ErrorKind::ConnectionRefused));
        assert_eq!(error.fault(), Fault::Network);
    });
}

/// A broker with a password file that does not know us.
pub(crate) fn a_refusal_is_explained() {
    let file = std::env::temp_dir().join(format!("edge-link-passwords-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let broker = Mosquitto::start(&format!("allow_anonymous false\npassword_file {}", file.display()));
    let port = TestPort::new();
    let mut options = options(&[broker.port]);
    options.login = Some(Login { username: "edge".to_owned(), password: "wrong".to_owned() });
    with_link(&port, &options, async {
        port.admit(&verdict(1));
        let expected = Some(PublishError::Refused(Refusal::NotAuthorized));
        until("a refusal", || port.counters().last_error == expected).await;
    });
    // Stopped without ever being accepted: the verdict is still ours.
    let (books, counters) = (port.books(), port.counters());
    assert_eq!((books.queued, counters.published, counters.connects), (1, 0, 0));
    let _ = std::fs::remove_file(file);
}

/// A broker whose rules let us say how we are and nothing else: neither verdicts nor commands.
///
/// MQTT 3.1.1 lets a client know nothing: it has no word for a publication that is not allowed, and a server must either
/// acknowledge and drop it or close the connection (MQTT-3.3.5-2). Mosquitto acknowledges, so these verdicts count as
/// such, and only a subscriber can tell, by their absence. What a link can do is not to loop: one connection, nothing sent
/// again, no wake-up while there is nothing to say. A refused subscription has a code, is logged, and is no reason to leave
/// either. A broker that closes is "hanging up" among the rogues.
pub(crate) fn a_forbidden_topic_makes_no_loop() {
    let file = std::env::temp_dir().join(format!("edge-link-rules-{}", std::process::id()));
    std::fs::write(&file, format!("topic write {}\ntopic read #\n", topic("status"))).unwrap();
    // With "no limit" Mosquitto 2.0.11 takes its queue for full after a forbidden publication, and closes.
    let broker = Mosquitto::start(&format!("max_queued_messages 1000\nacl_file {}", file.display()));
    let mut other_end = Subscriber::new(broker.port, "edge-watcher", &topic("#")).unwrap();
    let port = TestPort::new();
    with_link(&port, &options(&[broker.port]), async {
        feed(&port, 0..500).await;
        until("every acknowledgement", || port.counters().acknowledged == 500).await;
        rt::sleep(Duration::from_millis(500)).await.unwrap();
        let (before, bytes) = (rt::wakeups(), port.counters().bytes_out);
        rt::sleep(Duration::from_secs(2)).await.unwrap();
        let counters = port.counters();
        assert_eq!(rt::wakeups() - before, 1, "this test's own timer and nothing else");
        assert_eq!((counters.bytes_out, counters.connects, counters.resent), (bytes, 1, 0));
        assert!(counters.connected && counters.last_error.is_none());
    });
    assert_eq!((other_end.text(), other_end.text()), ("online".to_owned(), "offline".to_owned()));
    assert!(other_end.next(Duration::from_millis(100)).is_none(), "no verdict arrives");
    let _ = std::fs::remove_file(file);
}
