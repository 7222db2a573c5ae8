//! Every buffer of the agent, with its size: nothing here grows with load. `edge-agent check` prints this table and a test
//! adds it up.

use crate::decide::Suppressed;
use crate::publish::Port;

/// Blocks of the queue of verdicts, see [`crate::queue`]: 49 KB, room for 256 usual verdicts.
pub const QUEUE_BLOCKS: usize = 512;

/// Findings remembered so that identical ones are folded.
pub const SUPPRESS_SLOTS: usize = 64;

/// Records taken from the ring before the link gets its turn.
pub const RECORDS_PER_TURN: usize = 64;

/// Bytes of kernel memory that all maps together may take with default sizes.
pub const MAP_BYTES: u64 = 768 * 1024;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// What it holds.
    pub name: &'static str,
    /// Bytes, whether in use or not.
    pub bytes: usize,
}

/// The table.
pub const BUFFERS: &[Buffer] = &[
    Buffer { name: "queue of verdicts", bytes: size_of::<Port<QUEUE_BLOCKS>>() },
    Buffer { name: "suppressed repeats", bytes: size_of::<Suppressed<SUPPRESS_SLOTS>>() },
    Buffer { name: "configuration", bytes: 2 * size_of::<crate::config::Config>() },
    Buffer { name: "verdicts told lately", bytes: size_of::<crate::enrich::history::ToldLately>() },
    Buffer { name: "findings told of processes", bytes: size_of::<crate::sweep::Sweep>() },
    // Read buffer, write buffer, in-flight window with its copies, rumqttc's tables: see `publish`.
    Buffer { name: "mqtt session", bytes: 2 * 1024 + 5 * 1024 + 16 * 1024 + 20 * 1024 },
    // Taken when there is a spool, at its largest.
    #[cfg(feature = "spool")]
    Buffer { name: "spool", bytes: crate::spool::MEMORY_BYTES },
];

const _: () = assert!(sum() <= 160 * 1024, "the agent's buffers outgrow their budget");

/// All rows together.
#[must_use]
pub const fn sum() -> usize {
    let (mut total, mut index) = (0, 0);
    while index < BUFFERS.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where iterators do not run")]
        let row = BUFFERS[index];
        total += row.bytes;
        index += 1;
    }
    total
}
