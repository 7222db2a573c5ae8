//! How many verdicts a minute are told: of each detector, and of the device.
//!
//! For uplinks that are paid by the byte. A verdict beyond the limit is counted as shed, and has used up a sequence number, so that a
//! subscriber knows of it; the most severe are never held back. Each limit is one moment in time (the generic cell rate algorithm of
//! ITU-T I.371): it moves by a verdict's share of a minute with each verdict, and may be ahead of the clock by a minute at most.

use edge_wire::{DetectorId, Severity};

/// Nanoseconds in a minute: the burst that is allowed, too.
const MINUTE_NS: u64 = 60_000_000_000;

/// Numbers that detectors may have.
const DETECTORS: usize = 32;

/// What may be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Verdicts a minute of one detector; 0: any number.
    pub detector: u32,
    /// Verdicts a minute of all together; 0: any number.
    pub device: u32,
}

/// What was told lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of each detector: boot time until which its share is used up, in nanoseconds.
    detectors: [u64; DETECTORS],
    /// Of all together.
    device: u64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { detectors: [0; DETECTORS], device: 0 }
    }
}

impl Rates {
    /// Whether a verdict may be told at `now_ns`; then it is counted. One that may not uses up nothing.
    pub fn allows(&mut self, limits: Limits, detector: DetectorId, severity: Severity, now_ns: u64) -> bool {
        if severity >= Severity::CRITICAL {
            return true;
        }
        let mut nobody = 0;
        let own = self.detectors.get_mut(usize::from(detector.0)).unwrap_or(&mut nobody);
        let (Some(next), Some(device)) =
            (after(*own, limits.detector, now_ns), after(self.device, limits.device, now_ns))
        else {
            return false;
        };
        (*own, self.device) = (next, device);
        true
    }
}

/// Until when a share is used up with one verdict more; `None` when that is too far ahead.
fn after(used_ns: u64, rate: u32, now_ns: u64) -> Option<u64> {
    let Some(share) = MINUTE_NS.checked_div(rate.into()) else { return Some(used_ns) };
    let next = used_ns.max(now_ns).saturating_add(share);
    (next - now_ns <= MINUTE_NS).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: DetectorId = DetectorId::LATERAL_SCAN;

    /// Verdicts of one detector that pass, of so many a second.
    fn passed(rates: &mut Rates, limits: Limits, detector: DetectorId, seconds: u64, each: u64) -> u64 {
        let times = (0..seconds).flat_map(|second| (0..each).map(move |nth| second * 1_000_000_000 + nth));
        times.filter(|now| rates.allows(limits, detector, Severity::HIGH, *now)).count() as u64
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_no_more_than_that_a_minute() {
        let limits = Limits { detector: 120, device: 0 };
        let mut rates = Rates::default();
        assert_eq!(passed(&mut rates, limits, SCAN, 1, 1_000), 120);
        let hour = passed(&mut Rates::default(), limits, SCAN, 3_600, 100);
        assert!((120 * 60..=120 * 61).contains(&hour), "{hour}");
    }

    #[test]
    fn detectors_do_not_use_up_each_others_share_but_the_devices() {
        let limits = Limits { detector: 10, device: 15 };
        let mut rates = Rates::default();
        assert_eq!(passed(&mut rates, limits, SCAN, 1, 100), 10);
        assert_eq!(passed(&mut rates, limits, DetectorId::FILE_TAMPER, 1, 100), 5, "the device's rest");
        assert!(!rates.allows(limits, DetectorId(200), Severity::LOW, 50));
        assert!(rates.allows(limits, SCAN, Severity::CRITICAL, 50), "never the most severe");
    }

    #[test]
    fn without_limits_everything_passes() {
        let mut rates = Rates::default();
        assert_eq!(passed(&mut rates, Limits::default(), SCAN, 2, 1_000), 2_000);
        assert_eq!(rates, Rates::default());
    }

    proptest::proptest! {
        #[test]
        fn no_clock_and_no_limit_makes_it_panic_or_exceed(
            detector in 0_u32..=60_000, device in 0_u32..=60_000, now: u64, number: u8, count in 1_usize..200,
        ) {
            let limits = Limits { detector, device };
            let mut rates = Rates::default();
            let told = (0..count).filter(|_| rates.allows(limits, DetectorId(number), Severity::INFO, now)).count();
            let least = [detector, device].into_iter().filter(|limit| *limit != 0).min().unwrap_or(u32::MAX);
            proptest::prop_assert!(told <= least as usize || usize::from(number) >= DETECTORS);
        }
    }
}
