//! `new_egress` and `flood_out`: destinations and ports that a device never used, calls home at regular times, packets as
//! fast as they go; beside them, one connection, irregular ones, and a trickle. Only towards this machine's own addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::child::Child;
use super::tally::Tally;
use crate::attack::{own_address, try_connect};
use crate::content::Stream;
use crate::failure::Failure;
use crate::options::Options;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "new_egress.connect",
        "[--addr 127.0.0.77] [--port 8443]",
        "one connection",
        |options, tally| count(tally, to(options)?.connect()),
    ),
    Act::attack("new_egress.udp", "[--addr 127.0.0.77] [--port 5353]", "one datagram", |options, tally| {
        let Destination(address, port) = to(options)?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let sent = UdpSocket::bind(any).and_then(|socket| socket.send_to(b"?", (address, port)).map(drop));
        count(tally, sent)
    }),
    Act::attack(
        "new_egress.listen",
        "[--addr 127.0.0.1] [--port 4444] [--stay-ms 100]",
        "listens on a port",
        listen,
    ),
    Act::attack(
        "new_egress.beacon",
        "[--addr 127.0.0.77] [--port 8443] [--period-ms 1000] [--jitter-percent 0] [--count 20]",
        "connects at regular times",
        |options, tally| beacon(options, tally, 0),
    ),
    Act::attack(
        "new_egress.sweep",
        "[--net 127.1.0.0] [--port 8443] [--count 1000]",
        "connects to ever new networks",
        sweep,
    ),
    Act::benign(
        "new_egress.benign_irregular",
        "[--addr 127.0.0.77] [--port 8443] [--period-ms 1000] [--jitter-percent 90] [--count 20]",
        "connects at irregular times",
        |options, tally| beacon(options, tally, 90),
    ),
    Act::attack(
        "flood_out.udp",
        "[--port 9] [--count 20000] [--bytes 64]",
        "datagrams as fast as they go",
        |options, tally| send(options, tally, 20_000, 0),
    ),
    Act::attack(
        "flood_out.bytes",
        "[--port 9] [--count 2000] [--bytes 1400]",
        "large datagrams as fast as they go",
        |options, tally| send(options, tally, 2_000, 0),
    ),
    Act::attack(
        "flood_out.children",
        "[--port 9] [--count 20000] [--children 4]",
        "the same, shared by children",
        children,
    ),
    Act::benign(
        "flood_out.benign_slow",
        "[--port 9] [--count 20] [--delay-ms 50]",
        "datagrams with pauses",
        |options, tally| send(options, tally, 20, 50),
    ),
];

/// Where to.
struct Destination(IpAddr, u16);

impl Destination {
    /// Connects and hangs up.
    fn connect(&self) -> io::Result<()> {
        try_connect(self.0, self.1)
    }
}

/// The destination that was asked for.
fn to(options: &Options) -> Result<Destination, Failure> {
    let address = options.value_or("addr", IpAddr::from(Ipv4Addr::new(127, 0, 0, 77)))?;
    Ok(Destination(of_this_machine(address)?, options.value_or("port", 8443)?))
}

/// Refuses an address that is not this machine's: neither loopback nor one that a socket can be bound to.
fn of_this_machine(address: IpAddr) -> Result<IpAddr, Failure> {
    let everyone = IpAddr::from(Ipv4Addr::BROADCAST);
    let many = address.is_unspecified() || address.is_multicast() || address == everyone;
    if many || UdpSocket::bind((address, 0)).is_err() {
        return own_address(address, 0);
    }
    Ok(address)
}

/// Counts a connection. That nobody listens does not matter.
fn count(tally: &mut Tally, tried: io::Result<()>) -> Result<(), Failure> {
    tally.futile("connecting", &[libc::ECONNREFUSED], tried).map(drop)
}

/// Listens for a while.
fn listen(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let address = of_this_machine(options.value_or("addr", IpAddr::from(Ipv4Addr::LOCALHOST))?)?;
    let port: u16 = options.value_or("port", 4444)?;
    let stay = super::program::stay_ms(options)?;
    let listener = tally.deed("listening", TcpListener::bind((address, port)))?;
    sleep(Duration::from_millis(stay));
    drop(listener);
    Ok(())
}

