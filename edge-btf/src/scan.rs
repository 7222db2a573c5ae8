//! The two passes: once through the strings, once through the types.

use crate::BtfError;
use crate::header::Header;
use crate::layout::Layout;
use crate::record::{Record, kind};
use crate::source::{Source, Window};

/// What a scan is to look for; nothing else can be asked for afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'w, 'n> {
    /// Members, each as the name of a struct and the way from it (`d_name.len`); an empty way asks for the struct alone.
    pub members: &'w [(&'n str, &'n str)],
    /// Functions.
    pub functions: &'w [&'n str],
}

/// Most strings and definitions that a scan remembers: more than all that is wanted, several times over.
const MAX_FOUND: usize = 2048;

/// A scanned BTF, see the crate's own description.
#[derive(Debug)]
pub struct Btf<'n, S> {
    /// Where it is read from.
    pub(crate) source: S,
    /// Where its parts lie.
    pub(crate) header: Header,
    /// How long its records are.
    pub(crate) layout: Layout,
    /// The window over types.
    pub(crate) types: Window,
    /// The window over strings.
    pub(crate) texts: Window,
    /// Where to begin when a type is looked for.
    index: Index,
    /// Every name that was asked for, ascending by hash.
    names: Vec<(u64, &'n str)>,
    /// Where those names are, ascending by place in the strings: place, and index into `names`.
    found: Vec<(u32, u32)>,
    /// The structs: index into `names`, and where each definition begins.
    structs: Vec<(u32, u64)>,
    /// The functions: index into `names`, and id.
    functions: Vec<(u32, u32)>,
}

impl<'n, S: Source> Btf<'n, S> {
    /// Looks for what is wanted.
    ///
    /// # Errors
    /// [`BtfError`] at the first field that cannot be.
    pub fn scan(source: S, wanted: &Wanted<'_, 'n>) -> Result<Self, BtfError> {
        let (mut types, texts) = (Window::new(), Window::new());
        let header = Header::read(&source, &mut types)?;
        let layout = Layout::read(&source, &mut types, header.layout)?;
        let ways = wanted.members.iter().flat_map(|(name, way)| way.split('.').chain([*name]));
        let mut names: Vec<(u64, &str)> =
            ways.chain(wanted.functions.iter().copied()).map(|name| (hash(name.as_bytes()), name)).collect();
        names.sort_unstable();
        names.dedup();
        let mut btf = Self {
            source,
            header,
            layout,
            types,
            texts,
            index: Index::new(),
            names,
            found: Vec::new(),
            structs: Vec::new(),
            functions: Vec::new(),
        };
        btf.find_names()?;
        btf.find_types()?;
        Ok(btf)
    }

    /// How many types there are.
    #[must_use]
    pub const fn types(&self) -> u32 {
        self.index.types
    }

