//! The header: where types and strings lie.

use crate::BtfError;
use crate::source::{Source, Window};

/// `BTF_MAGIC`.
const MAGIC: u16 = 0xeb9f;
/// `BTF_VERSION`.
const VERSION: u8 = 1;
/// `sizeof(struct btf_header)` from Linux 4.18 to 7.0. Later ones append the place of a layout section.
const HEADER_BYTES: u32 = 24;
/// With the layout section's place.
const LONG_HEADER_BYTES: u32 = 32;
/// A header longer than this is none.
const MAX_HEADER: u32 = 4096;

/// A part of the BTF, in bytes from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// First byte.
    pub(crate) start: u64,
    /// First byte behind it.
    pub(crate) end: u64,
}

/// Where everything lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Types, one record after the other.
    pub(crate) types: Section,
    /// Strings, each with a NUL; the first one is empty.
    pub(crate) strings: Section,
    /// How long the records of each kind are; empty before Linux 7.1.
    pub(crate) layout: Section,
}

impl Header {
    /// Reads and checks it.
    pub(crate) fn read(source: &impl Source, window: &mut Window) -> Result<Self, BtfError> {
        let size = source.size();
        let start: [u8; 8] = window.array(source, "header", 0, size)?;
        let [low, high, version, _flags, length @ ..] = start;
        let magic = u16::from_ne_bytes([low, high]);
        if magic == MAGIC.swap_bytes() {
            return Err(BtfError::OtherByteOrder);
        }
        if magic != MAGIC {
            return Err(BtfError::Magic { value: magic });
        }
        if version != VERSION {
            return Err(BtfError::Version { value: version });
        }
        let length = u32::from_ne_bytes(length);
        if length < HEADER_BYTES {
            let (at, need) = (0, u64::from(HEADER_BYTES));
            return Err(BtfError::Truncated { field: "header length", at, need, end: length.into() });
        }
        if length > MAX_HEADER {
            let (value, limit) = (length.into(), MAX_HEADER.into());
            return Err(BtfError::Field { field: "header length", at: 4, value, limit });
        }
        let mut section = |name, at| -> Result<Section, BtfError> {
            let place: [u8; 8] = window.array(source, "header", at, size)?;
            let [a, b, c, d, rest @ ..] = place;
            let (offset, bytes) = (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes(rest));
            let start = u64::from(length) + u64::from(offset);
            let end = start + u64::from(bytes);
            if end > size {
                return Err(BtfError::Field { field: name, at, value: end, limit: size });
            }
            Ok(Section { start, end })
        };
        let types = section("end of types", 8)?;
        let strings = section("end of strings", 16)?;
        let layout = if length >= LONG_HEADER_BYTES {
            section("end of layouts", 24)?
        } else {
            Section { start: 0, end: 0 }
        };
        Ok(Self { types, strings, layout })
    }
}
