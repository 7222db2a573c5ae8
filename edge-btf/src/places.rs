//! The members that the sensors read, and where they are.

use edge_abi::{Holds, OFFSET_SLOTS, Offset};

use crate::offsets::{OffsetsError, OffsetsFile};
use crate::source::Source;
use crate::{Btf, BtfError, Wanted};

/// Where the members of [`Offset`] are in one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The kernel side's global `OFFSETS`: bytes plus one, by [`Offset::slot`]; 0 where the place is unknown.
    pub offsets: [u32; OFFSET_SLOTS],
}

impl Default for Places {
    fn default() -> Self {
        Self { offsets: [0; OFFSET_SLOTS] }
    }
}

impl Places {
    /// Reads them from a BTF, which may then be asked about `functions` too. A member that is of another size than the sensors read is as
    /// unknown as one that is not there.
    ///
    /// # Errors
    /// [`BtfError`] at the first field that cannot be.
    pub fn scan<'n, S: Source>(source: S, functions: &[&'n str]) -> Result<(Self, Btf<'n, S>), BtfError> {
        let members: Vec<(&str, &str)> =
            Offset::ALL.iter().map(|offset| (offset.structure(), offset.way())).collect();
        let mut btf = Btf::scan(source, &Wanted { members: &members, functions })?;
        let mut places = Self::default();
        for (slot, offset) in places.offsets.iter_mut().zip(Offset::ALL) {
            let Some(member) = btf.member(offset.structure(), offset.way())? else { continue };
            let fits = match offset.holds() {
                Holds::Bytes(bytes) => !member.pointer && member.bytes == bytes,
                Holds::Part => !member.pointer,
                Holds::Pointer => member.pointer,
            };
            if fits {
                *slot = member.offset.saturating_add(1);
            }
        }
        Ok((places, btf))
    }

    /// As an offsets file for the kernel with this build id.
    ///
    /// # Errors
    /// [`OffsetsError::Field`] for a build id or an offset that cannot be.
    pub fn to_file(&self, build_id: &[u8]) -> Result<OffsetsFile, OffsetsError> {
        let mut file = OffsetsFile::new(build_id)?;
        for (place, offset) in self.offsets.iter().zip(Offset::ALL) {
            if let Some(place) = place.checked_sub(1) {
                file.state(offset.structure(), offset.way(), place)?;
            }
        }
        Ok(file)
    }

    /// From an offsets file.
    #[must_use]
    pub fn of_file(file: &OffsetsFile) -> Self {
        let mut places = Self::default();
        for (slot, offset) in places.offsets.iter_mut().zip(Offset::ALL) {
            *slot = file.offset(offset.structure(), offset.way()).map_or(0, |place| place.saturating_add(1));
        }
        places
    }

    /// Where a member is, in bytes.
    #[must_use]
    pub fn of(&self, member: Offset) -> Option<u32> {
        self.offsets.get(member.slot()).and_then(|place| place.checked_sub(1))
    }

    /// The first member that the object sensors need and whose place is unknown.
    #[must_use]
    pub fn missing(&self) -> Option<Offset> {
        Offset::ALL.iter().copied().find(|member| member.is_needed() && self.of(*member).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brings_back_what_it_was_made_of() {
        let mut places = Places::default();
        for (slot, place) in places.offsets.iter_mut().zip(1..).take(Offset::ALL.len()) {
            *slot = place * 8 + 1;
        }
        assert_eq!(places.missing(), None);
        assert_eq!(Places::of_file(&places.to_file(&[1; 20]).unwrap()), places);
        places.offsets[Offset::InodeIno.slot()] = 0;
        let read = Places::of_file(&places.to_file(&[1; 20]).unwrap());
        assert_eq!((read, read.missing()), (places, Some(Offset::InodeIno)));
    }
}
