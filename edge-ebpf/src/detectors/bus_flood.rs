//! `bus_flood`: more writes per second to a serial line or fieldbus than the ceiling.
//!
//! Technique: T0814 (denial of service), T0806 (brute force I/O).
//! Hooks: a watched name opened for writing (`sensors/watch.rs`) or a CAN socket made (`sensors/net.rs`) marks the process;
//! from then on its `write`, `writev`, `sendto` and `sendmsg` are counted (`sensors/net.rs`).
//! Record: [`edge_abi::ActRecord`]. `value` is the descriptor of the deciding write.
//! Cost: for writes of processes that have a bus open, one more program; for others nothing beyond what `file_tamper` costs.
//! Blind to (on the tracepoint rung): a bus opened before the agent started, or handed on through an exec; writes through
//! `io_uring`, `sendmmsg`, or a mapping. Writes to other files of a process that has a bus open are counted as well.

use edge_abi::reason;

use super::Sighting;

/// `AF_CAN` of `include/linux/socket.h`.
const AF_CAN: u32 = 29;

/// Whether a socket of this family leads to a bus.
#[inline(always)]
#[must_use]
pub fn is_bus(family: u32) -> bool {
    family == AF_CAN
}

/// One write of a process that has a bus open.
#[inline(always)]
#[must_use]
pub fn write(descriptor: u32) -> Sighting {
    Sighting { reason: reason::SOLE, value: u64::from(descriptor), target: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_is_a_bus_and_other_families_are_not() {
        assert!(is_bus(29));
        for family in [1, 2, 10, 16, 17, 30] {
            assert!(!is_bus(family), "family {family}");
        }
    }

    #[test]
    fn a_write_names_its_descriptor() {
        assert_eq!(write(7), Sighting { reason: reason::SOLE, value: 7, target: 0 });
    }
}
