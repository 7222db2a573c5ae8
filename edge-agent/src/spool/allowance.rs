//! How much may be written to flash: a bucket that fills steadily.
//!
//! A day of `daily` bytes is a bucket of a twenty-fourth of it that fills by the rest in the course of a day, so no day of running writes more
//! than `daily`. The bucket is full again after a restart: a gateway that restarts often writes at most a twenty-fourth more each time.

/// Nanoseconds in a day.
const DAY_NS: u128 = 24 * 3_600 * 1_000_000_000;

/// Bytes that may be written, as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Bytes a day.
    daily: u64,
    /// Bytes in a full bucket.
    most: i64,
    /// Bytes left; below zero when the last write took more than there was.
    left: i64,
    /// Boot time up to which it was filled, in nanoseconds.
    filled_ns: u64,
}

impl Allowance {
    /// A full bucket at `now_ns`.
    #[must_use]
    pub(super) fn new(daily: u64, now_ns: u64) -> Self {
        let most = i64::try_from(daily / 24).unwrap_or(i64::MAX);
        Self { daily, most, left: most, filled_ns: now_ns }
    }

    /// Whether something may be written. The lower half of the bucket is for what is `urgent`.
    pub(super) fn allows(&mut self, urgent: bool, now_ns: u64) -> bool {
        let most = self.most;
        let passed = u128::from(now_ns.saturating_sub(self.filled_ns));
        let rate = u128::from(self.daily - self.daily / 24).max(1);
        let new = rate * passed / DAY_NS;
        // Only whole bytes are credited, and only their time is used up; otherwise frequent looks would fill less.
        self.left = self.left.saturating_add(i64::try_from(new).unwrap_or(i64::MAX)).min(most);
        self.filled_ns += (new * DAY_NS / rate) as u64;
        self.left > if urgent { 0 } else { most / 2 }
    }

    /// Notes what was written.
    pub(super) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub_unsigned(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes pages all day long whenever that is allowed; how many bytes that makes.
    fn greedy(daily: u64, urgent: bool) -> u64 {
        let mut allowance = Allowance::new(daily, 0);
        let mut written = 0;
        for second in 0..24 * 3_600 {
            while allowance.allows(urgent, second * 1_000_000_000) {
                allowance.spend(4_096);
                written += 4_096;
            }
        }
        written
    }

    #[test]
    fn no_day_writes_more_than_it_may_by_more_than_a_page() {
        for daily in [1 << 20, 8 << 20, 1 << 30] {
            let written = greedy(daily, true);
            assert!((daily / 10 * 9..=daily + 4_096).contains(&written), "{written} of {daily}");
        }
    }

    #[test]
    fn half_is_kept_for_what_is_urgent() {
        let mut allowance = Allowance::new(24 * 100_000, 0);
        allowance.spend(50_000);
        assert!(!allowance.allows(false, 1), "the rest is reserved");
        assert!(allowance.allows(true, 1));
        allowance.spend(50_000);
        assert!(!allowance.allows(true, 1));
        assert!(allowance.allows(true, 3_600_000_000_000), "an hour later there is some again");
    }

    #[test]
    fn frequent_looks_still_fill_it() {
        let mut allowance = Allowance::new(1 << 20, 0);
        allowance.spend(1 << 20);
        for step in 0..1_000_000_u64 {
            allowance.allows(false, step * 100_000_000);
        }
        assert!(allowance.allows(false, 100_000_000_000_000));
    }
}
