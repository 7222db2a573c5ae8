//! `raw_socket`: sockets below the transport, and filters that wait for a packet; beside them, an ordinary socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd as _;
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::program::stay_ms;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::socket::{attach_filter, send_to, socket};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("raw_socket.icmp", "[--stay-ms M]", "a raw ICMP socket", |options, tally| {
        open(options, tally, (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP))
    }),
    Act::attack("raw_socket.icmp6", "[--stay-ms M]", "a raw ICMPv6 socket", |options, tally| {
        open(options, tally, (libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6))
    }),
    Act::attack("raw_socket.packet", "[--stay-ms M]", "a packet socket", |options, tally| {
        open(options, tally, PACKET)
    }),
    Act::attack(
        "raw_socket.packet_dgram",
        "[--stay-ms M]",
        "a packet socket without link headers",
        |options, tally| open(options, tally, (libc::AF_PACKET, libc::SOCK_DGRAM, EVERYTHING)),
    ),
    Act::attack(
        "raw_socket.filter_packet",
        "[--stay-ms M]",
        "a packet socket that waits with a filter",
        |options, tally| filter(options, tally, || socket(PACKET.0, PACKET.1, PACKET.2)),
    ),
    Act::attack(
        "raw_socket.filter_udp",
        "[--stay-ms M]",
        "a UDP socket that waits with a filter",
        |options, tally| filter(options, tally, || Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.into())),
    ),
    Act::attack("raw_socket.syn", "[--port 23] [--hosts 30]", "TCP SYNs made by hand to loopback hosts", syn),
    Act::benign("raw_socket.benign_udp", "[--stay-ms M]", "an ordinary UDP socket", |options, tally| {
        open(options, tally, (libc::AF_INET, libc::SOCK_DGRAM, 0))
    }),
];

/// Every protocol, as a packet socket wants it: in network byte order.
const EVERYTHING: i32 = (libc::ETH_P_ALL as u16).to_be() as i32;
/// A packet socket that sees everything.
const PACKET: (i32, i32, i32) = (libc::AF_PACKET, libc::SOCK_RAW, EVERYTHING);

/// Opens a socket and keeps it for a while.
fn open(options: &Options, tally: &mut Tally, kind: (i32, i32, i32)) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    let opened = tally.deed("opening the socket", socket(kind.0, kind.1, kind.2))?;
    sleep(stay);
    drop(opened);
    Ok(())
}

/// Opens a socket, attaches a filter, waits.
fn filter(
    options: &Options,
    tally: &mut Tally,
    make: fn() -> io::Result<std::os::fd::OwnedFd>,
) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    if let Some(socket) = tally.deed("opening the socket", make())? {
        tally.deed("attaching a filter", attach_filter(socket.as_fd()))?;
        sleep(stay);
    }
    Ok(())
}

/// Scans without connecting.
fn syn(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let port = options.value_or("port", 23)?;
    let hosts = options.value_or("hosts", 30_u8)?;
    let opened = socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP);
    let Some(socket) = tally.deed("opening the socket", opened)? else { return Ok(()) };
    for host in 1..=hosts {
        let to = SocketAddrV4::new(Ipv4Addr::new(127, 0, 8, host), port);
        // The kernel chooses the source: for these destinations, 127.0.0.1.
        let packet = segment(Ipv4Addr::LOCALHOST, to);
        tally.deed("sending a segment", send_to(socket.as_fd(), &packet, SocketAddrV4::new(*to.ip(), 0)))?;
    }
    Ok(())
}

/// A TCP header with SYN set, its sequence number equal to the destination, as a family of worms has it.
fn segment(from: Ipv4Addr, to: SocketAddrV4) -> [u8; 20] {
    /// Five words, SYN.
    const LENGTH_AND_FLAGS: u16 = 0x5002;
    let mut words = [0_u16; 10];
    let [high, low] = halves(*to.ip());
    let fields = [40000, to.port(), high, low, 0, 0, LENGTH_AND_FLAGS, 1024];
    for (place, field) in words.iter_mut().zip(fields) {
        *place = field;
    }
    let pseudo = [halves(from), halves(*to.ip()), [libc::IPPROTO_TCP as u16, 20]];
    let sum: u32 = pseudo.as_flattened().iter().chain(&words).map(|word| u32::from(*word)).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let mut bytes = [0; 20];
    for (index, (place, word)) in bytes.chunks_exact_mut(2).zip(words).enumerate() {
        let word = if index == 8 { !(sum as u16) } else { word };
        place.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// An address as two numbers.
fn halves(address: Ipv4Addr) -> [u16; 2] {
    let [a, b, c, d] = address.octets();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_sum_with_its_pseudo_header_is_all_ones() {
        let to = SocketAddrV4::new(Ipv4Addr::new(127, 0, 8, 3), 2323);
        let bytes = segment(Ipv4Addr::LOCALHOST, to);
        let mut sum: u32 = 0x7f00 + 1 + 0x7f00 + 0x0803 + 6 + 20;
        sum += bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_eq!(
            (bytes[13], &bytes[2..4], &bytes[4..8]),
            (2, &2323_u16.to_be_bytes()[..], &[127, 0, 8, 3][..])
        );
    }
}
