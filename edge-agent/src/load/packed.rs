//! The kernel object, packed by `build.rs`: eight bytes of length, then raw deflate of its planes (see `pack.rs`).

use std::borrow::Cow;

use miniz_oxide::inflate::decompress_slice_iter_to_slice;

/// The object, built by `cargo xtask ebpf`, committed, and packed when the agent is built.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/edge-ebpf.o.deflate"));

/// Largest object that is unpacked; the one there is has a quarter of it.
const MOST: u64 = 2 * 1024 * 1024;

/// An unpacked object, aligned as its headers need.
#[derive(Debug)]
pub(super) struct Object {
    /// In words, for their alignment.
    words: Vec<u64>,
    /// Bytes of it that count.
    length: usize,
}

impl Object {
    /// Unpacks the object.
    ///
    /// # Errors
    /// What does not fit: the build is broken.
    pub(super) fn unpack() -> Result<Self, Cow<'static, str>> {
        Self::unpack_from(PACKED)
    }

    /// Unpacks any object.
    fn unpack_from(packed: &[u8]) -> Result<Self, Cow<'static, str>> {
        let (length, deflated) = packed.split_first_chunk().ok_or("packed object: no length")?;
        let length = u64::from_le_bytes(*length);
        if length > MOST {
            return Err(format!("packed object: length {length} is above {MOST}").into());
        }
        let length = length as usize;
        let mut planes = vec![0_u8; length];
        match decompress_slice_iter_to_slice(&mut planes, core::iter::once(deflated), false, true) {
            Ok(unpacked) if unpacked == length => Ok(Self { words: words(&planes), length }),
            Ok(unpacked) => {
                Err(format!("packed object: {unpacked} bytes are not the {length} announced").into())
            }
            Err(status) => Err(format!("packed object: not deflate ({status:?})").into()),
        }
    }

    /// The object's bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words).get(..self.length).unwrap_or_default()
    }
}

/// Words whose first bytes come first, then all second ones, and so on; what is left over at the end follows as it is.
fn words(planes: &[u8]) -> Vec<u64> {
    let whole = planes.len() / size_of::<u64>();
    let (planes, rest) = planes.split_at(whole * size_of::<u64>());
    let mut words = vec![0_u64; whole + usize::from(!rest.is_empty())];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    for (offset, plane) in planes.chunks_exact(whole.max(1)).enumerate() {
        let column = bytes.iter_mut().skip(offset).step_by(size_of::<u64>());
        column.zip(plane).for_each(|(place, byte)| *place = *byte);
    }
    bytes.iter_mut().skip(planes.len()).zip(rest).for_each(|(place, byte)| *place = *byte);
    words
}

#[cfg(test)]
#[path = "pack.rs"]
mod pack;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_object_comes_back() {
        let object = Object::unpack().unwrap();
        assert_eq!(object.bytes(), include_bytes!("../../../edge-ebpf/dist/edge-ebpf.o"));
        assert!(PACKED.len() * 5 < object.length, "{} of {}", PACKED.len(), object.length);
    }

    #[test]
    fn planes_come_together_again() {
        for length in [0, 1, 7, 8, 9, 16, 100] {
            let bytes: Vec<u8> = (0..length).collect();
            let again = words(&pack::planes(&bytes));
            assert_eq!(bytemuck::cast_slice::<_, u8>(&again).get(..bytes.len()), Some(bytes.as_slice()));
        }
    }

    #[test]
    fn what_one_machine_has_no_use_for_can_be_left_out() {
        let mut object = Object::unpack().unwrap().bytes().to_vec();
        let before = aya_obj::Object::parse(&object).unwrap();
        let upper = before
            .programs
            .values()
            .filter(|program| matches!(program.section, aya_obj::ProgramSection::Lsm { .. }));
        let (all, upper) = (before.programs.len(), upper.count());
        assert!(pack::empty_sections(&mut object, "lsm/").unwrap() >= 2);
        let words: Vec<u64> = object
            .chunks(8)
            .map(|bytes| {
                let mut word = [0; 8];
                word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                u64::from_ne_bytes(word)
            })
            .collect();
        let after = aya_obj::Object::parse(bytemuck::cast_slice(&words)).unwrap();
        assert_eq!(after.programs.len(), all - upper);
        assert!(pack::empty_sections(&mut object[..100], "lsm/").is_err());
    }

    #[test]
    fn what_is_broken_is_told() {
        let told = |bytes: &[u8]| Object::unpack_from(bytes).unwrap_err().into_owned();
        assert_eq!(told(b"1234567"), "packed object: no length");
        assert_eq!(told(&[0xff; 9]), "packed object: length 18446744073709551615 is above 2097152");
        assert!(told(&[8, 0, 0, 0, 0, 0, 0, 0, 0xff]).starts_with("packed object: not deflate"));
        let cut = PACKED.get(..PACKED.len() / 2).unwrap();
        assert!(Object::unpack_from(cut).is_err());
    }
}
