//! Brokers that are not there or say no.

use super::broker::{Mosquitto, free_port};
use super::support::{TestPort, options, until, verdict, with_link};
use edge_agent::publish::{Fault, Login, PublishError, Refusal};

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
