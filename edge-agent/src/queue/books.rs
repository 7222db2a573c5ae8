//! The account of every entry the queue has met.

use super::SEVERITIES;

/// Counts since the queue was made, and what it holds now.
///
/// They balance at every moment: `seen + requeued = popped + shed + queued`, all severities together. What was popped
/// and not put back is delivered or in flight; the link's counters tell which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Entries offered by the pipeline.
    pub seen: u32,
    /// Entries put back because they could not be delivered.
    pub requeued: u32,
    /// Entries taken out.
    pub popped: u32,
    /// Entries shed, by severity, info first.
    pub shed: [u32; SEVERITIES],
    /// Entries here now.
    pub queued: u32,
    /// Sequence number of the first entry ever shed.
    pub first_shed: Option<u32>,
    /// Sequence number of the latest entry shed.
    pub last_shed: Option<u32>,
}

impl Books {
    /// An empty account.
    pub(super) const fn new() -> Self {
        Self {
            seen: 0,
            requeued: 0,
            popped: 0,
            shed: [0; SEVERITIES],
            queued: 0,
            first_shed: None,
            last_shed: None,
        }
    }

    /// Writes one shed entry down.
    pub(super) fn shed(&mut self, severity: u8, sequence: u32) {
        if let Some(count) = self.shed.get_mut(usize::from(severity)) {
            *count = count.wrapping_add(1);
        }
        self.first_shed.get_or_insert(sequence);
        self.last_shed = Some(sequence);
    }

    /// Entries shed, all severities together.
    #[must_use]
    pub fn shed_total(&self) -> u32 {
        self.shed.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Whether the account balances. Counts wrap after 2^32 entries, and so does this comparison.
    #[must_use]
    pub fn balance(&self) -> bool {
        let came = self.seen.wrapping_add(self.requeued);
        let went = self.popped.wrapping_add(self.shed_total()).wrapping_add(self.queued);
        came == went
    }
}
