//! Offsets files: what BTF says, for kernels that carry none, made when the image is built and bound to that kernel's build id.
//!
//! All numbers are little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `EDGEOFFS` |
//! | 2 | version of this format: 1 |
//! | 2 | bytes of the build id, 1 to 32 |
//! | 4 | number of entries, at most 256 |
//! | n | build id of the kernel that the offsets are of |
//! | 12 each | FNV-1a (64 bits) of `struct.member`, and the member's offset in bytes (32 bits) |
//! | 8 | FNV-1a (64 bits) of all bytes before |
//!
//! Entries are found by name, so a file serves agents that ask for more or fewer members than it holds. The checksum guards against
//! damage, not against an author who means harm: whoever may write this file may replace the agent.

use core::fmt;

use crate::scan::hash;

/// Longest build id: SHA-256; usual are 20 bytes.
pub const BUILD_ID_BYTES: usize = 32;
/// Most entries of a file.
pub const MAX_ENTRIES: usize = 256;
/// Largest offset that is taken for one; the largest structs of the kernel have some 20 KB.
const MAX_OFFSET: u32 = 0xffff;
/// What a file begins with.
const MAGIC: [u8; 8] = *b"EDGEOFFS";
/// The only version there is.
const VERSION: u16 = 1;

/// Why an offsets file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffsetsError {
    /// Damaged.
    Checksum {
        /// What the file states.
        stated: u64,
        /// What it should state.
        computed: u64,
    },
    /// A field's value is outside its limits.
    Field {
        /// Which.
        field: &'static str,
        /// What it holds.
        value: u64,
        /// The largest it may hold.
        limit: u64,
    },
    /// No offsets file.
    Magic,
    /// Made for another kernel.
    OtherKernel {
        /// The build id in the file, in hexadecimal.
        file: String,
        /// That of the kernel that runs.
        running: String,
    },
    /// Shorter, or longer, than it states.
    Size {
        /// Bytes there are.
        value: u64,
        /// Bytes there should be.
        limit: u64,
    },
    /// A version that is not known.
    Version {
        /// The version found.
        value: u16,
        /// The version known.
        known: u16,
    },
}

impl fmt::Display for OffsetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum { stated, computed } => {
                write!(f, "checksum is {stated:#018x}, {computed:#018x} would be right: the file is damaged")
            }
            Self::Field { field, value, limit } => {
                write!(f, "{field} is {value}, possible is 1 to {limit}")
            }
            Self::Magic => f.write_str("is no offsets file: it does not begin with EDGEOFFS"),
            Self::OtherKernel { file, running } => {
                write!(f, "is of the kernel with build id {file}, but {running} runs")
            }
            Self::Size { value, limit } => write!(f, "size is {value} bytes, its header says {limit}"),
            Self::Version { value, known } => write!(f, "version is {value}, {known} is known"),
        }
    }
}

impl std::error::Error for OffsetsError {}

/// What an offsets file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsFile {
    /// Build id of the kernel it is of, 1 to [`BUILD_ID_BYTES`] bytes.
    build_id: Vec<u8>,
    /// Hash of `struct.member`, and offset in bytes; at most [`MAX_ENTRIES`].
    entries: Vec<(u64, u32)>,
}

impl OffsetsFile {
    /// A file without entries for the kernel with this build id.
    ///
    /// # Errors
    /// [`OffsetsError::Field`] for a build id of no or too many bytes.
    pub fn new(build_id: &[u8]) -> Result<Self, OffsetsError> {
        within("bytes of the build id", build_id.len(), BUILD_ID_BYTES)?;
        Ok(Self { build_id: build_id.to_vec(), entries: Vec::new() })
    }

    /// Adds a member. What was stated of it before is replaced.
    ///
    /// # Errors
    /// [`OffsetsError::Field`] when the offset is impossible or the file full.
    pub fn state(&mut self, structure: &str, way: &str, offset: u32) -> Result<(), OffsetsError> {
        if offset > MAX_OFFSET {
            let (value, limit) = (offset.into(), MAX_OFFSET.into());
            return Err(OffsetsError::Field { field: "an offset", value, limit });
        }
        let key = key(structure, way);
        self.entries.retain(|(known, _)| *known != key);
        within("number of entries", self.entries.len() + 1, MAX_ENTRIES)?;
        self.entries.push((key, offset));
        Ok(())
    }

