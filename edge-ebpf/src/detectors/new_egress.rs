//! `new_egress`: a destination or listening port that this device never used or declared, and calls home at steady times.
//!
//! Technique: T1071 (application layer protocol), T1571 (non-standard port).
//! Hooks: `cgroup/connect4`, `connect6`, `sendmsg4`, `sendmsg6`, `bind4`, `bind6` (Linux 4.17/4.18), see `sensors/socket.rs`: every ABI
//! and `io_uring`, the kernel's own copy of the address, and they can refuse. `sock:inet_sock_set_state` (4.16) for what listens
//! on a port of the kernel's choice (`sensors/state.rs`), which cannot refuse.
//! Record: [`edge_abi::ActRecord`]. `value` is the interval of a beacon in nanoseconds, `count` its connections.
//! Cost: one look-up per connect, datagram without connect and bind of what is known; up to four and the declarations else.
//! Blind to: raw sockets (a detector of their own); connected sockets handed on; what a known program says to a known network on a
//! known port; names: a network stands for whoever has an address in it.
//!
//! While learning, what is new becomes known. A program that has gone to one port in [`edge_abi::EGRESS_POOL`] networks may go to
//! that port anywhere: pools of servers and end points behind many addresses would otherwise be new for ever.

use edge_abi::{Declared, EPHEMERAL_PORT, EgressKey, egress_kind};

use super::login_guessing::Change;

/// `IPPROTO_UDP`.
const UDP: u8 = 17;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;

/// Shorter intervals belong to one call, in nanoseconds.
const SHORTEST_NS: u64 = 200_000_000;

/// Where a program goes, or listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// 4 or 6.
    pub family: u8,
    /// IP protocol number.
    pub protocol: u8,
    /// Port in host byte order.
    pub port: u16,
    /// Address in network order; IPv4 in the first word.
    pub address: [u32; 4],
}

impl Endpoint {
    /// Whether it is this machine's loopback; as a destination, no address is that as well.
    #[inline(always)]
    #[must_use]
    pub fn is_local(&self, listens: bool) -> bool {
        let [a, b, c, d] = self.address;
        let none = a | b | c | d == 0;
        let own = if self.family == 4 {
            u32::from_be(a) >> 24 == 127
        } else {
            a | b | c == 0 && u32::from_be(d) == 1
        };
        own || (none && !listens)
    }

    /// Whether it is none: sockets of datagrams are connected to port 0 (glibc) or 65535 (musl) to learn which address of this
    /// machine would be used, and bound to port 0 to have any.
    #[inline(always)]
    #[must_use]
    pub const fn is_nowhere(&self) -> bool {
        self.port == 0 || (self.protocol == UDP && self.port == u16::MAX)
    }

    /// The network as a key has it.
    #[inline(always)]
    fn network(&self) -> [u8; 6] {
        let [first, second, ..] = self.address;
        let ([n0, n1, n2, n3], [n4, n5, ..]) = (first.to_ne_bytes(), second.to_ne_bytes());
        if self.family == 4 { [n0, n1, n2, 0, 0, 0] } else { [n0, n1, n2, n3, n4, n5] }
    }

    /// By which it is known.
    #[inline(always)]
    #[must_use]
    pub fn key(&self, program: u32, listens: bool) -> EgressKey {
        let (kind, network, port) = if listens {
            (egress_kind::LISTENER, [0; 6], listening_port(self.port))
        } else {
            (self.family, self.network(), self.port)
        };
        EgressKey { program, port, protocol: self.protocol, kind, network, reserved: [0; 2] }
    }
}

/// The port that stands for a listening port.
#[inline(always)]
const fn listening_port(port: u16) -> u16 {
    if port >= EPHEMERAL_PORT { EPHEMERAL_PORT } else { port }
}

/// The key of everything of its kind: the same port in any network, or any port to listen on.
#[inline(always)]
#[must_use]
pub const fn anywhere(key: &EgressKey) -> EgressKey {
    let listens = key.kind == egress_kind::LISTENER;
    let (kind, port) =
        if listens { (egress_kind::ANY_LISTENER, 0) } else { (egress_kind::ANYWHERE, key.port) };
    EgressKey { program: key.program, port, protocol: key.protocol, kind, network: [0; 6], reserved: [0; 2] }
}

