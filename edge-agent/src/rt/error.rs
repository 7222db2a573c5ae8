//! What the reactor itself can refuse.

use std::fmt;
use std::io;

/// A refusal of the reactor; descriptors report their own failures as [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtError {
    /// A future ran out of the time its caller gave it.
    Elapsed {
        /// The time given, in milliseconds.
        limit_ms: u64,
    },
    /// Called on a thread that has no [`Runtime`](super::Runtime): a fault of the caller.
    NoRuntime,
    /// The thread has a runtime already; it can have only one.
    RuntimeExists,
    /// Every descriptor slot is taken.
    SourcesFull,
    /// Every timer slot is taken.
    TimersFull,
}

impl fmt::Display for RtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed { limit_ms } => write!(f, "no result within {limit_ms} ms"),
            Self::NoRuntime => f.write_str("no runtime on this thread"),
            Self::RuntimeExists => f.write_str("this thread has a runtime already"),
            Self::SourcesFull => {
                write!(f, "all {} descriptor slots of the reactor are taken", super::SOURCES)
            }
            Self::TimersFull => write!(f, "all {} timer slots of the reactor are taken", super::TIMERS),
        }
    }
}

impl std::error::Error for RtError {}

impl From<RtError> for io::Error {
    fn from(error: RtError) -> Self {
        let kind = match error {
            RtError::Elapsed { .. } => io::ErrorKind::TimedOut,
            RtError::NoRuntime | RtError::RuntimeExists => io::ErrorKind::Unsupported,
            RtError::SourcesFull | RtError::TimersFull => io::ErrorKind::QuotaExceeded,
        };
        Self::new(kind, error)
    }
}
