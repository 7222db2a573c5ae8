//! Time as the rest of the program gets it: as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since the program started; never jumps, so waiting times are measured with it.
    pub(crate) steady_ms: u64,
    /// Milliseconds since 1970, as this machine believes; for people.
    pub(crate) wall_ms: u64,
}

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// When it was made.
    start: Instant,
}

impl Clock {
    /// A clock whose steady time begins now.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Now. Both values saturate, in half a billion years.
    pub(crate) fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            steady_ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
