//! `net_tamper`: rules and routes removed; beside them, routes that are listed. What is sent to the firewalls is refused,
//! because the table does not exist or the message is garbage.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use super::Act;
use super::tally::Tally;
use crate::failure::Failure;
use crate::sys::process;
use crate::sys::socket::{receive, send, set_option, socket};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "net_tamper.nft_delete",
        "",
        "asks nftables to delete a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_DELTABLE as u16, &attribute(1, b"edge-emulate\0")),
    )
    .in_guest(),
    Act::attack(
        "net_tamper.nft_flush",
        "",
        "asks nftables to flush a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_DELRULE as u16, &attribute(1, b"edge-emulate\0")),
    )
    .in_guest(),
    Act::attack("net_tamper.ipt_replace", "", "replaces iptables rules by garbage", |_, tally| {
        replace_rules(tally, libc::AF_INET, libc::IPPROTO_IP)
    })
    .in_guest(),
    Act::attack("net_tamper.ip6t_replace", "", "the same for IPv6", |_, tally| {
        replace_rules(tally, libc::AF_INET6, libc::IPPROTO_IPV6)
    })
    .in_guest(),
    Act::attack(
        "net_tamper.route_delete",
        "",
        "removes the default route, of which its own namespace has none",
        |_, tally| {
            tally.child("removing a route", || {
                process::unshare(libc::CLONE_NEWNET)?;
                delete_route().map(|_| 0)
            })
        },
    )
    .in_guest(),
    Act::attack(
        "net_tamper.route_delete_here",
        "",
        "removes the machine's default route, and leaves it so",
        |_, tally| tally.futile("removing a route", &[libc::ESRCH], delete_route()).map(drop),
    )
    .in_guest(),
    Act::benign("net_tamper.benign_route_dump", "", "lists routes", |_, tally| {
        tally.deed("listing routes", list_routes()).map(drop)
    }),
];

/// `NLM_F_REQUEST | NLM_F_ACK`.
const ASK: u16 = 0x5;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const LIST: u16 = 0x301;

/// Sends one nftables request in the batch it needs.
fn nft(tally: &mut Tally, kind: u16, attributes: &[u8]) -> Result<(), Failure> {
    /// Begins a batch.
    const BEGIN: u16 = 16;
    /// Ends a batch.
    const END: u16 = 17;
    let opened = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER);
    let Some(socket) = tally.deed("opening a netfilter socket", opened)? else { return Ok(()) };
    let subsystem = (libc::NFNL_SUBSYS_NFTABLES as u16) << 8;
    // Family, version, and the subsystem that the batch is for.
    let bounds = [0, 0, 0, libc::NFNL_SUBSYS_NFTABLES as u8];
    let mut batch = message(BEGIN, 1, &bounds);
    batch.extend(message(subsystem | kind, ASK, &[&[libc::AF_INET as u8, 0, 0, 0], attributes].concat()));
    batch.extend(message(END, 1, &bounds));
    let answered = send(socket.as_fd(), &batch).and_then(|()| answer(&socket));
    let expected = [libc::ENOENT, libc::EINVAL, libc::EOPNOTSUPP];
    tally.futile("asking nftables", &expected, answered).map(drop)
}

/// Replaces the rules by what is not a table.
fn replace_rules(tally: &mut Tally, family: i32, level: i32) -> Result<(), Failure> {
    /// The same number for IPv4 and IPv6.
    const SET_REPLACE: i32 = 64;
    let opened = socket(family, libc::SOCK_RAW, libc::IPPROTO_RAW);
    let Some(socket) = tally.deed("opening a raw socket", opened)? else { return Ok(()) };
    let replaced = set_option(socket.as_fd(), level, SET_REPLACE, &[0xed; 128]);
    let expected =
        [libc::EINVAL, libc::ENOENT, libc::ENOPROTOOPT, libc::ENOMEM, libc::EDOM, libc::EOPNOTSUPP];
    tally.futile("replacing rules", &expected, replaced).map(drop)
}

/// Asks for the default route to be removed; says whether there was one.
fn delete_route() -> io::Result<bool> {
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    // A route to everywhere in the main table (254), whatever its protocol, scope (255 is nowhere: any) and type.
    let route = [libc::AF_INET as u8, 0, 0, 0, 254, 0, 255, 0, 0, 0, 0, 0];
    send(socket.as_fd(), &message(libc::RTM_DELROUTE, ASK, &route))?;
    match answer(&socket) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        answered => answered.map(|()| true),
    }
}

/// Lists the routes and returns how many bytes the list begins with.
fn list_routes() -> io::Result<usize> {
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    send(socket.as_fd(), &message(libc::RTM_GETROUTE, LIST, &[0; 12]))?;
    receive(socket.as_fd(), &mut [0; 8192])
}

/// Waits for the answer to a request; its number 0 is success.
fn answer(socket: &OwnedFd) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let count = receive(socket.as_fd(), &mut bytes)?;
    let number = bytes.get(..count).and_then(|bytes| bytes.get(16..20)).and_then(|part| part.try_into().ok());
    match number.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A netlink message.
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    // Sequence number and port: one request at a time, and the kernel knows the socket.
    bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A netlink attribute.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_attributes_are_padded_and_say_their_length() {
        let bytes = message(25, ASK, &attribute(1, b"ab\0"));
        assert_eq!(bytes.len(), 24);
        assert_eq!(u32::from_ne_bytes(bytes[..4].try_into().unwrap()), 24);
        assert_eq!(u16::from_ne_bytes(bytes[16..18].try_into().unwrap()), 7);
    }

    #[test]
    fn routes_can_be_listed() {
        assert!(list_routes().unwrap() >= 16);
    }
}
