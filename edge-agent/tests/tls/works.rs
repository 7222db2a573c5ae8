//! Connections that stand.

use std::cell::RefCell;
use std::time::Duration;

use super::authority::Authority;
use super::broker::Mosquitto;
use super::support::{TestPort, until, verdict, with_link};
use super::{Settings, options, shows, trusting, wants};
use edge_agent::publish::Options;
use edge_agent::rt;

/// Delivers a verdict.
fn delivers(options: &Options) {
    let port = TestPort::new();
    with_link(&port, options, async {
        port.admit(&verdict(7));
        until("an acknowledgement", || port.counters().acknowledged == 1).await;
    });
    assert_eq!(port.counters().last_error, None);
}

#[test]
fn a_verdict_goes_to_a_broker_that_our_authority_knows() {
    let authority = Authority::new();
    let broker = Mosquitto::start(&shows(&authority.issue("127.0.0.1", |_| {})));
    delivers(&options(broker.port, &trusting(&authority.ca)));
}

#[test]
fn a_broker_that_wants_to_know_us_gets_our_certificate() {
    let authority = Authority::new();
    let (server, client) = (authority.issue("127.0.0.1", |_| {}), authority.issue("gw-7", |_| {}));
    // The certificate's name is the user then, as clouds do it.
    let broker = Mosquitto::start(&(wants(&server, &authority) + "\nuse_identity_as_username true"));
    let settings = Settings { certificate: &client.certificate, key: &client.key, ..trusting(&authority.ca) };
    delivers(&options(broker.port, &settings));
}

#[test]
fn another_name_can_be_expected_and_the_old_version_is_spoken() {
    let authority = Authority::new();
    let server = authority.issue("broker.example", |_| {});
    let broker = Mosquitto::start(&(shows(&server) + "\ntls_version tlsv1.2"));
    let settings = Settings { server_name: "broker.example", ..trusting(&authority.ca) };
    delivers(&options(broker.port, &settings));
}

#[test]
fn a_pinned_key_is_accepted() {
    let authority = Authority::new();
    let server = authority.issue("127.0.0.1", |_| {});
    let broker = Mosquitto::start(&shows(&server));
    delivers(&options(broker.port, &Settings { pin: &server.pin, ..trusting(&authority.ca) }));
    let upper = server.pin.to_uppercase();
    delivers(&options(broker.port, &Settings { pin: &upper, ..trusting(&authority.ca) }));
}

/// A thousand verdicts with a restart of the broker in the middle, at the pace of the link: none is lost and the books balance.
#[test]
fn every_verdict_survives_a_restart_of_the_broker() {
    const VERDICTS: u32 = 1_000;
    let authority = Authority::new();
    let broker = RefCell::new(Mosquitto::start(&shows(&authority.issue("127.0.0.1", |_| {}))));
    let settings = options(broker.borrow().port, &trusting(&authority.ca));
    let port = TestPort::new();
    with_link(&port, &settings, async {
        for sequence in 0..VERDICTS {
            while port.books().queued >= 128 {
                rt::sleep(Duration::from_millis(1)).await.unwrap();
            }
            port.admit(&verdict(sequence));
            if sequence == VERDICTS / 2 {
                until("the first half", || port.counters().acknowledged > VERDICTS / 4).await;
                broker.borrow_mut().restart();
            }
        }
        until("every acknowledgement", || port.counters().acknowledged == VERDICTS).await;
        let (books, counters) = (port.books(), port.counters());
        assert_eq!((books.shed_total(), counters.reconnects, counters.connects), (0, 1, 2));
        assert!(books.balance());
    });
}
