//! `login_guessing`: many connections to a login port of this machine; beside them, a technician's few.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use super::Act;
use super::child::Child;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{process, socket::connect_from};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "login_guessing.inbound",
        "[--port 22] [--tries 60] [--source 127.0.0.9] [--delay-ms 0]",
        "one source, many connections to a listener of the act's own",
        |options, tally| inbound(options, tally, 60, false),
    ),
    Act::attack(
        "login_guessing.sources",
        "[--port 22] [--tries 60] [--source 127.0.0.9] [--delay-ms 0]",
        "the same from ever new sources",
        |options, tally| inbound(options, tally, 60, true),
    ),
    Act::benign(
        "login_guessing.benign_few",
        "[--port 22] [--tries 3] [--source 127.0.0.9] [--delay-ms 0]",
        "three connections",
        |options, tally| inbound(options, tally, 3, false),
    ),
];

/// Connects to a child that listens as a login service does: it accepts, asks, and hangs up on whatever it hears. The
/// listener is noted as `service`.
fn inbound(options: &Options, tally: &mut Tally, tries: u32, many_sources: bool) -> Result<(), Failure> {
    let port = options.value_or("port", 22)?;
    let tries = options.value_or("tries", tries)?;
    let first = options.value_or("source", Ipv4Addr::new(127, 0, 0, 9))?;
    let delay = Duration::from_millis(options.value_or("delay-ms", 0)?);
    for source in [first, Ipv4Addr::from(u32::from(first).saturating_add(tries))] {
        if !source.is_loopback() {
            return Err(Failure::Usage(format!("{source} is not an address of this machine")));
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(Failure::peer("no listener"))?;
    let destination = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port_of(&listener)?);
    let service = Child::start(move || {
        process::end_with_parent()?;
        serve(&listener)
    })
    .map_err(Failure::kernel("making a child"))?;
    tally.add("service", service.pid.unsigned_abs().into());
    for index in 0..tries {
        let source = if many_sources { Ipv4Addr::from(u32::from(first) + index) } else { first };
        let greeted = connect_from(SocketAddrV4::new(source, 0), destination).and_then(|socket| {
            let mut greeting = [0; 16];
            TcpStream::from(socket).read(&mut greeting).map(drop)
        });
        // A service that was stopped, or a connection that was cut, is an agent's doing.
        tally.futile("connecting", &[libc::ECONNREFUSED, libc::ECONNRESET], greeted)?;
        std::thread::sleep(delay);
    }
    service.end().map_err(Failure::kernel("ending the service")).map(drop)
}

/// The port that a listener got.
fn port_of(listener: &TcpListener) -> Result<u16, Failure> {
    Ok(listener.local_addr().map_err(Failure::peer("no listener"))?.port())
}

/// Greets everyone and hangs up.
fn serve(listener: &TcpListener) -> std::io::Result<i32> {
    use std::io::Write as _;
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"login: ")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_is_greeted_and_foreign_sources_are_refused() {
        for act in ACTS {
            let mut tally = Tally::default();
            let words = "--port 0 --tries 5".split(' ').map(str::to_owned);
            (act.run)(&Options::parse(words).unwrap(), &mut tally).unwrap();
            assert_eq!(tally.count("done"), 5, "{}", act.name);
        }
        let words = "--port 0 --source 192.0.2.1".split(' ').map(str::to_owned);
        let refused = inbound(&Options::parse(words).unwrap(), &mut Tally::default(), 1, false);
        assert!(matches!(refused, Err(Failure::Usage(_))));
    }
}
