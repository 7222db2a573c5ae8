//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential backoff with full jitter: a random part of a ceiling that doubles. After a broker's restart the whole
/// fleet would otherwise come back in the same second, again and again.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// First ceiling.
    min: Duration,
    /// Last ceiling.
    max: Duration,
    /// Ceiling of the next wait.
    ceiling: Duration,
}

impl Backoff {
    /// Ceilings from `min` to `max`.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, ceiling: min.min(max) }
    }

    /// The next wait; `random` picks its part of the ceiling, all bits equally likely.
    pub fn next(&mut self, random: u32) -> Duration {
        // A part of 2^32; ceilings beyond 49 days count as that.
        let ceiling_ms = u64::from(u32::try_from(self.ceiling.as_millis()).unwrap_or(u32::MAX));
        let wait = Duration::from_millis((ceiling_ms * u64::from(random)) >> 32);
        self.ceiling = self.ceiling.saturating_mul(2).min(self.max);
        wait
    }

    /// Starts over, once a connection has proved itself.
    pub fn reset(&mut self) {
        self.ceiling = self.min.min(self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_last_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<u128> = (0..8).map(|_| backoff.next(u32::MAX).as_millis()).collect();
        assert_eq!(waits, [999, 1999, 3999, 7999, 15_999, 31_999, 59_999, 59_999]);
        assert_eq!(backoff.next(0), Duration::ZERO);
        assert_eq!(backoff.next(1 << 31), Duration::from_secs(30));
        backoff.reset();
        assert_eq!(backoff.next(1 << 31), Duration::from_millis(500));
    }

    #[test]
    fn swapped_limits_do_no_harm() {
        let mut backoff = Backoff::new(Duration::from_secs(9), Duration::from_secs(3));
        assert_eq!(backoff.next(1 << 31), Duration::from_millis(1500));
        assert_eq!(backoff.next(1 << 31), Duration::from_millis(1500));
    }
}
