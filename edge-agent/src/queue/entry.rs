//! One encoded verdict on its way out.

use std::fmt;

/// The largest payload: the hard maximum of an encoded verdict.
pub const PAYLOAD_BYTES: usize = 512;

/// Severities: info, low, medium, high, critical.
pub const SEVERITIES: usize = 5;

/// An encoded verdict with what the queue must know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 0 (info) to 4 (critical).
    severity: u8,
    /// The verdict's sequence number within this boot.
    sequence: u32,
    /// The encoded verdict.
    payload: heapless::Vec<u8, PAYLOAD_BYTES>,
}

/// A payload that no entry can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length.
    pub bytes: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payload of {} bytes exceeds {PAYLOAD_BYTES}", self.bytes)
    }
}

impl std::error::Error for TooLong {}

impl Entry {
    /// An entry; a severity above critical counts as critical, because losing it would be the worse mistake.
    ///
    /// # Errors
    /// When `payload` exceeds [`PAYLOAD_BYTES`].
    pub fn new(severity: u8, sequence: u32, payload: &[u8]) -> Result<Self, TooLong> {
        let payload = heapless::Vec::from_slice(payload).map_err(|_| TooLong { bytes: payload.len() })?;
        Ok(Self { severity: severity.min(SEVERITIES as u8 - 1), sequence, payload })
    }

    /// 0 (info) to 4 (critical).
    #[must_use]
    pub fn severity(&self) -> u8 {
        self.severity
    }

    /// The verdict's sequence number.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The encoded verdict.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
