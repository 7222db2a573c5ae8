//! The two bytes before every postcard body, and what can be wrong with a payload.

use core::fmt;

use crate::DetectorId;

/// The schema this crate writes and reads. It stands outside the postcard body, because postcard cannot skip fields.
pub const SCHEMA_VERSION: u8 = 1;

/// Bytes before the body: schema version, kind.
pub(crate) const ENVELOPE: usize = 2;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A finding.
    Verdict = 1,
    /// Periodic health and books.
    Heartbeat = 2,
    /// Online, stopped or lost.
    Status = 3,
}

impl Kind {
    /// The kind numbered `raw`.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::Verdict),
            2 => Some(Self::Heartbeat),
            3 => Some(Self::Status),
            _ => None,
        }
    }
}

/// Why bytes are not a message, or a message does not become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The body ends early or holds an impossible length; the sender is at fault, or the payload was cut.
    Body {
        /// What was being read.
        kind: Kind,
        /// Bytes in the body.
        length: usize,
    },
    /// Fewer bytes than the envelope.
    Empty,
    /// The evidence is unknown or of another detector than the head names; a fault of the sender, only the encoder says so.
    Evidence(DetectorId),
    /// The message does not fit; a fault of ours, excluded by the sums in `max`.
    Full {
        /// Bytes that were available.
        limit: usize,
    },
    /// A kind of a newer schema.
    Kind(u8),
    /// More bytes than any message has.
    Oversize {
        /// Bytes received.
        length: usize,
        /// Most bytes a message has.
        limit: usize,
    },
    /// A schema version this reader does not speak.
    Version {
        /// Version received.
        found: u8,
        /// Version spoken.
        known: u8,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body { kind, length } => write!(out, "{kind:?} body of {length} bytes does not decode"),
            Self::Empty => write!(out, "payload is shorter than its envelope of {ENVELOPE} bytes"),
            Self::Evidence(detector) => write!(out, "evidence is not what detector {detector} gives"),
            Self::Full { limit } => write!(out, "message does not fit into {limit} bytes"),
            Self::Kind(raw) => write!(out, "message kind {raw} is unknown"),
            Self::Oversize { length, limit } => write!(out, "payload of {length} bytes exceeds {limit}"),
            Self::Version { found, known } => write!(out, "schema version {found} is not {known}"),
        }
    }
}

impl core::error::Error for WireError {}
