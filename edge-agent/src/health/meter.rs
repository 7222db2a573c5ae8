//! What the agent costs.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// Memory and CPU time of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Resident memory in KiB.
    pub rss_kib: u32,
    /// CPU time since the start, in milliseconds.
    pub cpu_ms: u64,
}

impl Meter {
    /// Reads both; 0 for what cannot be read.
    #[must_use]
    pub fn read() -> Self {
        let page_kib = (rustix::param::page_size() / 1024) as u32;
        let pages =
            fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident_pages(&text)).unwrap_or(0);
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            rss_kib: pages.saturating_mul(page_kib),
            cpu_ms: cpu
                .tv_sec
                .cast_unsigned()
                .saturating_mul(1_000)
                .saturating_add(cpu.tv_nsec.cast_unsigned() / 1_000_000),
        }
    }
}

/// The second field of `/proc/self/statm`.
fn resident_pages(text: &str) -> Option<u32> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_time() {
        assert_eq!(resident_pages("100 42 7 1 0 9 0\n"), Some(42));
        assert_eq!(resident_pages("100"), None);
        assert!(Meter::read().rss_kib > 100);
    }
}
