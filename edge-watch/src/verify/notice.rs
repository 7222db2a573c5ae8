//! What the completeness check has to say.

use edge_wire::{Bytes, State};

/// A notice and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The device.
    pub(crate) device: String,
    /// The notice.
    pub(crate) notice: Notice,
}

/// Something about an agent that is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Losses that have no sequence numbers: the kernel's ring was full, or a map. Counts since the last such notice.
    Books {
        /// Findings lost in the ring.
        ring_full: u64,
        /// Operations not counted.
        map_full: u64,
    },
    /// Why earlier missing verdicts are missing, told by a later heartbeat.
    Explained {
        /// The incarnation.
        incarnation: u32,
        /// The reasons.
        cause: Cause,
    },
    /// The oldest device made room for a new one; its gaps are no longer known.
    Forgotten {
        /// Devices remembered.
        limit: usize,
    },
    /// Verdicts are missing.
    Gap(Gap),
    /// Missing verdicts came after all.
    Healed {
        /// The incarnation.
        incarnation: u32,
        /// How many came since the last notice.
        count: u64,
        /// How many of this incarnation are still missing.
        missing: u64,
    },
    /// Heard again after silence.
    Heard {
        /// How long nothing came, in milliseconds.
        silent_ms: u64,
    },
    /// Lost or stopped.
    Offline {
        /// Which of these.
        state: State,
        /// How long the agent had been heard, in milliseconds; 0 if it was gone before we came.
        seen_ms: u64,
    },
    /// Connected and watching.
    Online {
        /// The agent's version.
        version: Bytes<16>,
        /// The incarnation.
        incarnation: u32,
        /// Whether it was so before we subscribed.
        retained: bool,
    },
    /// Three heartbeats are missing, though the broker has not called the agent lost.
    Silent {
        /// How long nothing came, in milliseconds.
        silent_ms: u64,
        /// Time between heartbeats as last announced, in seconds.
        interval_s: u32,
        /// How long the agent had been heard before, in milliseconds.
        seen_ms: u64,
    },
}

/// Missing verdicts of one incarnation, all that became due together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Boot of the device.
    pub(crate) boot_id: [u8; 16],
    /// Incarnation of the agent.
    pub(crate) incarnation: u32,
    /// First and last number of each run of missing ones, ascending.
    pub(crate) ranges: Vec<(u32, u32)>,
    /// How many are missing.
    pub(crate) count: u64,
    /// Wall clock of the verdict before the first missing one, in milliseconds; 0 when not known.
    pub(crate) after_ms: u64,
    /// Wall clock of the verdict or heartbeat that showed the last missing one, in milliseconds; 0 when not known.
    pub(crate) before_ms: u64,
    /// Why.
    pub(crate) cause: Cause,
}

/// Where missing verdicts went. The sum of the three is what the notice is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Dropped by the agent, least severe first, because its queue was full.
    pub(crate) shed: u64,
    /// Acknowledged by a broker, yet not received here.
    pub(crate) on_the_way: u64,
    /// No heartbeat since tells; the next one may.
    pub(crate) unknown: u64,
}
