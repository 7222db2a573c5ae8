//! Every range of the configuration in one place: the reader enforces them, its messages and the packaged file show
//! them, the property tests check accepted values against them. Both ends are allowed.

use core::ops::RangeInclusive;
use core::time::Duration;

/// `mqtt.keep_alive`: below 5 s a slow uplink looks dead; brokers cut what they have not heard from for long.
pub const KEEP_ALIVE: RangeInclusive<Duration> = seconds(5, 20 * 60);
/// `mqtt.in_flight`: each slot reserves one encoded message.
pub const IN_FLIGHT: RangeInclusive<u8> = 1..=16;
/// `mqtt.reconnect_min`.
pub const RECONNECT_MIN: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// `mqtt.reconnect_max`: longer than an hour, a gateway would look lost.
pub const RECONNECT_MAX: RangeInclusive<Duration> = seconds(1, 60 * 60);
/// `mqtt.heartbeat`.
pub const HEARTBEAT: RangeInclusive<Duration> = seconds(10, 24 * 60 * 60);
/// `detectors.file_tamper.threshold`: below 3, any editor that saves two files is a finding.
pub const TAMPER_THRESHOLD: RangeInclusive<u32> = 3..=10_000;
/// `detectors.file_tamper.window`.
pub const TAMPER_WINDOW: RangeInclusive<Duration> = seconds(1, 10 * 60);
/// `detectors.file_tamper.unlink_threshold`.
pub const UNLINK_THRESHOLD: RangeInclusive<u32> = 10..=100_000;
/// `detectors.file_tamper.origin_threshold`.
pub const ORIGIN_THRESHOLD: RangeInclusive<u32> = 3..=100_000;
/// `detectors.file_tamper.origin_window`.
pub const ORIGIN_WINDOW: RangeInclusive<Duration> = seconds(10, 60 * 60);
/// `detectors.file_tamper.suspicion`; never above the threshold either.
pub const SUSPICION: RangeInclusive<u32> = 1..=10_000;
/// `detectors.file_tamper.diversity`: a 128-byte sample cannot hold more distinct values.
pub const DIVERSITY: RangeInclusive<u8> = 16..=128;
/// `detectors.lateral_scan.hosts`.
pub const SCAN_HOSTS: RangeInclusive<u32> = 3..=1024;
/// `detectors.lateral_scan.tries`.
pub const SCAN_TRIES: RangeInclusive<u32> = 5..=100_000;
/// `detectors.lateral_scan.window`.
pub const SCAN_WINDOW: RangeInclusive<Duration> = seconds(1, 60 * 60);
/// `detectors.lateral_scan.ports` and the port of a broker.
pub const PORT: RangeInclusive<u16> = 1..=65_535;
/// `detectors.new_egress.learn`: three months of running see every season of a device that is worth learning.
pub const LEARN: RangeInclusive<Duration> = seconds(0, 90 * 24 * 60 * 60);
/// `spool.bytes`: below, a lane would have too few pages to turn; above, the tables of pages would take more than 9 KB.
pub const SPOOL_BYTES: RangeInclusive<u32> = 131_072..=4_194_304;
/// `spool.daily_bytes`: a page is the least that is written, and cheap flash takes a thousand times its size in a life.
pub const SPOOL_DAILY: RangeInclusive<u32> = 1_048_576..=1_073_741_824;
/// `spool.delay`.
pub const SPOOL_DELAY: RangeInclusive<Duration> = seconds(1, 10 * 60);
/// `spool.replay`.
pub const SPOOL_REPLAY: RangeInclusive<u32> = 1..=10_000;
/// `limits.detector_rate` and `limits.device_rate`: a thousand a second is more than the link takes.
pub const RATE: RangeInclusive<u32> = 0..=60_000;
/// `limits.repeats`.
pub const REPEATS: RangeInclusive<Duration> = seconds(1, 60 * 60);

/// A range of whole seconds.
const fn seconds(least: u64, most: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(least)..=Duration::from_secs(most)
}
