//! Counters that the kernel side keeps per CPU and per detector, and the agent sums.

use crate::{DETECTOR_SLOTS, Detector};

/// What is counted. `Findings = Submitted + RingFull + Held` for every detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Operations looked at.
    Evidence = 0,
    /// Operations judged worth a finding.
    Findings = 1,
    /// Findings handed over in records of their own.
    Submitted = 2,
    /// Findings whose record did not fit into the ring.
    RingFull = 3,
    /// Findings of a process already reported in this window: counted in its next record, not sent.
    Held = 4,
    /// Operations not counted because a map had no room.
    MapFull = 5,
    /// Findings withheld because the process is trusted.
    Trusted = 6,
    /// Signals sent or operations refused.
    Enforced = 7,
    /// Acts of the agent's own self-test that reached the detector.
    Probed = 8,
}

/// Counters per detector.
const PER_DETECTOR: u32 = 9;

/// Slots of the counter map: one group per detector number.
pub const COUNTER_SLOTS: u32 = DETECTOR_SLOTS * PER_DETECTOR;

/// Where `counter` of `detector` stands.
#[must_use]
pub const fn counter_slot(detector: Detector, counter: Counter) -> u32 {
    detector as u32 * PER_DETECTOR + counter as u32
}
