//! The kernel side's counters, summed over processors.

use aya::maps::{MapData, PerCpuArray};
use edge_abi::{Counter, Detector, counter_slot};
use edge_wire::KernelBooks;

/// The counters of every detector, and their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sums over detectors.
    pub books: KernelBooks,
    /// Findings by detector, in the order of [`DETECTORS`].
    pub findings: [u64; DETECTORS.len()],
    /// Findings withheld because the process is trusted.
    pub trusted: u64,
    /// Signals sent and operations refused.
    pub enforced: u64,
}

impl Totals {
    /// With findings of the agent's own look at `/proc`, which are handed on like those of the kernel side: none is ever lost on its way.
    #[must_use]
    pub fn with(mut self, looked: &[u32; DETECTORS.len()]) -> Self {
        for (findings, more) in self.findings.iter_mut().zip(looked) {
            *findings += u64::from(*more);
            self.books.findings += u64::from(*more);
            self.books.submitted += u64::from(*more);
        }
        self
    }
}

/// The detectors there are.
pub(super) const DETECTORS: [Detector; Detector::ALL.len()] = Detector::ALL;

/// Reads all counters. One that cannot be read counts as 0.
#[must_use]
pub fn totals(counters: &PerCpuArray<MapData, u64>) -> Totals {
    let mut totals = Totals::default();
    for (detector, findings) in DETECTORS.into_iter().zip(&mut totals.findings) {
        let count = |counter| {
            let slot = counter_slot(detector, counter);
            counters
                .get(&slot, 0)
                .map_or(0, |values| values.iter().fold(0_u64, |sum, value| sum.wrapping_add(*value)))
        };
        let books = &mut totals.books;
        *findings = count(Counter::Findings);
        books.findings += *findings;
        books.evidence += count(Counter::Evidence);
        books.submitted += count(Counter::Submitted);
        books.ring_full += count(Counter::RingFull);
        books.held += count(Counter::Held);
        books.map_full += count(Counter::MapFull);
        totals.trusted += count(Counter::Trusted);
        totals.enforced += count(Counter::Enforced);
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_by_looking_is_in_the_books() {
        let mut totals = Totals::default();
        (totals.books.findings, totals.books.submitted, totals.books.ring_full) = (5, 4, 1);
        totals.findings[3] = 5;
        let mut looked = [0; DETECTORS.len()];
        (looked[3], looked[4]) = (2, 1);
        let both = totals.with(&looked);
        assert_eq!((both.findings[3], both.findings[4]), (7, 1));
        assert_eq!((both.books.findings, both.books.submitted, both.books.ring_full), (8, 7, 1));
    }
}
