//! Folding of identical findings: the first is told, the others are counted until the window is over.

use std::hash::{Hash, Hasher};
use std::time::Duration;

/// One finding told lately.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// What it was; 0 is an empty slot.
    key: u64,
    /// When it was told, in nanoseconds of boot time.
    told_ns: u64,
    /// How many were folded since.
    folded: u32,
}

/// Whether a finding is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdicts {
    /// It was folded into an earlier one.
    Fold,
    /// It is told, and stands for as many more.
    Tell {
        /// Identical findings folded since the last one was told.
        repeats: u32,
    },
}

/// The findings told lately. When there are more than `SLOTS`, the one told longest ago is forgotten, so that a flood of
/// different findings costs repeats being told again, never a finding.
#[derive(Debug)]
pub struct Suppressed<const SLOTS: usize> {
    /// In no order.
    slots: [Slot; SLOTS],
}

impl<const SLOTS: usize> Default for Suppressed<SLOTS> {
    fn default() -> Self {
        Self { slots: [Slot { key: 0, told_ns: 0, folded: 0 }; SLOTS] }
    }
}

impl<const SLOTS: usize> Suppressed<SLOTS> {
    /// Offers a finding made at `now_ns`.
    pub fn offer(&mut self, key: u64, now_ns: u64, window: Duration) -> Verdicts {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.key == key) {
            if u128::from(now_ns.saturating_sub(slot.told_ns)) < window.as_nanos() {
                slot.folded = slot.folded.saturating_add(1);
                return Verdicts::Fold;
            }
            let repeats = slot.folded;
            *slot = Slot { key, told_ns: now_ns, folded: 0 };
            return Verdicts::Tell { repeats };
        }
        if let Some(oldest) = self.slots.iter_mut().min_by_key(|slot| (slot.key != 0, slot.told_ns)) {
            *oldest = Slot { key, told_ns: now_ns, folded: 0 };
        }
        Verdicts::Tell { repeats: 0 }
    }
}

/// A key of whatever makes a finding the same, never 0.
pub(crate) fn key(parts: impl Hash) -> u64 {
    // SipHash with a fixed key: an attacker could fold one of his findings into another of his own, which he may as well
    // not cause.
    #[expect(
        deprecated,
        reason = "the only hasher of std that is not seeded at random, which a test could not repeat"
    )]
    let mut hasher = std::hash::SipHasher::new();
    parts.hash(&mut hasher);
    hasher.finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn repeats_are_folded_and_then_counted() {
        let mut table = Suppressed::<4>::default();
        assert_eq!(table.offer(7, SECOND, WINDOW), Verdicts::Tell { repeats: 0 });
        for second in 2..10 {
            assert_eq!(table.offer(7, second * SECOND, WINDOW), Verdicts::Fold);
        }
        assert_eq!(table.offer(7, 61 * SECOND, WINDOW), Verdicts::Tell { repeats: 8 });
        assert_eq!(table.offer(7, 62 * SECOND, WINDOW), Verdicts::Fold);
    }

    #[test]
    fn a_flood_of_different_findings_folds_none() {
        let mut table = Suppressed::<4>::default();
        for finding in 1..1_000 {
            assert_eq!(table.offer(finding, SECOND + finding, WINDOW), Verdicts::Tell { repeats: 0 });
        }
        assert_eq!(table.offer(999, SECOND + 1_000, WINDOW), Verdicts::Fold);
        assert_eq!(table.offer(1, SECOND + 1_001, WINDOW), Verdicts::Tell { repeats: 0 });
    }

    #[test]
    fn keys_differ_where_findings_do() {
        assert_ne!(key((1, "a")), key((1, "b")));
        assert_eq!(key((1, "a")), key((1, "a")));
    }
}
