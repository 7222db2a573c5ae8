//! `raw_socket`: raw and packet sockets, and filters attached to sockets, by programs that have no business with them.
//!
//! Technique: T1095 (non-application layer protocol), T1205.002 (socket filters).
//! Hooks: `cgroup/sock_create` (Linux 4.10) for raw IP sockets: every ABI and `io_uring`, and it can refuse
//! (`sensors/sock.rs`); `socket` and `setsockopt` through `sensors/net.rs` for packet sockets and filters, and for raw IP
//! sockets where the policy is to kill, which a cgroup program cannot, or where no cgroup program stands.
//! Record: [`edge_abi::ActRecord`]. `value` is the protocol in host byte order; of a filter, the descriptor.
//! Cost: a few dozen instructions per socket made; nothing per packet.
//! Blind to (on the tracepoint rung): packet sockets made through `io_uring` (Linux 5.19); sockets passed on by another process.

use edge_abi::reason;

use super::Sighting;

/// Families and types of `include/linux/socket.h`.
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const AF_PACKET: u32 = 17;
const AF_XDP: u32 = 44;
const SOCK_RAW: u32 = 3;
/// `SOCK_TYPE_MASK`: the rest are flags.
const TYPE_MASK: u32 = 0xf;

/// `SOL_SOCKET`, `SO_ATTACH_FILTER` and `SO_ATTACH_BPF` of `include/uapi/asm-generic/socket.h`, as on x86 and ARM.
const SOL_SOCKET: u32 = 1;
const ATTACH_FILTER: u32 = 26;
const ATTACH_BPF: u32 = 50;

/// Judges a new socket. `elsewhere`: raw IP sockets are judged by the cgroup program.
#[inline(always)]
#[must_use]
pub fn socket(family: u32, kind: u32, protocol: u32, elsewhere: bool) -> Option<Sighting> {
    if family == AF_PACKET || family == AF_XDP {
        // Given in network byte order.
        let protocol = u16::from_be(protocol as u16);
        return Some(Sighting { reason: reason::PACKET, value: u64::from(protocol), target: 0 });
    }
    if (family != AF_INET && family != AF_INET6) || elsewhere {
        return None;
    }
    (kind & TYPE_MASK == SOCK_RAW).then_some(Sighting {
        reason: reason::RAW,
        value: u64::from(protocol),
        target: 0,
    })
}

/// Judges a `setsockopt(fd, level, name)`. Which socket it is only the descriptor tells: a candidate, since libraries that
/// listen to device events filter them this way.
#[inline(always)]
#[must_use]
pub fn option(descriptor: u32, level: u32, name: u32) -> Option<Sighting> {
    let filters = level == SOL_SOCKET && (name == ATTACH_FILTER || name == ATTACH_BPF);
    filters.then_some(Sighting { reason: reason::SOCKET_FILTER, value: u64::from(descriptor), target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(family: u32, kind: u32, protocol: u32) -> Option<(u8, u64)> {
        socket(family, kind, protocol, false).map(|seen| (seen.reason, seen.value))
    }

    #[test]
    fn sockets_below_the_transport_are_told() {
        assert_eq!(seen(2, 3, 1), Some((reason::RAW, 1)));
        assert_eq!(seen(10, 3 | 0o2_000_000, 58), Some((reason::RAW, 58)), "close-on-exec is no other type");
        let everything = u32::from(3_u16.to_be());
        assert_eq!(seen(17, 3, everything), Some((reason::PACKET, 3)));
        assert_eq!(seen(17, 2, 0), Some((reason::PACKET, 0)), "without link headers as well");
        assert_eq!(seen(44, 3, 0), Some((reason::PACKET, 0)));
    }

    #[test]
    fn ordinary_sockets_are_not() {
        // TCP, UDP, unprivileged ping, netlink, CAN, Bluetooth, Unix.
        for (family, kind, protocol) in
            [(2, 1, 6), (10, 2, 17), (2, 2, 1), (16, 3, 0), (29, 3, 1), (31, 3, 1), (1, 1, 0)]
        {
            assert_eq!(seen(family, kind, protocol), None, "family {family} type {kind}");
        }
    }

    #[test]
    fn what_the_cgroup_program_judges_is_judged_once() {
        assert_eq!(socket(2, 3, 1, true), None);
        assert!(socket(17, 3, 0, true).is_some());
    }

    #[test]
    fn only_filters_among_options() {
        assert_eq!(option(7, 1, 26).map(|seen| seen.value), Some(7));
        assert!(option(7, 1, 50).is_some());
        // SO_REUSEADDR; the same number at the level of IP; SO_DETACH_FILTER.
        for (level, name) in [(1, 2), (0, 26), (1, 27)] {
            assert_eq!(option(7, level, name), None, "{level} {name}");
        }
    }
}
