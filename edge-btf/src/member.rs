//! Where a member of a struct lies, through embedded and unnamed structs and unions.

use crate::record::{RECORD, Record, kind, words};
use crate::source::Source;
use crate::{Btf, BtfError};

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its first byte, from the beginning of the struct that was asked for.
    pub offset: u32,
    /// Its size in bytes; 0 where that is not told, as of pointers.
    pub bytes: u32,
    /// Whether it is a pointer.
    pub pointer: bool,
}

/// Most `typedef`, `const` and the like on the way to a type.
const MODIFIERS: u32 = 32;

/// Deepest nesting of unnamed structs and unions.
const NESTING: u32 = 16;

/// Most members looked at for one answer; `task_struct` has some 300.
const LOOKS: u32 = 20_000;

/// A member found in one struct.
struct Place {
    /// Its first bit, from the beginning of that struct.
    bit: u64,
    /// Its type.
    id: u32,
    /// Whether it is a bit field.
    is_bits: bool,
}

impl<S: Source> Btf<'_, S> {
    /// A member of `structure`: `way` names it, and the embedded structs it lies in, with dots between (`d_name.len`). Unnamed
    /// structs and unions are passed without being named.
    ///
    /// `None` when there is no such member, when it is a bit field, when the struct has several definitions that do not agree
    /// about it, or when the scan did not look for it.
    ///
    /// # Errors
    /// [`BtfError`] at the first field that cannot be.
    pub fn member(&mut self, structure: &str, way: &str) -> Result<Option<Member>, BtfError> {
        let mut answer = None;
        for (index, at) in self.definitions(structure).into_iter().enumerate() {
            let found = self.member_of(at, way)?;
            if index > 0 && found != answer {
                return Ok(None);
            }
            answer = found;
        }
        Ok(answer)
    }

    /// Bytes of a struct; `None` under the same conditions.
    ///
    /// # Errors
    /// [`BtfError`] at the first field that cannot be.
    pub fn size(&mut self, structure: &str) -> Result<Option<u32>, BtfError> {
        let mut answer = None;
        for (index, at) in self.definitions(structure).into_iter().enumerate() {
            let found = Some(self.record_at(at)?.size_or_type);
            if index > 0 && found != answer {
                return Ok(None);
            }
            answer = found;
        }
        Ok(answer)
    }

    /// A member of the struct that begins at `at`.
    fn member_of(&mut self, at: u64, way: &str) -> Result<Option<Member>, BtfError> {
        let mut record = self.record_at(at)?;
        let (mut bit, mut looks) = (0_u64, LOOKS);
        let mut names = way.split('.').peekable();
        while let Some(name) = names.next() {
            if !record.is_aggregate() {
                return Ok(None);
            }
            let Some(place) = self.place(&record, name, NESTING, &mut looks)? else { return Ok(None) };
            bit += place.bit;
            let Some(next) = self.resolve(place.id)? else { return Ok(None) };
            if names.peek().is_none() {
                let Ok(offset) = u32::try_from(bit / 8) else { return Ok(None) };
                let bytes = self.bytes(&next)?;
                let whole = !place.is_bits && bit % 8 == 0;
                return Ok(whole.then_some(Member { offset, bytes, pointer: next.kind == kind::PTR }));
            }
            record = next;
        }
        Ok(None)
    }

    /// Looks for a member in a struct or union, and in those within it that have no name.
    fn place(
        &mut self,
        record: &Record,
        name: &str,
        nesting: u32,
        looks: &mut u32,
    ) -> Result<Option<Place>, BtfError> {
        let end = self.header.types.end;
        let strings = self.header.strings.end - self.header.strings.start;
        for number in 0..record.count {
            let at = record.body + u64::from(number) * RECORD;
            *looks = looks.checked_sub(1).ok_or(BtfError::Field {
                field: "members of a struct",
                at,
                value: u64::from(LOOKS) + 1,
                limit: LOOKS.into(),
            })?;
            let [named, id, place] = words(self.types.array::<12>(&self.source, "member", at, end)?);
            if u64::from(named) >= strings {
                let limit = strings.saturating_sub(1);
                return Err(BtfError::Field { field: "name of a member", at, value: named.into(), limit });
            }
            let (bit, is_bits) =
                if record.flag { (place & 0x00ff_ffff, place >> 24 != 0) } else { (place, false) };
            let bit = u64::from(bit);
            if self.is_named(named, name) {
                return Ok(Some(Place { bit, id, is_bits }));
            }
            if named != 0 {
                continue;
            }
            let Some(inner) = self.resolve(id)?.filter(Record::is_aggregate) else { continue };
            let nesting =
                nesting.checked_sub(1).ok_or(BtfError::Depth { field: "nesting", id, limit: NESTING })?;
            if let Some(found) = self.place(&inner, name, nesting, looks)? {
                return Ok(Some(Place { bit: bit + found.bit, ..found }));
            }
        }
        Ok(None)
    }

    /// The type behind `typedef`, `const` and the like; `None` for `void`.
    pub(crate) fn resolve(&mut self, id: u32) -> Result<Option<Record>, BtfError> {
        let mut next = id;
        for _ in 0..MODIFIERS {
            match self.record(next)? {
                Some(record) if record.is_modifier() => next = record.size_or_type,
                other => return Ok(other),
            }
        }
        Err(BtfError::Depth { field: "chain of modifiers", id, limit: MODIFIERS })
    }

    /// Bytes of a type; 0 where it is not told.
    fn bytes(&mut self, record: &Record) -> Result<u32, BtfError> {
        use kind::{ARRAY, ENUM, ENUM64, FLOAT, INT, STRUCT, UNION};
        let (mut record, mut times) = (*record, 1_u32);
        for _ in 0..NESTING {
            match record.kind {
                INT | STRUCT | UNION | ENUM | ENUM64 | FLOAT => {
                    return Ok(record.size_or_type.checked_mul(times).unwrap_or(0));
                }
                ARRAY => {
                    let (at, end) = (record.body, self.header.types.end);
                    let [id, _, count] = words(self.types.array(&self.source, "array", at, end)?);
                    times = times.checked_mul(count).unwrap_or(0);
                    let Some(element) = self.resolve(id)? else { return Ok(0) };
                    record = element;
                }
                _ => return Ok(0),
            }
        }
        Ok(0)
    }
}