    /// The id of a function, such as `bpf_lsm_file_open`; `None` when there is none, or more than one of that name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        let name = self.name(name)?;
        let mut ids = self.functions.iter().filter(|(known, _)| *known == name).map(|(_, id)| *id);
        ids.next().filter(|_| ids.next().is_none())
    }

    /// Where the definitions of a struct begin.
    pub(crate) fn definitions(&self, name: &str) -> Vec<u64> {
        let Some(name) = self.name(name) else { return Vec::new() };
        self.structs.iter().filter(|(known, _)| *known == name).map(|(_, at)| *at).collect()
    }

    /// The index of a name that was asked for.
    fn name(&self, name: &str) -> Option<u32> {
        let wanted = (hash(name.as_bytes()), name);
        self.names.binary_search(&wanted).ok().map(|index| index as u32)
    }

    /// Whether the string at this place is `name`, which was asked for.
    pub(crate) fn is_named(&self, place: u32, name: &str) -> bool {
        self.at(place).is_some_and(|found| Some(found) == self.name(name))
    }

    /// The index of the name at this place of the strings.
    fn at(&self, place: u32) -> Option<u32> {
        let index = self.found.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.found.get(index).map(|(_, name)| *name)
    }

    /// The record at this place.
    pub(crate) fn record_at(&mut self, at: u64) -> Result<Record, BtfError> {
        Record::read(&self.source, &mut self.types, &self.header, &self.layout, at)
    }

    /// The record with this id; `None` for 0, which is `void`.
    pub(crate) fn record(&mut self, id: u32) -> Result<Option<Record>, BtfError> {
        let Some(number) = id.checked_sub(1) else { return Ok(None) };
        let (value, limit) = (id.into(), self.index.types.into());
        let unknown = BtfError::Field { field: "a type's id", at: self.header.types.start, value, limit };
        if id > self.index.types {
            return Err(unknown);
        }
        let (place, skip) = self.index.before(number).ok_or(unknown)?;
        let mut record = self.record_at(self.header.types.start + u64::from(place))?;
        for _ in 0..skip {
            record = self.record_at(record.next)?;
        }
        Ok(Some(record))
    }

    /// Goes once through the strings and notes where the wanted ones are.
    fn find_names(&mut self) -> Result<(), BtfError> {
        let section = self.header.strings;
        let (mut at, mut start, mut state) = (section.start, section.start, HASH_START);
        while at < section.end {
            let piece = self.texts.some(&self.source, at, section.end)?;
            if piece.is_empty() {
                return Err(BtfError::Truncated { field: "strings", at, need: section.end - at, end: at });
            }
            let Some(length) = piece.iter().position(|byte| *byte == 0) else {
                state = extend(state, piece);
                at += piece.len() as u64;
                continue;
            };
            let text = piece.get(..length).unwrap_or_default();
            state = extend(state, text);
            at += length as u64 + 1;
            if let Some(name) = self.wanted(state, start, at)? {
                if self.found.len() == MAX_FOUND {
                    let (value, limit) = (MAX_FOUND as u64 + 1, MAX_FOUND as u64);
                    return Err(BtfError::Field { field: "repeated strings", at: start, value, limit });
                }
                self.found.push(((start - section.start) as u32, name));
            }
            (start, state) = (at, HASH_START);
        }
        if start == section.end { Ok(()) } else { Err(self.open_string(start)) }
    }

    /// The strings end within one.
    pub(crate) fn open_string(&self, start: u64) -> BtfError {
        let end = self.header.strings.end;
        BtfError::Truncated { field: "the end of a string", at: start, need: end - start + 1, end }
    }

    /// Which wanted name the string of this hash is, that begins at `start` and whose NUL lies before `behind`.
    fn wanted(&mut self, hash: u64, start: u64, behind: u64) -> Result<Option<u32>, BtfError> {
        let index = self.names.partition_point(|(known, _)| *known < hash);
        let Some((_, name)) = self.names.get(index).filter(|(known, _)| *known == hash) else {
            return Ok(None);
        };
        if behind - start != name.len() as u64 + 1 {
            return Ok(None);
        }
        for (at, byte) in (start..).zip(name.bytes()) {
            if self.texts.array(&self.source, "a string", at, behind)? != [byte] {
                return Ok(None);
            }
        }
        Ok(Some(index as u32))
    }

    /// Goes once through the types, checks every record, and notes wanted structs and functions.
    fn find_types(&mut self) -> Result<(), BtfError> {
        let section = self.header.types;
        let mut at = section.start;
        while at < section.end {
            let record = self.record_at(at)?;
            self.index.push((at - section.start) as u32);
            if matches!(record.kind, kind::STRUCT | kind::FUNC)
                && let Some(name) = self.at(record.name)
            {
                if self.structs.len() + self.functions.len() == MAX_FOUND {
                    let (value, limit) = (MAX_FOUND as u64 + 1, MAX_FOUND as u64);
                    return Err(BtfError::Field { field: "repeated types", at, value, limit });
                }
                if record.kind == kind::STRUCT {
                    self.structs.push((name, at));
                } else {
                    self.functions.push((name, self.index.types));
                }
            }
            at = record.next;
        }
        Ok(())
    }
}

/// Most places that the index remembers: 16 KiB.
const INDEX: usize = 4096;

/// Where every so many-th type begins.
#[derive(Debug)]
struct Index {
    /// Places, in bytes from the first type; at most [`INDEX`].
    places: Vec<u32>,
    /// Types from one place to the next; doubles when there are too many.
    stride: u32,
    /// Types so far.
    types: u32,
}

impl Index {
    /// Of no types.
    fn new() -> Self {
        Self { places: Vec::with_capacity(INDEX), stride: 1, types: 0 }
    }

    /// Adds the next type.
    fn push(&mut self, place: u32) {
        if self.types.is_multiple_of(self.stride) {
            if self.places.len() == INDEX {
                let mut number = 0_u32;
                self.places.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.stride *= 2;
            }
            // After the stride has doubled this type may lie between two places.
            if self.types.is_multiple_of(self.stride) {
                self.places.push(place);
            }
        }
        self.types += 1;
    }

    /// The last remembered place at or before the type of this number, and how many types to go on from there.
    fn before(&self, number: u32) -> Option<(u32, u32)> {
        let place = self.places.get((number / self.stride) as usize)?;
        Some((*place, number % self.stride))
    }
}

/// FNV-1a of 64 bits.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on with a hash.
fn extend(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The hash of a whole name.
pub(crate) fn hash(name: &[u8]) -> u64 {
    extend(HASH_START, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_again_however_many_there_are() {
        for types in [1, 4095, 4096, 4097, 8193, 70_001_u32] {
            let mut index = Index::new();
            (0..types).for_each(|number| index.push(number * 12));
            assert!(index.places.len() <= INDEX, "{}", index.places.len());
            for number in 0..types {
                let (place, skip) = index.before(number).unwrap();
                assert_eq!(place / 12 + skip, number, "of {types}");
                assert!(skip < index.stride, "of {types}");
            }
        }
    }
}
