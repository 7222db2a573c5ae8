//! The clock that verdicts use too.

/// Nanoseconds of `CLOCK_MONOTONIC`, the clock of the kernel's evidence; 0 if the kernel has no such clock, which it has.
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Needed because std's `Instant` cannot be compared with the kernel's timestamps.
    // SAFETY: `time` is a valid, writable timespec for the duration of the call; the call stores nothing else.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    if status != 0 {
        return 0;
    }
    // Widths differ between targets; both parts are never negative on this clock.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_advances_with_time() {
        let before = monotonic_ns();
        std::thread::sleep(Duration::from_millis(5));
        let passed = monotonic_ns() - before;
        assert!((5_000_000..5_000_000_000).contains(&passed), "{passed}");
    }
}
