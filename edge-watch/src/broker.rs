//! The embedded broker: rumqttd with small bounds, for the demo, for tests, and for a gateway that is its own subscriber.
//!
//! # Not promised
//! No authentication and no TLS: it listens on loopback unless told otherwise. Sessions and retained messages live in
//! memory and end with the program.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::error::WatchError;

/// Clients at a time.
const MAX_CONNECTIONS: usize = 64;
/// Largest payload taken, in bytes; ours have at most 512.
const MAX_PAYLOAD: usize = 64 * 1024;
/// How long the listener may take to answer.
const START_LIMIT: Duration = Duration::from_secs(5);

/// Serves until the process ends.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), WatchError> {
    let thread = start(listen)?;
    let line = format!("edge-watch: broker listens on {listen}\n");
    std::io::stdout().write_all(line.as_bytes()).map_err(WatchError::Output)?;
    match thread.join() {
        Ok(reason) => Err(WatchError::BrokerEnded(reason)),
        Err(_) => Err(WatchError::BrokerEnded("its thread panicked".to_owned())),
    }
}

/// Starts the broker's threads, which end with the process, and waits until it listens. The thread returns why it ended.
pub(crate) fn start(listen: SocketAddr) -> Result<std::thread::JoinHandle<String>, WatchError> {
    let failed = |source| WatchError::Listen(listen, source);
    // The broker only logs what is wrong with an address; trying it first gives the reason to whoever chose it.
    drop(TcpListener::bind(listen).map_err(failed)?);
    let thread = std::thread::Builder::new()
        .name("broker".to_owned())
        .spawn(move || match Broker::new(config(listen)).start() {
            Ok(()) => "the listener ended".to_owned(),
            Err(error) => error.to_string(),
        })
        .map_err(failed)?;
    let begun = Instant::now();
    while let Err(source) = TcpStream::connect_timeout(&listen, START_LIMIT) {
        if begun.elapsed() >= START_LIMIT || thread.is_finished() {
            return Err(failed(source));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(thread)
}

/// An address on loopback that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, WatchError> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    TcpListener::bind(any)
        .and_then(|listener| listener.local_addr())
        .map_err(|source| WatchError::Listen(any, source))
}

/// MQTT 3.1.1 on one address.
fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5000,
        max_payload_size: MAX_PAYLOAD,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server =
        ServerSettings { name: "v4".to_owned(), listen, tls: None, next_connection_delay_ms: 1, connections };
    Config {
        id: 0,
        router: RouterConfig {
            max_connections: MAX_CONNECTIONS,
            max_outgoing_packet_count: 200,
            // 8 MiB per topic filter at most: some 40,000 usual verdicts that a slow subscriber can still catch up with.
            max_segment_size: 1 << 20,
            max_segment_count: 8,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("v4".to_owned(), server)])),
        ..Config::default()
    }
}
