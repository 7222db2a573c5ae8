//! Time, read at the rim and passed in everywhere else.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// 2024-01-01 in milliseconds since 1970: a wall clock before this has not been set. Gateways without a battery begin in
/// 1970 or at the build date of their image.
const EARLIEST_WALL_MS: u64 = 1_704_067_200_000;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of boot time, suspend included: the kernel side's clock.
    pub boot_ns: u64,
    /// Milliseconds since 1970; 0 while the clock is not set.
    pub wall_ms: u64,
}

impl Now {
    /// Reads both.
    #[must_use]
    pub fn read() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        let boot_ns = boot
            .tv_sec
            .cast_unsigned()
            .saturating_mul(1_000_000_000)
            .saturating_add(boot.tv_nsec.cast_unsigned());
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self { boot_ns, wall_ms: if wall < EARLIEST_WALL_MS { 0 } else { wall } }
    }

    /// The wall clock at an earlier moment of boot time; 0 while the clock is not set.
    #[must_use]
    pub fn wall_ms_at(self, boot_ns: u64) -> u64 {
        if self.wall_ms == 0 {
            return 0;
        }
        self.wall_ms.saturating_sub(self.boot_ns.saturating_sub(boot_ns) / 1_000_000)
    }
}

/// Reads the kernel's id of this boot: a UUID in text.
#[must_use]
pub fn boot_id() -> [u8; 16] {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .and_then(|text| parse_boot_id(&text))
        .unwrap_or_default()
}

/// Parses a UUID.
#[must_use]
pub fn parse_boot_id(text: &str) -> Option<[u8; 16]> {
    let mut digits =
        text.trim().chars().filter(|character| *character != '-').map(|character| character.to_digit(16));
    let mut id = [0; 16];
    for byte in &mut id {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_ids_are_sixteen_bytes() {
        let id = parse_boot_id("01234567-89ab-cdef-0123-456789abcdef\n").unwrap();
        assert_eq!(id[..4], [0x01, 0x23, 0x45, 0x67]);
        for broken in
            ["", "0123", "01234567-89ab-cdef-0123-456789abcdefff", "z1234567-89ab-cdef-0123-456789abcdef"]
        {
            assert_eq!(parse_boot_id(broken), None, "{broken}");
        }
        assert_ne!(boot_id(), [0; 16], "every kernel has one");
    }

    #[test]
    fn wall_time_of_the_past_follows_boot_time() {
        let now = Now { boot_ns: 90_000_000_000, wall_ms: 1_800_000_000_000 };
        assert_eq!(now.wall_ms_at(89_000_000_000), 1_799_999_999_000);
        assert_eq!(Now { wall_ms: 0, ..now }.wall_ms_at(1), 0);
    }

    #[test]
    fn clocks_move_forward() {
        let first = Now::read();
        assert!(Now::read().boot_ns >= first.boot_ns && first.boot_ns > 0);
    }
}
