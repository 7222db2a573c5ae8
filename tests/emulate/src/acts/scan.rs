//! `lateral_scan`: scans whose tries are spread over processes, threads and address families; beside them, a few
//! connections by a tool that starts a child for each.

use std::io;
use std::net::{IpAddr, UdpSocket};

use super::Act;
use super::child::in_child;
use super::tally::Tally;
use crate::attack::{destinations, try_connect};
use crate::failure::Failure;
use crate::options::Options;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "lateral_scan.spread",
        "[--net N] [--port 23] [--hosts 30]",
        "a child process per host",
        |options, tally| spread(options, tally, "127.0.0.0", 30, tcp),
    ),
    Act::attack("lateral_scan.threads", "[--net N] [--port 23] [--hosts 30]", "a thread per host", threads),
    Act::attack(
        "lateral_scan.mapped",
        "[--port 23] [--hosts 30]",
        "IPv4 hosts by IPv6 sockets",
        |options, tally| one(options, tally, "::ffff:127.0.0.0"),
    ),
    Act::attack(
        "lateral_scan.ipv6",
        "[--net fd00:ed9e::] [--port 23] [--hosts 30]",
        "IPv6 hosts; `ip -6 route add local fd00:ed9e::/64 dev lo` makes them",
        |options, tally| one(options, tally, "fd00:ed9e::"),
    ),
    Act::attack(
        "lateral_scan.udp_spread",
        "[--net N] [--port 161] [--hosts 30]",
        "a child per datagram",
        |options, tally| spread(options, tally, "127.0.0.0", 30, udp),
    ),
    Act::benign(
        "lateral_scan.benign_push",
        "[--port 22] [--hosts 5]",
        "a child process per host, few hosts",
        |options, tally| spread(options, tally, "127.0.7.0", 5, tcp),
    ),
];

/// A try at a host.
type Try = fn(IpAddr, u16) -> io::Result<()>;

/// Every host is tried by a child of its own.
fn spread(options: &Options, tally: &mut Tally, net: &str, hosts: u32, one: Try) -> Result<(), Failure> {
    let port = options.value_or("port", 23)?;
    let hosts = options.value_or("hosts", hosts)?;
    for host in destinations(options.text("net").unwrap_or(net), hosts)?.1 {
        let (pid, end) =
            in_child(|| one(host, port).map(|()| 0)).map_err(Failure::kernel("making a child"))?;
        tally.actor(pid);
        match end {
            super::child::End::Refused(error) => count(tally, Err(error))?,
            end => tally.end("trying a host", end)?,
        }
    }
    Ok(())
}

/// Every host is tried by a thread of its own.
fn threads(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let port = options.value_or("port", 23)?;
    let hosts = destinations(options.text("net").unwrap_or("127.0.0.0"), options.value_or("hosts", 30)?)?.1;
    for host in hosts {
        let tried = std::thread::spawn(move || tcp(host, port)).join();
        count(tally, tried.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))?;
    }
    Ok(())
}

/// Every host is tried by this process.
fn one(options: &Options, tally: &mut Tally, net: &str) -> Result<(), Failure> {
    let port = options.value_or("port", 23)?;
    let net = options.text("net").unwrap_or(net);
    for host in destinations(net, options.value_or("hosts", 30)?)?.1 {
        count(tally, tcp(host, port))?;
    }
    Ok(())
}

/// Counts a try. That nobody listens is what a scan mostly finds.
fn count(tally: &mut Tally, tried: io::Result<()>) -> Result<(), Failure> {
    let unreachable = [libc::ECONNREFUSED, libc::ENETUNREACH, libc::EADDRNOTAVAIL, libc::EIO];
    tally.futile("trying a host", &unreachable, tried).map(drop)
}

/// One connection.
fn tcp(host: IpAddr, port: u16) -> io::Result<()> {
    try_connect(host, port)
}

/// One datagram.
fn udp(host: IpAddr, port: u16) -> io::Result<()> {
    let any = if host.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(any)?.send_to(b"?", (host, port)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_tried_once_in_every_way() {
        for act in ACTS.iter().filter(|act| act.name != "lateral_scan.ipv6") {
            let words = "--hosts 4 --port 9".split(' ').map(str::to_owned);
            let mut tally = Tally::default();
            (act.run)(&Options::parse(words).unwrap(), &mut tally).unwrap();
            assert_eq!(tally.count("done") + tally.count("refused"), 4, "{}: {tally:?}", act.name);
        }
    }
}
