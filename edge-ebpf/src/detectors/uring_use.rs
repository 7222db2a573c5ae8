//! `uring_use`: `io_uring` set up by a program that is not expected to. What goes through a ring passes no syscall that the
//! tracepoint rung sees, so the ring itself is the evidence.
//!
//! Technique: T1106 (native API).
//! Hooks: `io_uring_setup` through `sensors/acts.rs`. The tracepoint `io_uring:io_uring_create` says no more: a ring is made by
//! this syscall and by nothing else.
//! Record: [`edge_abi::ActRecord`]. `value` is how many entries the ring was asked to have.
//! Cost: nothing but for this syscall.
//! Blind to: a ring that was made by another process and handed over; what is done by a ring.

use edge_abi::reason;

use super::Sighting;

/// Judges an `io_uring_setup(entries)`.
#[inline(always)]
#[must_use]
pub fn setup(entries: u64) -> Sighting {
    Sighting { reason: reason::SOLE, value: u64::from(entries as u32), target: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_told_with_its_size() {
        // The kernel takes 32 bits; what lies above them in the register is nobody's.
        assert_eq!(setup(0xdead_0000_0040).value, 0x40);
    }
}
