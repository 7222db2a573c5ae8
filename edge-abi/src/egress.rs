//! What `new_egress` knows: where each program goes and on which ports it listens, as learnt or declared.

use bytemuck::{Pod, Zeroable};

/// Different networks (or listening ports) by which a program has gone to one port after which it may go to any: a pool of time
/// servers, a cloud end point behind many addresses, a resolver.
pub const EGRESS_POOL: u32 = 8;

/// Entries that the table of what is known holds.
pub const EGRESS_KNOWN: u32 = 256;

/// Declarations of the policy: destinations and listening ports together.
pub const EGRESS_DECLARED: usize = 48;

/// Listening ports from here on are one: they are taken from the kernel's choice (`net.ipv4.ip_local_port_range`).
pub const EPHEMERAL_PORT: u16 = 32_768;

/// Values of [`EgressKey::kind`] and [`Declared::kind`].
pub mod egress_kind {
    /// An entry that is not in use.
    pub const NONE: u8 = 0;
    /// A port to listen on.
    pub const LISTENER: u8 = 1;
    /// A port, in any network.
    pub const ANYWHERE: u8 = 2;
    /// Any port to listen on.
    pub const ANY_LISTENER: u8 = 3;
    /// An IPv4 network.
    pub const IPV4: u8 = 4;
    /// An IPv6 network.
    pub const IPV6: u8 = 6;
}

/// Bits of [`EgressPolicy::flags`].
pub mod egress_flags {
    /// Destinations and ports on this machine's own loopback count, too.
    pub const LOOPBACK: u32 = 1 << 0;
}

/// One thing that a program does: goes to a port of a network, or listens on a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct EgressKey {
    /// [`program_id`] of what was executed.
    pub program: u32,
    /// Port in host byte order.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// One of [`egress_kind`].
    pub kind: u8,
    /// The first three bytes (IPv4) or six (IPv6) of the address; zeros where the kind has no network.
    pub network: [u8; 6],
    /// Keeps the size a multiple of eight.
    pub reserved: [u8; 2],
}

/// The hash of a program's path ([`crate::exe_hash`]) as 32 bits.
#[must_use]
pub const fn program_id(exe_hash: u64) -> u32 {
    (exe_hash ^ (exe_hash >> 32)) as u32
}

/// What is remembered of an [`EgressKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Known {
    /// `CLOCK_BOOTTIME` when it was last used, in nanoseconds; 0 when that was before the agent started.
    pub last_ns: u64,
    /// Of [`egress_kind::ANYWHERE`] and [`egress_kind::ANY_LISTENER`]: how many networks or ports were learnt; from
    /// [`EGRESS_POOL`] on all of them are known.
    pub count: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}

/// One declaration of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Declared {
    /// [`program_id`]; 0 for every program.
    pub program: u32,
    /// Port in host byte order; 0 for every port.
    pub port: u16,
    /// IP protocol number; 0 for every one.
    pub protocol: u8,
    /// [`egress_kind::NONE`], `LISTENER`, `ANYWHERE`, `IPV4` or `IPV6`.
    pub kind: u8,
    /// Network, in network order.
    pub network: [u32; 4],
    /// Which bits of an address must be those of `network`.
    pub mask: [u32; 4],
}

/// The policy of `new_egress` besides its rule; the only value of its map. Of zeros: frozen, nothing declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct EgressPolicy {
    /// `CLOCK_BOOTTIME` until which what is new is learnt instead of told, in nanoseconds.
    pub learn_until_ns: u64,
    /// Connections at a steady interval that make a beacon; 0: they are not looked at.
    pub beacon: u32,
    /// [`egress_flags`].
    pub flags: u32,
    /// Declarations; those in use come first.
    pub declared: [Declared; EGRESS_DECLARED],
}
