//! `flood_out`: more packets or bytes out than the ceiling, by one process, or by all of one origin together.
//!
//! Technique: T1498 (network denial of service).
//! Hooks: `cgroup_skb/egress` (Linux 4.10) counts, `cgroup/sock_create` remembers whose socket it is, see `sensors/egress.rs`.
//! A packet is handed to the network wherever the kernel comes to it, so whoever runs then need not be its sender.
//! Record: [`edge_abi::ActRecord`]; `count` is packets in the window, or of bytes units of [`UNIT_BYTES`]; `value` the length of the
//! deciding packet, `protocol`, `port` and `address` its socket's destination where it has one.
//! Cost: one look-up per IP packet out; four more for those of sockets that are not TCP.
//! Blind to: TCP, which floods only as fast as its peer takes it in, and would make every upload a finding; packet sockets
//! (`raw_socket` tells); sockets made before the agent started; packets that are forwarded, which belong to no process.

/// Bytes are counted in units of so many, so that two windows of the largest ceiling fit into 32 bits.
pub const UNIT_BYTES: u32 = 1 << UNIT_BITS;
/// See [`UNIT_BYTES`].
const UNIT_BITS: u32 = 6;

/// The ceilings of an origin, in multiples of a process's; the agent writes that of packets.
pub const ORIGIN_FACTOR: u32 = 3;

/// `SOCK_STREAM`.
const SOCK_STREAM: u32 = 1;

/// Whether the packets of a socket of this type are counted: all but streams. A raw socket that makes TCP segments by hand is none.
#[inline(always)]
#[must_use]
pub fn is_counted(kind: u32) -> bool {
    kind != SOCK_STREAM
}

/// Packets that one buffer becomes on the way: the network card, or the kernel at the last moment, cuts large ones up.
#[inline(always)]
#[must_use]
pub fn packets(segments: u32) -> u32 {
    if segments == 0 { 1 } else { segments }
}

/// Bytes as units, a part of one as a whole.
#[inline(always)]
#[must_use]
pub fn units(bytes: u32) -> u32 {
    (bytes >> UNIT_BITS) + u32::from(bytes & (UNIT_BYTES - 1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_and_raw_packets_are_counted_and_streams_are_not() {
        assert!(is_counted(2) && is_counted(3));
        assert!(!is_counted(1));
    }

    #[test]
    fn large_buffers_are_many_packets() {
        assert_eq!((packets(0), packets(1), packets(44)), (1, 1, 44));
    }

    #[test]
    fn units_round_up_and_the_largest_ceiling_fits_twice() {
        assert_eq!((units(0), units(1), units(64), units(65)), (0, 1, 1, 2));
        let ceiling = units(2_000_000_000);
        assert!(ceiling.checked_mul(8).is_some());
    }
}
