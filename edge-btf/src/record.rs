//! One type: `struct btf_type` and what follows it, by kind.

use crate::BtfError;
use crate::header::Header;
use crate::layout::Layout;
use crate::source::{Source, Window};

/// `BTF_KIND_*` of `include/uapi/linux/btf.h`, as far as this crate looks into them.
pub(crate) mod kind {
    pub(crate) const INT: u8 = 1;
    pub(crate) const PTR: u8 = 2;
    pub(crate) const ARRAY: u8 = 3;
    pub(crate) const STRUCT: u8 = 4;
    pub(crate) const UNION: u8 = 5;
    pub(crate) const ENUM: u8 = 6;
    pub(crate) const FWD: u8 = 7;
    pub(crate) const TYPEDEF: u8 = 8;
    pub(crate) const VOLATILE: u8 = 9;
    pub(crate) const CONST: u8 = 10;
    pub(crate) const RESTRICT: u8 = 11;
    pub(crate) const FUNC: u8 = 12;
    pub(crate) const FUNC_PROTO: u8 = 13;
    pub(crate) const FLOAT: u8 = 16;
    pub(crate) const TYPE_TAG: u8 = 18;
    pub(crate) const ENUM64: u8 = 19;
}

/// Bytes of `struct btf_type`.
pub(crate) const RECORD: u64 = 12;

/// A type's own record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its name in the strings; 0 is none.
    pub(crate) name: u32,
    /// One of [`kind`].
    pub(crate) kind: u8,
    /// What the kind uses it for: whether members have bit sizes, and so on.
    pub(crate) flag: bool,
    /// How many members, parameters or values follow.
    pub(crate) count: u32,
    /// Size in bytes, or the type referred to, by kind.
    pub(crate) size_or_type: u32,
    /// Where what follows begins.
    pub(crate) body: u64,
    /// Where the next record begins.
    pub(crate) next: u64,
}

impl Record {
    /// Reads the record at `at`. Everything that follows it lies before the end of the types.
    pub(crate) fn read(
        source: &impl Source,
        window: &mut Window,
        header: &Header,
        layout: &Layout,
        at: u64,
    ) -> Result<Self, BtfError> {
        let end = header.types.end;
        let [name, info, size_or_type] = words(window.array::<12>(source, "type", at, end)?);
        // The number of elements had 16 bits and the kind 5 before Linux 7.1, the bits between were 0.
        let (count, kind) = (info & 0x00ff_ffff, (info >> 24 & 0x7f) as u8);
        let strings = header.strings.end - header.strings.start;
        if u64::from(name) >= strings {
            let limit = strings.saturating_sub(1);
            return Err(BtfError::Field { field: "name of a type", at, value: name.into(), limit });
        }
        let (fixed, each) = layout.of(kind).ok_or(BtfError::Field {
            field: "kind of a type",
            at: at + 4,
            value: kind.into(),
            limit: layout.last().into(),
        })?;
        let body = at + RECORD;
        let need = u64::from(fixed) + u64::from(each) * u64::from(count);
        let next = body + need;
        if next > end {
            return Err(BtfError::Truncated { field: "elements of a type", at: body, need, end });
        }
        Ok(Self { name, kind, flag: info >> 31 != 0, count, size_or_type, body, next })
    }

    /// Whether it only refers to another type under the same size: `typedef`, `const` and the like.
    pub(crate) const fn is_modifier(&self) -> bool {
        use kind::{CONST, RESTRICT, TYPE_TAG, TYPEDEF, VOLATILE};
        matches!(self.kind, TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG)
    }

    /// Whether it has members.
    pub(crate) const fn is_aggregate(&self) -> bool {
        matches!(self.kind, kind::STRUCT | kind::UNION)
    }
}

/// Three words in the machine's byte order.
pub(crate) fn words(bytes: [u8; 12]) -> [u32; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    words
}
