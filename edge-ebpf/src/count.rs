//! How often a process, or everything of one origin, did one thing: the state behind every detector of acts.

use edge_abi::Rule;

use crate::detectors::{Report, pace};
use crate::window::{Turn, quarters, sliding, turn};

/// Window of a single act's pacing: repeats within it are told at every doubling.
const PACE_NS: u64 = 60_000_000_000;

/// Words of the bitmap of distinct targets: 128 bits. At 20 targets it falls short by 1.4 on average.
const WORDS: usize = 2;

/// A value of the `WINDOWS` map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct WindowState {
    /// Begin of the current window; 0 in a new state.
    start_ns: u64,
    /// First act of the sliding window.
    pub first_ns: u64,
    /// Distinct targets of the current window, one bit each.
    seen: [u64; WORDS],
    /// Acts of the current window.
    count: u32,
    /// Acts of the window before.
    previous: u32,
    /// Count at which the next record is due; 0 before the first.
    report_at: u32,
    /// Findings held back since the last record.
    pub held: u32,
}

impl WindowState {
    /// Of a subject nothing is known of.
    #[must_use]
    pub const fn new() -> Self {
        Self { start_ns: 0, first_ns: 0, seen: [0; WORDS], count: 0, previous: 0, report_at: 0, held: 0 }
    }
}

/// How much an act counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// So many.
    Of(u32),
    /// One, unless this target (by hash) was met in this window.
    Distinct(u32),
}

/// What became of one act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Below the threshold.
    Quiet,
    /// At or above it: the count, and whether it is told now.
    Finding(u32, Report),
}

/// Takes one act into the state and judges. A window of 0 is [`PACE_NS`].
#[inline(always)]
pub fn observe(
    state: &mut WindowState,
    threshold: u32,
    window_ns: u64,
    weight: Weight,
    now_ns: u64,
) -> Tally {
    let window_ns = if window_ns == 0 { PACE_NS } else { window_ns };
    match turn(&mut state.start_ns, now_ns, window_ns) {
        Turn::Same => {}
        Turn::Next => {
            state.previous = state.count;
            state.count = 0;
            state.seen = [0; WORDS];
        }
        Turn::Fresh => {
            state.first_ns = now_ns;
            state.previous = 0;
            state.count = 0;
            state.seen = [0; WORDS];
            state.report_at = 0;
        }
    }
    match weight {
        Weight::Of(weight) => state.count = state.count.saturating_add(weight),
        Weight::Distinct(target) => {
            let bit = 1_u64 << (target & 63);
            let [low, high] = &mut state.seen;
            let word = if target & 64 == 0 { low } else { high };
            state.count += u32::from(*word & bit == 0);
            *word |= bit;
        }
    }
    let count = sliding(state.count, state.previous, quarters(state.start_ns, now_ns, window_ns));
    if count < threshold {
        return Tally::Quiet;
    }
    Tally::Finding(count, pace(&mut state.report_at, count))
}

/// Threshold and window of a process or an origin under a rule; `None` when origins are not counted.
#[inline(always)]
#[must_use]
pub fn threshold(rule: &Rule, of_origin: bool) -> Option<u32> {
    let threshold = if of_origin { rule.origin_threshold } else { rule.threshold };
    (threshold != 0).then_some(threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn feed(state: &mut WindowState, threshold: u32, window: u64, weight: Weight, now: u64) -> Tally {
        observe(state, threshold, window * SECOND, weight, now)
    }

    #[test]
    fn a_single_act_is_told_and_repeats_at_doublings() {
        let mut state = WindowState::new();
        let told: std::vec::Vec<bool> = (0..8)
            .map(|n| {
                matches!(feed(&mut state, 1, 0, Weight::Of(1), SECOND + n), Tally::Finding(_, Report::Now))
            })
            .collect();
        assert_eq!(told, [true, true, false, true, false, false, false, true]);
        let later = SECOND + 3 * PACE_NS;
        assert_eq!(feed(&mut state, 1, 0, Weight::Of(1), later), Tally::Finding(1, Report::Now));
    }

    #[test]
    fn a_threshold_is_exact_from_nothing() {
        let mut state = WindowState::new();
        for n in 1..15 {
            assert_eq!(feed(&mut state, 15, 10, Weight::Of(1), SECOND + n), Tally::Quiet);
        }
        assert_eq!(feed(&mut state, 15, 10, Weight::Of(1), 2 * SECOND), Tally::Finding(15, Report::Now));
        assert_eq!(state.first_ns, SECOND + 1);
    }

    #[test]
    fn the_same_target_counts_once() {
        let mut state = WindowState::new();
        for _ in 0..100 {
            assert_eq!(feed(&mut state, 2, 10, Weight::Distinct(7), SECOND), Tally::Quiet);
        }
        assert_eq!(feed(&mut state, 2, 10, Weight::Distinct(71), SECOND), Tally::Finding(2, Report::Now));
    }

    #[test]
    fn patience_is_quiet() {
        let mut state = WindowState::new();
        for n in 0..1_000 {
            assert_eq!(feed(&mut state, 15, 10, Weight::Of(1), SECOND + n * 2 * SECOND), Tally::Quiet);
        }
    }

    #[test]
    fn a_rule_without_an_origin_threshold_counts_none() {
        let rule = Rule { threshold: 3, ..Rule::default() };
        assert_eq!((threshold(&rule, false), threshold(&rule, true)), (Some(3), None));
    }
}