/// The key of a stream to where a datagram goes: C libraries connect a socket of datagrams to each address of a name before they
/// connect the stream to one of them. `None` for a stream.
#[inline(always)]
#[must_use]
pub const fn twin(key: &EgressKey) -> Option<EgressKey> {
    if key.protocol != UDP || key.kind == egress_kind::LISTENER {
        return None;
    }
    Some(EgressKey { protocol: TCP, ..*key })
}

/// Whether a declaration holds for what `program` does.
#[inline(always)]
#[must_use]
pub fn declares(declared: &Declared, program: u32, listens: bool, endpoint: &Endpoint) -> bool {
    let kind = if listens {
        declared.kind == egress_kind::LISTENER
    } else {
        declared.kind == egress_kind::ANYWHERE || declared.kind == endpoint.family
    };
    // Bits that differ, without a branch for each: the verifier would follow every one through all the declarations behind it.
    let mut differs = (declared.program ^ program) & any(declared.program);
    differs |= u32::from(declared.port ^ endpoint.port) & any(u32::from(declared.port));
    differs |= u32::from(declared.protocol ^ endpoint.protocol) & any(u32::from(declared.protocol));
    for ((address, network), mask) in endpoint.address.iter().zip(&declared.network).zip(&declared.mask) {
        differs |= (address ^ network) & mask;
    }
    kind && differs == 0
}

/// All bits when a declared number says something, none when it is 0.
#[inline(always)]
const fn any(number: u32) -> u32 {
    // The highest bit of `number | -number` is set for every number but 0.
    ((number | number.wrapping_neg()) >> 31).wrapping_neg()
}

/// Where a socket begins to listen. `inet_csk_listen_start` in `net/ipv4/inet_connection_sock.c`, where the port is final.
#[inline(always)]
#[must_use]
pub fn listening(change: &Change) -> Option<Endpoint> {
    /// `TCP_LISTEN` of `include/net/tcp_states.h`.
    const LISTEN: u32 = 10;
    /// `AF_INET6`.
    const AF_INET6: u16 = 10;
    if change.new_state != LISTEN || change.protocol & 0xff != u16::from(TCP) {
        return None;
    }
    let (family, address) =
        if change.family == AF_INET6 { (6, change.local_v6) } else { (4, [change.local, 0, 0, 0]) };
    Some(Endpoint { family, protocol: TCP, port: change.local_port, address })
}

/// What is remembered of a destination that is not known; a value of the `FRESH` map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Contact {
    /// When it was last contacted, in nanoseconds; 0 in a new state.
    last_ns: u64,
    /// The interval so far, smoothed, in nanoseconds.
    period_ns: u64,
    /// Intervals in a row that were like it.
    steady: u32,
    /// Intervals at which the next record is due; 0 before the first.
    report_at: u32,
}

/// Connections at a steady interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// How many connections.
    pub connections: u32,
    /// Their interval in nanoseconds.
    pub period_ns: u64,
}

impl Contact {
    /// Never contacted.
    #[must_use]
    pub const fn new() -> Self {
        Self { last_ns: 0, period_ns: 0, steady: 0, report_at: 0 }
    }

    /// Takes one connection in. A beacon when it is due to be told: after `wanted` connections whose intervals differ by at most a
    /// quarter, and at every doubling.
    #[inline(always)]
    pub fn beat(&mut self, now_ns: u64, wanted: u32) -> Option<Beat> {
        let last = self.last_ns;
        let interval = now_ns.saturating_sub(last);
        if last != 0 && interval < SHORTEST_NS {
            return None;
        }
        self.last_ns = now_ns;
        if last == 0 {
            return None;
        }
        let differs = interval.abs_diff(self.period_ns);
        if differs > self.period_ns >> 2 {
            (self.period_ns, self.steady, self.report_at) = (interval, 1, 0);
            return None;
        }
        self.steady += 1;
        // An eighth of the difference at a time.
        self.period_ns = if interval > self.period_ns {
            self.period_ns + (differs >> 3)
        } else {
            self.period_ns - (differs >> 3)
        };
        let connections = self.steady + 1;
        if wanted == 0 || connections < wanted || connections < self.report_at {
            return None;
        }
        self.report_at = connections.saturating_mul(2);
        Some(Beat { connections, period_ns: self.period_ns })
    }
}

#[cfg(test)]
#[path = "new_egress_tests.rs"]
mod tests;
