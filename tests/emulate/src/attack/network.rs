//! Lateral movement: scans and guesses, only towards addresses that are this machine's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// How long one try may take; on loopback an answer comes at once.
const PATIENCE: Duration = Duration::from_millis(500);

/// What became of the tries.
#[derive(Debug, Default)]
struct Tally {
    /// Connected, or datagram sent.
    open: u64,
    /// Refused by the destination: nothing listens.
    refused: u64,
    /// Denied before it left: a policy said no.
    denied: u64,
    /// Anything else.
    failed: u64,
}

impl Tally {
    /// Counts one try.
    fn add<T>(&mut self, tried: &io::Result<T>) {
        let count = match tried {
            Ok(_) => &mut self.open,
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => &mut self.refused,
                io::ErrorKind::PermissionDenied => &mut self.denied,
                _ => &mut self.failed,
            },
        };
        *count += 1;
    }

    /// Writes the counts into a report.
    fn into_report(self, report: Report) -> Report {
        let report = report.count("open", self.open).count("refused", self.refused);
        report.count("denied", self.denied).count("failed", self.failed)
    }
}

/// One try at each of many destinations.
pub(crate) fn scan(options: &Options) -> Result<Report, Failure> {
    let net: String = options.value_or("net", "127.0.0.0/8".to_owned())?;
    let (port, hosts) = (options.value("port")?, options.value::<u32>("hosts")?);
    let (base, destinations) = destinations(&net, hosts)?;
    let report = Report::start("scan");
    let mut tally = Tally::default();
    if options.flag("udp") {
        let any: IpAddr =
            if base.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).map_err(Failure::peer("no datagram socket"))?;
        for address in destinations {
            tally.add(&socket.send_to(b"?", (address, port)));
        }
    } else {
        for address in destinations {
            tally.add(&try_connect(address, port));
        }
    }
    Ok(tally.into_report(report.count("tries", hosts.into())))
}

/// The first address of `net`, and the `hosts` ones after it.
pub(crate) fn destinations(net: &str, hosts: u32) -> Result<(IpAddr, Vec<IpAddr>), Failure> {
    let base = net.split('/').next().unwrap_or_default();
    let base: IpAddr =
        base.parse().map_err(|_| Failure::Usage(format!("option --net does not take `{net}`")))?;
    let addresses = (1..=hosts).map(|index| own_address(base, index)).collect::<Result<_, _>>()?;
    Ok((base, addresses))
}

/// Many tries at one login port.
pub(crate) fn guess(options: &Options) -> Result<Report, Failure> {
    let address = options.value_or("addr", IpAddr::from(Ipv4Addr::LOCALHOST))?;
    let address = own_address(address, 0)?;
    let (port, tries) = (options.value("port")?, options.value::<u64>("tries")?);
    let report = Report::start("guess");
    let mut tally = Tally::default();
    for _ in 0..tries {
        tally.add(&try_connect(address, port));
    }
    Ok(tally.into_report(report.count("tries", tries)))
}

/// Connects and hangs up.
pub(crate) fn try_connect(address: IpAddr, port: u16) -> io::Result<()> {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE).map(drop)
}

/// The `index`th address after `base`, if it cannot leave this machine: 127.0.0.0/8, also as an IPv6 address, `::1`, or a
/// unique local address (`fd00::/8`), which a guest routes to itself.
pub(crate) fn own_address(base: IpAddr, index: u32) -> Result<IpAddr, Failure> {
    let address = match base {
        IpAddr::V4(base) => IpAddr::V4(Ipv4Addr::from(u32::from(base).wrapping_add(index))),
        IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from(u128::from(base).wrapping_add(index.into()))),
    };
    let own = match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.octets().starts_with(&[0xfd])
                || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    };
    if own {
        Ok(address)
    } else {
        Err(Failure::Usage(format!("{address} is not an address of this machine")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_addresses_are_tried() {
        let at = |text: &str, index| own_address(text.parse().unwrap(), index).map(|found| found.to_string());
        assert_eq!(at("127.0.0.0", 300).unwrap(), "127.0.1.44");
        assert_eq!(at("fd00:ed9e::", 2).unwrap(), "fd00:ed9e::2");
        assert_eq!(at("::ffff:127.0.0.0", 5).unwrap(), "::ffff:127.0.0.5");
        assert!(at("::ffff:192.0.2.0", 5).is_err());
        assert!(at("192.0.2.0", 1).is_err());
        assert!(at("127.255.255.255", 1).is_err());
    }

    #[test]
    fn tries_are_told_apart() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tally = Tally::default();
        tally.add(&try_connect(Ipv4Addr::LOCALHOST.into(), port));
        drop(listener);
        tally.add(&try_connect(Ipv4Addr::LOCALHOST.into(), port));
        tally.add::<()>(&Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!((tally.open, tally.refused, tally.denied, tally.failed), (1, 1, 1, 0));
    }
}
