//! What is wrong with a BTF, by field, value and limit.

use core::fmt;
use std::io;

/// Why a BTF cannot be used. Compares with `==`, so an I/O error is its kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BtfError {
    /// Types refer to each other in a circle, or deeper than any real one.
    Depth {
        /// What was followed.
        field: &'static str,
        /// The type where it was given up.
        id: u32,
        /// Most steps.
        limit: u32,
    },
    /// A field's value is beyond its limit.
    Field {
        /// Which field of the format.
        field: &'static str,
        /// Its first byte, from the beginning of the BTF.
        at: u64,
        /// What it holds.
        value: u64,
        /// The largest value it may have.
        limit: u64,
    },
    /// The first two bytes are not BTF's.
    Magic {
        /// What they are.
        value: u16,
    },
    /// Made for machines of the other byte order.
    OtherByteOrder,
    /// Reading failed.
    Read {
        /// Where, in bytes from the beginning of the BTF.
        at: u64,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The BTF ends before a field does.
    Truncated {
        /// Which field.
        field: &'static str,
        /// Its first byte.
        at: u64,
        /// Bytes it needs.
        need: u64,
        /// Where what it lies in ends.
        end: u64,
    },
    /// A format that this reader does not know.
    Version {
        /// The version found; 1 is known.
        value: u8,
    },
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth { field, id, limit } => {
                write!(f, "{field} of type {id} does not end within {limit} steps")
            }
            Self::Field { field, at, value, limit } => {
                write!(f, "{field} at byte {at} is {value}, at most {limit} is possible")
            }
            Self::Magic { value } => write!(f, "begins with {value:#06x}, not with BTF's 0xeb9f"),
            Self::OtherByteOrder => f.write_str("is of the other byte order"),
            Self::Read { at, kind } => write!(f, "cannot be read at byte {at}: {kind}"),
            Self::Truncated { field, at, need, end } => {
                write!(f, "{field} at byte {at} needs {need} bytes, but ends at byte {end}")
            }
            Self::Version { value } => write!(f, "version is {value}, 1 is known"),
        }
    }
}

impl std::error::Error for BtfError {}
