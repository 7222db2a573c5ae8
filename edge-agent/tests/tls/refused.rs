//! Connections that must not be, each with what it is refused for.

use std::time::{Duration, Instant};

use rcgen::date_time_ymd;

use super::authority::Authority;
use super::broker::Mosquitto;
use super::fake::Fake;
use super::{Settings, TlsFault, error_of, fault_of, options, shows, trusting, wants};
use edge_agent::publish::{Fault, PublishError};

#[test]
fn an_authority_that_we_do_not_know() {
    let (ours, other) = (Authority::new(), Authority::new());
    let broker = Mosquitto::start(&shows(&other.issue("127.0.0.1", |_| {})));
    let fault = fault_of(&options(broker.port, &trusting(&ours.ca)));
    assert_eq!((fault, fault.fault()), (TlsFault::UnknownIssuer, Fault::Ours));
}

#[test]
fn a_certificate_that_is_over_or_has_not_begun() {
    let authority = Authority::new();
    let old = authority.issue("127.0.0.1", |params| params.not_after = date_time_ymd(2024, 2, 29));
    let broker = Mosquitto::start(&shows(&old));
    let fault = fault_of(&options(broker.port, &trusting(&authority.ca)));
    assert!(fault.to_string().contains("ended on 2024-02-29, the clock says on 20"), "{fault}");
    let new = authority.issue("127.0.0.1", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2098, 12, 31), date_time_ymd(2099, 12, 31));
    });
    let broker = Mosquitto::start(&shows(&new));
    let fault = fault_of(&options(broker.port, &trusting(&authority.ca)));
    assert!(fault.to_string().contains("begins on 2098-12-31"), "{fault}");
}

#[test]
fn a_certificate_for_another_name() {
    let authority = Authority::new();
    let broker = Mosquitto::start(&shows(&authority.issue("broker.example", |_| {})));
    assert_eq!(fault_of(&options(broker.port, &trusting(&authority.ca))), TlsFault::Name);
}

#[test]
fn a_key_that_is_not_the_pinned_one() {
    let authority = Authority::new();
    let (server, other) = (authority.issue("127.0.0.1", |_| {}), authority.issue("127.0.0.1", |_| {}));
    let broker = Mosquitto::start(&shows(&server));
    let settings = Settings { pin: &other.pin, ..trusting(&authority.ca) };
    assert_eq!(fault_of(&options(broker.port, &settings)), TlsFault::Pin);
}

/// Since TLS 1.3 the refusal comes after the handshake.
#[test]
fn a_broker_that_wants_a_certificate_and_gets_none() {
    let authority = Authority::new();
    let server = authority.issue("127.0.0.1", |_| {});
    let broker = Mosquitto::start(&wants(&server, &authority));
    let fault = fault_of(&options(broker.port, &trusting(&authority.ca)));
    assert_eq!((fault, fault.fault()), (TlsFault::Alert(116), Fault::Refused));
}

#[test]
fn a_certificate_of_ours_that_is_revoked_or_of_others() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (server, client) = (authority.issue("127.0.0.1", |_| {}), authority.issue("gw-7", |_| {}));
    let lines = format!("{}\ncrlfile {}", wants(&server, &authority), authority.revoke(&client));
    let broker = Mosquitto::start(&lines);
    let settings = Settings { certificate: &client.certificate, key: &client.key, ..trusting(&authority.ca) };
    assert_eq!(fault_of(&options(broker.port, &settings)), TlsFault::Alert(44));
    let stranger = other.issue("gw-7", |_| {});
    let settings =
        Settings { certificate: &stranger.certificate, key: &stranger.key, ..trusting(&authority.ca) };
    assert_eq!(fault_of(&options(broker.port, &settings)), TlsFault::Alert(48));
}

#[test]
fn a_broker_that_speaks_no_tls() {
    let authority = Authority::new();
    let broker = Mosquitto::start("");
    let fault = fault_of(&options(broker.port, &trusting(&authority.ca)));
    assert_eq!((fault, fault.fault()), (TlsFault::NoTls, Fault::Ours));
}

/// Every way in which something else than a broker can answer; it is asked again, but not in a hurry.
#[test]
fn garbage_silence_and_old_versions() {
    let authority = Authority::new();
    // A fatal alert, `protocol_version`, as a server for TLS 1.1 and older sends it.
    let old = Fake::start(&[21, 3, 1, 0, 2, 2, 70]);
    assert_eq!(fault_of(&options(old.port, &trusting(&authority.ca))), TlsFault::Alert(70));
    let garbage = Fake::start(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(fault_of(&options(garbage.port, &trusting(&authority.ca))), TlsFault::NoTls);
    let half = Fake::start(&[22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3]);
    let mut settings = options(half.port, &trusting(&authority.ca));
    settings.connect_limit = Duration::from_millis(300);
    assert_eq!(fault_of(&settings), TlsFault::Silent { limit_ms: 300 });
    let begun = Instant::now();
    let again = Fake::start(&[0xff; 700]);
    let port = super::support::TestPort::new();
    super::support::with_link(&port, &options(again.port, &trusting(&authority.ca)), async {
        super::support::until("five attempts", || again.accepted() >= 5).await;
    });
    // Between 50 and 200 ms, half of it by chance: at least 25, 50, 100 and 100 ms lie between five attempts.
    assert!(begun.elapsed() > Duration::from_millis(100), "{:?}", begun.elapsed());
}

/// A broker that encrypts and then sends what is no MQTT is told apart from one that fails at TLS.
#[test]
fn refusals_of_the_broker_itself_pass_through() {
    let authority = Authority::new();
    let server = authority.issue("127.0.0.1", |_| {});
    let lines = shows(&server) + "\nallow_anonymous false";
    let broker = Mosquitto::start(&lines);
    let error = error_of(&options(broker.port, &trusting(&authority.ca)));
    assert!(matches!(error, PublishError::Refused(_)), "{error}");
}
