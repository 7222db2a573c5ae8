//! The encrypted link against the real Mosquitto, on loopback, with certificates made for each test. Needs `mosquitto`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test program: a failed assertion is its product")]

mod authority;
#[expect(dead_code, reason = "shared with the tests of the plain link, which do more with it")]
#[path = "../link/broker.rs"]
mod broker;
mod fake;
mod refused;
#[expect(dead_code, reason = "shared with the tests of the plain link, which do more with it")]
#[path = "../link/support.rs"]
mod support;
mod works;

use authority::{Authority, Issued};
use edge_agent::publish::tls::{Settings, Tls};
use edge_agent::publish::{Options, PublishError, TlsFault};

/// What the configuration would say with nothing but this CA.
const fn trusting(ca: &str) -> Settings<'_> {
    Settings { ca, certificate: "", key: "", server_name: "", pin: "", alpn: "" }
}

/// Options for an encrypted connection to this loopback port.
fn options(port: u16, settings: &Settings<'_>) -> Options {
    Options { tls: Some(Tls::new(settings).unwrap()), ..support::options(&[port]) }
}

/// The lines with which Mosquitto shows a certificate.
fn shows(issued: &Issued) -> String {
    format!("certfile {}\nkeyfile {}", issued.certificate, issued.key)
}

/// The lines with which it also wants one that leads to `authority`.
fn wants(issued: &Issued, authority: &Authority) -> String {
    format!("{}\ncafile {}\nrequire_certificate true", shows(issued), authority.ca)
}

/// The error that comes of connecting there, for want of which the test fails after ten seconds. The verdict stays in the queue.
fn error_of(options: &Options) -> PublishError {
    let port = support::TestPort::new();
    let mut error = None;
    support::with_link(&port, options, async {
        port.admit(&support::verdict(1));
        support::until("an error", || {
            error = port.counters().last_error;
            error.is_some()
        })
        .await;
    });
    assert_eq!((port.books().queued, port.counters().acknowledged), (1, 0));
    error.unwrap()
}

/// The same, for what TLS says.
fn fault_of(options: &Options) -> TlsFault {
    match error_of(options) {
        PublishError::Tls(fault) => fault,
        error => panic!("no fault of TLS: {error}"),
    }
}