/// Connects again and again. The time between two connections differs from the period by at most so many per cent.
fn beacon(options: &Options, tally: &mut Tally, jitter: u64) -> Result<(), Failure> {
    let destination = to(options)?;
    let period = options.value_or("period-ms", 1000_u64)?.saturating_mul(1000);
    let jitter = options.value_or("jitter-percent", jitter)?.min(100);
    let mut stream = Stream::new(7);
    for _ in 0..options.value_or("count", 20_u32)? {
        count(tally, destination.connect())?;
        sleep(Duration::from_micros(varied(period, jitter, stream.next())));
    }
    Ok(())
}

/// Connects to one address in each of many networks of 256.
fn sweep(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let net = options.value_or("net", IpAddr::from(Ipv4Addr::new(127, 1, 0, 0)))?;
    let port = options.value_or("port", 8443)?;
    for index in 0..options.value_or("count", 1000_u32)? {
        count(tally, try_connect(own_address(net, index.saturating_mul(256).saturating_add(1))?, port))?;
    }
    Ok(())
}

/// A period changed by up to `percent`, as `random` says.
fn varied(period: u64, percent: u64, random: u64) -> u64 {
    let most = period / 100 * percent;
    period - most + random % (2 * most + 1)
}

/// Sends datagrams to a port of loopback.
fn send(options: &Options, tally: &mut Tally, count: u64, delay_ms: u64) -> Result<(), Failure> {
    let sent = packets(
        options.value_or("port", 9)?,
        options.value_or("count", count)?,
        options.value_or("bytes", if count == 2_000 { 1400 } else { 64 })?,
        Duration::from_millis(options.value_or("delay-ms", delay_ms)?),
    )
    .map_err(Failure::kernel("sending datagrams"))?;
    tally.add("done", sent.0);
    tally.add("denied", sent.1);
    Ok(())
}

/// Sends `count` datagrams of `bytes` bytes; how many were sent and denied.
fn packets(port: u16, count: u64, bytes: usize, delay: Duration) -> io::Result<(u64, u64)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let bytes = vec![0xed; bytes.min(60_000)];
    let (mut sent, mut denied) = (0, 0);
    for _ in 0..count {
        match socket.send_to(&bytes, (Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied += 1,
            // Nobody listens, and the kernel says so with the next datagram; that one was not sent, but tried.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => sent += 1,
            tried => sent += u64::from(tried? != 0 || bytes.is_empty()),
        }
        if !delay.is_zero() {
            sleep(delay);
        }
    }
    Ok((sent, denied))
}

/// Each child sends its share.
fn children(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (port, count) = (options.value_or("port", 9)?, options.value_or("count", 20_000_u64)?);
    let number = options.value_or("children", 4_u64)?.clamp(1, 64);
    let start = |_| {
        Child::start(|| {
            packets(port, count / number, 64, Duration::ZERO).map(|(_, denied)| i32::from(denied != 0))
        })
    };
    let senders: Result<Vec<_>, _> = (0..number).map(start).collect();
    for sender in senders.map_err(Failure::kernel("making a child"))? {
        tally.actor(sender.pid);
        tally.end("sending datagrams", sender.wait().map_err(Failure::kernel("waiting for a child"))?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_addresses_are_refused() {
        for foreign in ["192.0.2.1", "2001:db8::1", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert!(of_this_machine(foreign.parse().unwrap()).is_err(), "{foreign}");
        }
        assert!(of_this_machine("127.3.2.1".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_sweep_tries_each_network_once_and_stays_here() {
        let options = Options::parse("--count 3 --port 9".split(' ').map(str::to_owned)).unwrap();
        let mut tally = Tally::default();
        sweep(&options, &mut tally).unwrap();
        assert_eq!(tally.count("done") + tally.count("refused"), 3, "{tally:?}");
        let options = Options::parse("--net 127.255.255.0 --count 3".split(' ').map(str::to_owned)).unwrap();
        assert!(sweep(&options, &mut Tally::default()).is_err(), "beyond loopback");
    }

    #[test]
    fn a_period_varies_within_its_bounds_only() {
        assert_eq!(varied(1_000_000, 0, 12345), 1_000_000);
        for random in 0..1000 {
            assert!((100_000..=1_900_000).contains(&varied(1_000_000, 90, random * 7919)));
        }
    }

    #[test]
    fn every_datagram_is_counted() {
        assert_eq!(packets(9, 25, 64, Duration::ZERO).unwrap(), (25, 0));
    }
}
