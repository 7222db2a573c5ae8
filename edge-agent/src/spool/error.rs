//! What can go wrong with the spool, and who is at fault.

use std::fmt;
use std::io;

use embedded_storage_async::nor_flash::{NorFlashError, NorFlashErrorKind};

/// Why a verdict is not on flash. It stays in the queue then, and is tried again.
#[derive(Debug)]
pub enum SpoolError {
    /// A file cannot be read or written: full, read-only or broken file system.
    Io {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The write budget is used up; verdicts of high severity may still be written.
    Budget,
    /// Another process has the file open as its spool.
    Busy,
    /// A file is not a spool of this format and could not be put aside.
    Foreign,
    /// Nothing could be read any more, and emptying it did not help.
    Corrupt,
}

impl SpoolError {
    /// Names what was tried.
    pub(super) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "{what} failed: {source}"),
            Self::Budget => f.write_str("the write budget `spool.daily_bytes` is used up for now"),
            Self::Busy => f.write_str("another process uses it"),
            Self::Foreign => f.write_str("the file is no spool of this format"),
            Self::Corrupt => f.write_str("nothing in it can be read, and emptying it did not help"),
        }
    }
}

impl std::error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Budget | Self::Busy | Self::Foreign | Self::Corrupt => None,
        }
    }
}

impl NorFlashError for SpoolError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl From<sequential_storage::Error<Self>> for SpoolError {
    fn from(error: sequential_storage::Error<Self>) -> Self {
        match error {
            sequential_storage::Error::Storage { value, .. } => value,
            // Frames have at most 518 bytes and every buffer here has room for them, so what is left means that what was read makes no sense.
            _ => Self::Corrupt,
        }
    }
}
