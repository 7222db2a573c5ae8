//! A sliding window made of two fixed ones: the current counts, plus the share of the previous ones that still overlaps.
//!
//! A process that starts from nothing is counted exactly; one that straddles a boundary is over-counted by at most a
//! quarter of the previous window, never under-counted by more. The same approximation serves HTTP rate limiters well.

/// What happened to the window when an event arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The event falls into the current window.
    Same,
    /// The current window has become the previous one.
    Next,
    /// Everything counted is too old.
    Fresh,
}

/// Moves the window that began at `start_ns` so that it holds `now_ns`.
///
/// A clock that runs behind on another CPU counts as no time passed.
#[inline(always)]
pub fn turn(start_ns: &mut u64, now_ns: u64, window_ns: u64) -> Turn {
    let elapsed = now_ns.saturating_sub(*start_ns);
    if *start_ns != 0 && elapsed < window_ns {
        return Turn::Same;
    }
    if *start_ns != 0 && elapsed >> 1 < window_ns {
        *start_ns += window_ns;
        return Turn::Next;
    }
    *start_ns = now_ns;
    Turn::Fresh
}

/// How many quarters of the previous window still count, 1 to 4.
#[inline(always)]
#[must_use]
pub fn quarters(start_ns: u64, now_ns: u64, window_ns: u64) -> u32 {
    let elapsed = now_ns.saturating_sub(start_ns);
    let half = window_ns >> 1;
    let quarter = window_ns >> 2;
    if elapsed < quarter {
        4
    } else if elapsed < half {
        3
    } else if elapsed < half + quarter {
        2
    } else {
        1
    }
}

/// The count of the sliding window.
#[inline(always)]
#[must_use]
pub fn sliding(current: u32, previous: u32, quarters: u32) -> u32 {
    // Counts stay far below 2^30: a window is at most an hour.
    current.wrapping_add(previous.wrapping_mul(quarters) >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: u64 = 1_000;

    #[test]
    fn turns_once_then_starts_over() {
        let mut start = 0;
        assert_eq!(turn(&mut start, 5_000, W), Turn::Fresh);
        assert_eq!(turn(&mut start, 5_999, W), Turn::Same);
        assert_eq!(turn(&mut start, 6_000, W), Turn::Next);
        assert_eq!(start, 6_000);
        assert_eq!(turn(&mut start, 8_000, W), Turn::Fresh);
        assert_eq!(start, 8_000);
    }

    #[test]
    fn a_clock_that_runs_behind_moves_nothing() {
        let mut start = 5_000;
        assert_eq!(turn(&mut start, 4_990, W), Turn::Same);
        assert_eq!(quarters(start, 4_990, W), 4);
    }

    #[test]
    fn the_previous_window_fades_by_quarters() {
        let counts =
            [0, 250, 500, 750, 999].map(|passed| sliding(10, 40, quarters(5_000, 5_000 + passed, W)));
        assert_eq!(counts, [50, 40, 30, 20, 20]);
    }

    /// Whatever the phase, a burst of `n` events within one window is seen as at least three quarters of `n`.
    #[test]
    fn a_burst_across_the_boundary_is_not_halved() {
        for phase in (0..W).step_by(10) {
            let (mut start, mut current, mut previous, mut most) = (1_u64, 0, 0, 0);
            // An old event fixes the phase of the window.
            let begin = 1 + W + phase;
            for event in 0..100_u64 {
                let now = begin + event * 5;
                match turn(&mut start, now, W) {
                    Turn::Same => {}
                    Turn::Next => (previous, current) = (current, 0),
                    Turn::Fresh => (previous, current) = (0, 0),
                }
                current += 1;
                most = most.max(sliding(current, previous, quarters(start, now, W)));
            }
            assert!((75..=125).contains(&most), "phase {phase}: {most} of 100");
        }
    }
}
