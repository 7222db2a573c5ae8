//! The heartbeat: that an agent lives, what it covers, and its books.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{Action, Bytes, DetectorId, Rung};

/// Most detectors a heartbeat lists.
pub const MAX_DETECTORS: usize = 28;

/// What the kernel side counted since the programs were loaded.
///
/// `findings = submitted + ring_full + held`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelBooks {
    /// Operations that a detector looked at.
    pub evidence: u64,
    /// Operations that a detector judged worth a record.
    pub findings: u64,
    /// Records handed to the agent.
    pub submitted: u64,
    /// Records lost because the ring was full.
    pub ring_full: u64,
    /// Further findings about a process already reported in this window: counted there, not sent.
    pub held: u64,
    /// Operations not counted because a map was full.
    pub map_full: u64,
}

/// What the agent counted since it started.
///
/// `received = malformed + dismissed + folded + decided` and `decided = acknowledged + in_flight + queued + shed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentBooks {
    /// Records taken from the ring.
    pub received: u64,
    /// Records that were not what they claimed to be.
    pub malformed: u64,
    /// Candidates that turned out harmless when resolved.
    pub dismissed: u64,
    /// Findings folded into an earlier, identical one.
    pub folded: u64,
    /// Verdicts: each has a sequence number.
    pub decided: u64,
    /// Verdicts the broker acknowledged.
    pub acknowledged: u64,
    /// Verdicts sent and not yet acknowledged.
    pub in_flight: u64,
    /// Verdicts waiting.
    pub queued: u64,
    /// Verdicts dropped, least severe first, because the queue was full.
    pub shed: u64,
}

/// One detector as it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorHealth {
    /// Which.
    pub detector: DetectorId,
    /// Where it is attached; off means it sees nothing.
    pub rung: Rung,
    /// What it may do.
    pub action: Action,
    /// Findings since load, modulo 2^32.
    pub findings: u32,
}

/// A periodic message about the agent itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The kernel's random id of this boot.
    pub boot_id: [u8; 16],
    /// Seconds of boot time at which this agent started.
    pub incarnation: u32,
    /// Number of this heartbeat within the incarnation, from 0.
    pub beat: u32,
    /// Sequence number the next verdict will have: all lower ones were decided before this heartbeat.
    pub next_sequence: u32,
    /// Seconds since the agent started.
    pub uptime_s: u32,
    /// Seconds to the next heartbeat; silence for three of these means trouble.
    pub interval_s: u32,
    /// Wall clock in milliseconds since 1970; 0 while the clock is not set.
    pub wall_ms: u64,
    /// The agent's version.
    pub version: Bytes<16>,
    /// The kernel's release, as `uname -r` has it; cut at 32 bytes.
    pub kernel: Bytes<32>,
    /// The kernel side's books.
    pub kernel_books: KernelBooks,
    /// The agent's books.
    pub agent_books: AgentBooks,
    /// Resident memory of the agent in KiB.
    pub rss_kib: u32,
    /// CPU time of the agent since it started, in milliseconds.
    pub cpu_ms: u64,
    /// What is watched, and how.
    pub detectors: Vec<DetectorHealth, MAX_DETECTORS>,
    /// Detectors whose sensor reacted to the agent's own harmless act at start: bit `n` is detector number `n`. A detector
    /// that is not `off` and not here is silent: attached, but blind. See [`Heartbeat::silent`].
    pub live: u32,
}

impl Heartbeat {
    /// Whether a detector's sensor has been seen to work; `None` for a number that `live` has no bit for.
    #[must_use]
    pub fn is_live(&self, detector: DetectorId) -> Option<bool> {
        detector.bit().map(|bit| self.live & bit != 0)
    }

    /// The detectors that are attached, but whose sensor did not react when tried: they promise what they do not keep.
    pub fn silent(&self) -> impl Iterator<Item = DetectorHealth> {
        let attached = self.detectors.iter().filter(|health| health.rung != Rung::OFF);
        attached.filter(|health| self.is_live(health.detector) == Some(false)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_is_what_is_attached_and_not_live() {
        let health = |detector, rung| DetectorHealth { detector, rung, ..DetectorHealth::default() };
        let beat = Heartbeat {
            detectors: [
                health(DetectorId::FILE_TAMPER, Rung::LSM),
                health(DetectorId::LATERAL_SCAN, Rung::CGROUP),
                health(DetectorId::BUS_FLOOD, Rung::OFF),
                health(DetectorId(40), Rung::LSM),
            ]
            .into_iter()
            .collect(),
            live: 1 << 1,
            ..Heartbeat::default()
        };
        assert!(beat.silent().map(|health| health.detector).eq([DetectorId::LATERAL_SCAN]));
        assert_eq!(beat.is_live(DetectorId::FILE_TAMPER), Some(true));
        assert_eq!(beat.is_live(DetectorId(40)), None, "more detectors than bits: nothing is claimed");
    }
}