    /// The offset of a member in bytes, if the file states it.
    #[must_use]
    pub fn offset(&self, structure: &str, way: &str) -> Option<u32> {
        let key = key(structure, way);
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, offset)| *offset)
    }

    /// How many members the file states.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it states none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Refuses the file for another kernel than its own.
    ///
    /// # Errors
    /// [`OffsetsError::OtherKernel`].
    pub fn check_kernel(&self, running: &[u8]) -> Result<(), OffsetsError> {
        if self.build_id == running {
            return Ok(());
        }
        Err(OffsetsError::OtherKernel { file: hex(&self.build_id), running: hex(running) })
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size(self.build_id.len(), self.entries.len()));
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.build_id.len() as u16).to_le_bytes());
        bytes.extend((self.entries.len() as u32).to_le_bytes());
        bytes.extend(&self.build_id);
        for (key, offset) in &self.entries {
            bytes.extend(key.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.extend(hash(&bytes).to_le_bytes());
        bytes
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`OffsetsError`] at the first field that cannot be.
    pub fn decode(bytes: &[u8]) -> Result<Self, OffsetsError> {
        let too_short = |limit: usize| OffsetsError::Size { value: bytes.len() as u64, limit: limit as u64 };
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(OffsetsError::Magic)?;
        if *magic != MAGIC {
            return Err(OffsetsError::Magic);
        }
        let (head, rest) = rest.split_first_chunk::<8>().ok_or(too_short(size(1, 0)))?;
        let [a, b, c, d, count @ ..] = *head;
        let value = u16::from_le_bytes([a, b]);
        if value != VERSION {
            return Err(OffsetsError::Version { value, known: VERSION });
        }
        let id_bytes = usize::from(u16::from_le_bytes([c, d]));
        within("bytes of the build id", id_bytes, BUILD_ID_BYTES)?;
        let count = u32::from_le_bytes(count) as usize;
        within("number of entries", count, MAX_ENTRIES)?;
        let stated = size(id_bytes, count);
        if bytes.len() != stated {
            return Err(too_short(stated));
        }
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(too_short(stated))?;
        let (stated_sum, computed) = (u64::from_le_bytes(*sum), hash(body));
        if stated_sum != computed {
            return Err(OffsetsError::Checksum { stated: stated_sum, computed });
        }
        let (build_id, entries) = rest.split_at_checked(id_bytes).ok_or(too_short(stated))?;
        let mut file = Self { build_id: build_id.to_vec(), entries: Vec::with_capacity(count) };
        for entry in entries.chunks_exact(12).take(count) {
            let (key, offset) = entry.split_first_chunk::<8>().ok_or(too_short(stated))?;
            let offset = offset.first_chunk().map_or(0, |offset| u32::from_le_bytes(*offset));
            if offset > MAX_OFFSET {
                let (value, limit) = (offset.into(), MAX_OFFSET.into());
                return Err(OffsetsError::Field { field: "an offset", value, limit });
            }
            file.entries.push((u64::from_le_bytes(*key), offset));
        }
        Ok(file)
    }
}

/// Bytes of a file.
const fn size(id: usize, entries: usize) -> usize {
    16 + id + 12 * entries + 8
}

/// How a member is named in a file.
fn key(structure: &str, way: &str) -> u64 {
    hash(format!("{structure}.{way}").as_bytes())
}

/// Refuses a number outside 1 to `limit`.
fn within(field: &'static str, value: usize, limit: usize) -> Result<(), OffsetsError> {
    if (1..=limit).contains(&value) {
        return Ok(());
    }
    Err(OffsetsError::Field { field, value: value as u64, limit: limit as u64 })
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "none".into();
    }
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> OffsetsFile {
        let mut file = OffsetsFile::new(&[7; 20]).unwrap();
        file.state("inode", "i_ino", 64).unwrap();
        file.state("dentry", "d_name.len", 36).unwrap();
        file.state("inode", "i_ino", 72).unwrap();
        file
    }

    #[test]
    fn what_was_stated_is_read_again() {
        let read = OffsetsFile::decode(&file().encode()).unwrap();
        assert_eq!(read, file());
        assert_eq!(
            (read.offset("inode", "i_ino"), read.offset("dentry", "d_name.len")),
            (Some(72), Some(36))
        );
        assert_eq!(read.offset("inode", "i_mode"), None);
        assert_eq!(read.check_kernel(&[7; 20]), Ok(()));
        let error = read.check_kernel(&[8; 2]).unwrap_err();
        assert!(error.to_string().ends_with("07, but 0808 runs"), "{error}");
    }

    #[test]
    fn every_truncation_and_every_changed_byte_is_refused() {
        let bytes = file().encode();
        for length in 0..bytes.len() {
            assert!(OffsetsFile::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                assert!(OffsetsFile::decode(&damaged).is_err(), "byte {index}, bit {bit}");
            }
        }
        assert!(OffsetsFile::decode(&[&bytes[..], &[0]].concat()).is_err(), "one byte more");
    }

    #[test]
    fn an_error_names_field_value_and_limit() {
        let mut bytes = file().encode();
        bytes[8] = 2;
        let error = OffsetsFile::decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "version is 2, 1 is known");
        bytes[8] = 1;
        bytes[10] = 33;
        let error = OffsetsFile::decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "bytes of the build id is 33, possible is 1 to 32");
        assert!(OffsetsFile::new(&[]).is_err() && file().state("a", "b", 0x1_0000).is_err());
    }
}
