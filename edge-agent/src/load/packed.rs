//! The kernel object, packed by `build.rs`: eight bytes of length, then raw deflate.

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
        let mut words = vec![0_u64; length.div_ceil(size_of::<u64>())];
        let room = bytemuck::cast_slice_mut(&mut words).get_mut(..length).unwrap_or_default();
        match decompress_slice_iter_to_slice(room, core::iter::once(deflated), false, true) {
            Ok(unpacked) if unpacked == length => Ok(Self { words, length }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_object_comes_back() {
        let object = Object::unpack().unwrap();
        assert_eq!(object.bytes(), include_bytes!("../../../edge-ebpf/dist/edge-ebpf.o"));
        assert!(PACKED.len() * 3 < object.length, "{} of {}", PACKED.len(), object.length);
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
