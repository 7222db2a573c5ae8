//! Connecting, and connecting again.

use super::drive::Driver;
use super::options::{Broker, Options};
use super::port::Port;
use super::{Backoff, PublishError};
use crate::rt::{self, Io};
use futures_lite::future::{self, poll_fn};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Keeps a broker connected and everything flowing until [`Port::stop`]. Commands are handed to `on_command` as they
/// come, in the middle of the loop: it must be quick.
///
/// Brokers are tried in order without a pause, then there is one; see [`Backoff`]. What a broker has not acknowledged when
/// this returns is back in the queue.
///
/// # Errors
/// Only [`PublishError::Option`]: everything else is logged, counted and tried again.
pub async fn run<const BLOCKS: usize>(
    port: &Port<BLOCKS>,
    options: &Options,
    on_command: &mut dyn FnMut(&[u8]),
) -> Result<(), PublishError> {
    options.check()?;
    let mut driver = Driver::new(port, options);
    let mut backoff = Backoff::new(options.reconnect_min, options.reconnect_max);
    let mut brokers = options.brokers.iter();
    while !port.is_stopping() {
        let Some(broker) = brokers.next() else {
            pause(port, backoff.next(fastrand::u32(..))).await;
            brokers = options.brokers.iter();
            continue;
        };
        let started = Instant::now();
        let Err(error) = attempt(port, options, broker, &mut driver, on_command).await else { break };
        let stable = driver.stood() >= options.stable_after;
        driver.close(Some(error));
        log::warn!(
            "publish: lost broker={}:{} fault={} after_s={} error=\"{error}\"",
            broker.host,
            broker.port,
            error.fault().name(),
            started.elapsed().as_secs(),
        );
        if stable {
            // It was good for a while: begin again with the first broker, after the shortest wait.
            backoff.reset();
            pause(port, backoff.next(fastrand::u32(..))).await;
            brokers = options.brokers.iter();
        }
    }
    driver.close(None);
    driver.surrender();
    Ok(())
}

/// One broker, from its name to the end of the connection. `Ok` means that we were told to stop.
async fn attempt<const BLOCKS: usize>(
    port: &Port<BLOCKS>,
    options: &Options,
    broker: &Broker,
    driver: &mut Driver<'_, BLOCKS>,
    on_command: &mut dyn FnMut(&[u8]),
) -> Result<(), PublishError> {
    let connected = future::or(async { Some(connect(broker, options.connect_limit).await) }, async {
        halted(port).await;
        None
    });
    let Some(stream) = connected.await else { return Ok(()) };
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        let stream = stream?;
        let shaken = future::or(
            async { Some(tls.handshake(stream, &broker.host, options.connect_limit).await) },
            async {
                halted(port).await;
                None
            },
        );
        let Some(stream) = shaken.await else { return Ok(()) };
        return driver.drive(&mut stream?, &broker.host, on_command).await;
    }
    driver.drive(&mut stream?, &broker.host, on_command).await
}

/// Resolves the name and connects to the first address that answers.
async fn connect(broker: &Broker, limit: Duration) -> Result<Io<TcpStream>, PublishError> {
    let resolved = rt::timeout(limit, rt::resolve(&broker.host, broker.port)).await;
    let addresses = resolved
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| PublishError::Resolve(error.kind()))?;
    let mut last = PublishError::Resolve(std::io::ErrorKind::NotFound);
    for address in addresses {
        match rt::connect(address, limit).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = PublishError::Connect(error.kind()),
        }
    }
    Err(last)
}

/// Waits, but not through a stop. An unavailable timer ends the wait early, which only costs an attempt.
async fn pause<const BLOCKS: usize>(port: &Port<BLOCKS>, span: Duration) {
    let wait = async {
        let _ = rt::sleep(span).await;
    };
    future::or(wait, halted(port)).await;
}

/// Ends when the link was told to stop.
async fn halted<const BLOCKS: usize>(port: &Port<BLOCKS>) {
    poll_fn(|context| port.poll_halt(context)).await;
}
