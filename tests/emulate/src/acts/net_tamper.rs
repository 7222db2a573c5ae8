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
        |_, tally| nft(tally, libc::NFT_MSG_DELTABLE as u16, &attribute(1, TABLE)),
    )
    .in_guest(),
    Act::attack(
        "net_tamper.nft_flush",
        "",
        "asks nftables to flush a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_DELRULE as u16, &attribute(1, TABLE)),
    )
    .in_guest(),
    Act::attack(
        "net_tamper.nft_drop_rule",
        "",
        "asks nftables for a rule that drops everything, in a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_NEWRULE as u16, &rule(&[counter(), dropped()])),
    )
    .in_guest(),
    Act::attack(
        "net_tamper.nft_drop_policy",
        "",
        "asks nftables for a chain that drops everything, in a table that does not exist",
        |_, tally| {
            // Table, name, and the policy: drop.
            let chain = [attribute(1, TABLE), attribute(3, b"input\0"), attribute(5, &0_u32.to_be_bytes())];
            nft(tally, libc::NFT_MSG_NEWCHAIN as u16, &chain.concat())
        },
    )
    .in_guest(),
    Act::attack(
        "net_tamper.nft_redirect",
        "",
        "asks nftables for a rule that leads connections elsewhere, in a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_NEWRULE as u16, &rule(&[meta(), redirect()])),
    )
    .in_guest(),
    Act::attack(
        "net_tamper.ipt_drop",
        "",
        "replaces iptables rules by policies that drop everything",
        |_, tally| replace_rules_by(tally, libc::AF_INET, libc::IPPROTO_IP, &dropping(88)),
    )
    .in_guest(),
    Act::attack("net_tamper.ip6t_drop", "", "the same for IPv6", |_, tally| {
        replace_rules_by(tally, libc::AF_INET6, libc::IPPROTO_IPV6, &dropping(140))
    })
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
    Act::benign(
        "net_tamper.benign_nft_rule",
        "",
        "asks nftables for a rule that drops some packets, in a table that does not exist",
        |_, tally| nft(tally, libc::NFT_MSG_NEWRULE as u16, &rule(&[meta(), dropped()])),
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

/// A table that does not exist.
const TABLE: &[u8] = b"edge-emulate\0";

/// The attributes of a rule of that table with these expressions.
fn rule(expressions: &[Vec<u8>]) -> Vec<u8> {
    [attribute(1, TABLE), attribute(2, b"input\0"), nested(4, &expressions.concat())].concat()
}

/// An expression of a rule, one of a list.
fn expression(name: &[u8], data: &[u8]) -> Vec<u8> {
    nested(1, &[attribute(1, name), nested(2, data)].concat())
}

/// Counts what comes by.
fn counter() -> Vec<u8> {
    expression(b"counter\0", &[])
}

/// Looks at a packet's protocol, and lets the rule go on for some: `meta l4proto` into a register.
fn meta() -> Vec<u8> {
    let number = |kind, value: u32| attribute(kind, &value.to_be_bytes());
    expression(b"meta\0", &[number(2, 16), number(1, 1)].concat())
}

/// The verdict register, and in it the code of `NF_DROP`.
fn dropped() -> Vec<u8> {
    let register = attribute(1, &0_u32.to_be_bytes());
    let verdict = nested(2, &nested(2, &attribute(1, &0_u32.to_be_bytes())));
    expression(b"immediate\0", &[register, verdict].concat())
}

/// To a port of this machine.
fn redirect() -> Vec<u8> {
    expression(b"redir\0", &attribute(1, &1_u32.to_be_bytes()))
}

/// A table of nothing but policies, all of which drop; in a rule of its kind, the offset of the target stands `at`. Its hooks are none, so
/// that no kernel takes it.
fn dropping(at: usize) -> Vec<u8> {
    /// Of the table's head.
    const HEAD: usize = 96;
    let rule = (at + 24).next_multiple_of(8);
    let mut bytes = vec![0; HEAD + rule + 64];
    let mut put = |at: usize, value: u32| bytes.splice(at..at + 4, value.to_ne_bytes()).for_each(drop);
    // Entries to be and entries there are.
    put(36, 4);
    put(84, 4);
    put(HEAD + at, rule as u32);
    // `-NF_DROP - 1`, behind the head of the target.
    put(HEAD + rule + 32, u32::MAX);
    bytes
}

/// Replaces the rules by what is not a table.
fn replace_rules(tally: &mut Tally, family: i32, level: i32) -> Result<(), Failure> {
    replace_rules_by(tally, family, level, &[0xed; 128])
}

/// Replaces the rules by what no kernel takes for a table.
fn replace_rules_by(tally: &mut Tally, family: i32, level: i32, table: &[u8]) -> Result<(), Failure> {
    /// The same number for IPv4 and IPv6.
    const SET_REPLACE: i32 = 64;
    let opened = socket(family, libc::SOCK_RAW, libc::IPPROTO_RAW);
    let Some(socket) = tally.deed("opening a raw socket", opened)? else { return Ok(()) };
    let replaced = set_option(socket.as_fd(), level, SET_REPLACE, table);
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

/// A netlink attribute that holds others.
fn nested(kind: u16, attributes: &[u8]) -> Vec<u8> {
    attribute(libc::NLA_F_NESTED as u16 | kind, attributes)
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
