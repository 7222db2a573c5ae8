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
