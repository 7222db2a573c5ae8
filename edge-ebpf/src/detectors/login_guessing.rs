//! `login_guessing`: many connections from one source to a login port of this machine.
//!
//! Technique: T1110 (brute force).
//! Hook (`include/trace/events/sock.h`): `sock:inet_sock_set_state(sk, oldstate, newstate)` (Linux 4.16), see
//! `sensors/state.rs`. It runs wherever the last packet of the handshake is taken in, so whoever runs has nothing to do with it.
//! Record: [`edge_abi::ActRecord`] about nobody: process 0. `port` is the port of this machine, `address` the source.
//! Cost: a few dozen instructions per change of state of a TCP socket; a look-up for those that become established.
//! Blind to: guesses within one connection (most daemons hang up after a few); many sources with few tries each; UDP; whether
//! a guess succeeded.

use super::lateral_scan::mix;

/// States of `include/net/tcp_states.h`.
const ESTABLISHED: u32 = 1;
const SYN_RECV: u32 = 3;
/// `IPPROTO_TCP`.
const TCP: u16 = 6;
/// `AF_INET6`.
const AF_INET6: u16 = 10;

/// What the tracepoint tells, from its field `oldstate` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Change {
    /// State before.
    pub old_state: u32,
    /// State now.
    pub new_state: u32,
    /// Port of this machine, in host byte order.
    pub local_port: u16,
    /// Port of the other side, in host byte order.
    pub remote_port: u16,
    /// Address family.
    pub family: u16,
    /// IP protocol.
    pub protocol: u16,
    /// IPv4 address of this machine.
    pub local: u32,
    /// IPv4 address of the other side.
    pub remote: u32,
    /// IPv6 address of this machine.
    pub local_v6: [u32; 4],
    /// IPv6 address of the other side; a mapped IPv4 one for an IPv4 socket.
    pub remote_v6: [u32; 4],
}

/// Whoever connected to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// 4 or 6.
    pub family: u8,
    /// Address in network order; IPv4 in the first word.
    pub address: [u32; 4],
}

impl Source {
    /// By which it is counted. The port of this machine is no part of it: who tries SSH and Telnet tries twice.
    #[inline(always)]
    #[must_use]
    pub fn hash(&self) -> u32 {
        mix(self.address)
    }
}

/// The source of a connection that somebody else made to us and that is now established. A mapped IPv4 address is the same source
/// as the plain one: which of them is seen depends on the daemon's socket.
#[inline(always)]
#[must_use]
pub fn arrived(change: &Change) -> Option<Source> {
    if change.old_state != SYN_RECV || change.new_state != ESTABLISHED || change.protocol & 0xff != TCP {
        return None;
    }
    let [a, b, c, d] = change.remote_v6;
    if change.family != AF_INET6 {
        return Some(Source { family: 4, address: [change.remote, 0, 0, 0] });
    }
    if a == 0 && b == 0 && c == 0xffff_u32.to_be() {
        return Some(Source { family: 4, address: [d, 0, 0, 0] });
    }
    Some(Source { family: 6, address: [a, b, c, d] })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: Change = Change {
        old_state: SYN_RECV,
        new_state: ESTABLISHED,
        local_port: 22,
        remote_port: 40_000,
        family: 2,
        protocol: TCP,
        local: 1,
        remote: 0x0900_007f,
        local_v6: [0; 4],
        remote_v6: [0; 4],
    };

    #[test]
    fn the_tracepoint_is_laid_out_as_stated() {
        assert_eq!(size_of::<Change>(), 56);
        assert_eq!(core::mem::offset_of!(Change, remote_v6), 40);
    }

    #[test]
    fn a_connection_taken_in_has_a_source() {
        assert_eq!(arrived(&IPV4), Some(Source { family: 4, address: [0x0900_007f, 0, 0, 0] }));
    }

    #[test]
    fn our_own_connections_and_other_changes_are_nothing() {
        assert_eq!(arrived(&Change { old_state: 2, ..IPV4 }), None, "from SYN_SENT: we connected");
        assert_eq!(arrived(&Change { new_state: 7, ..IPV4 }), None, "the handshake failed");
        assert_eq!(arrived(&Change { protocol: 132, ..IPV4 }), None, "SCTP");
    }

    #[test]
    fn a_mapped_address_is_the_same_source() {
        let mapped = Change {
            family: AF_INET6,
            remote: 0,
            remote_v6: [0, 0, 0xffff_u32.to_be(), 0x0900_007f],
            ..IPV4
        };
        assert_eq!(arrived(&mapped), arrived(&IPV4));
        let plain = Change { family: AF_INET6, remote_v6: [1, 2, 3, 4], ..IPV4 };
        assert_eq!(arrived(&plain), Some(Source { family: 6, address: [1, 2, 3, 4] }));
    }
}
