//! What is needed of a `vmlinux`: its `.BTF` section and its build id. ELF of 32 and 64 bits, in the machine's byte order.

use core::fmt;

use crate::BtfError;
use crate::header::Section;
use crate::offsets::BUILD_ID_BYTES;
use crate::source::{Part, Source, Window};

/// Most sections of a file; a `vmlinux` has some 50.
const MAX_SECTIONS: u64 = 4096;
/// Longest note section that is looked at; that of a `vmlinux` has some 100 bytes.
const MAX_NOTES: u64 = 64 * 1024;
/// `SHT_NOTE`.
const NOTE: u32 = 7;
/// `NT_GNU_BUILD_ID`.
const BUILD_ID: u32 = 3;

/// Why a `vmlinux` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// A field lies beyond the end of the file, or the file cannot be read.
    Bytes(BtfError),
    /// The file is no ELF file of this byte order.
    NoElf,
    /// It has no section of this name.
    NoSection(&'static str),
    /// It has more sections than any kernel.
    Sections {
        /// How many it states.
        value: u64,
        /// Most that are looked at.
        limit: u64,
    },
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(error) => error.fmt(f),
            Self::NoElf => f.write_str("is no uncompressed vmlinux (ELF) of this byte order"),
            Self::NoSection(name) => {
                write!(f, "has no {name}; was the kernel built with CONFIG_DEBUG_INFO_BTF=y?")
            }
            Self::Sections { value, limit } => {
                write!(f, "number of sections is {value}, at most {limit} is possible")
            }
        }
    }
}

impl std::error::Error for ElfError {}

impl From<BtfError> for ElfError {
    fn from(error: BtfError) -> Self {
        Self::Bytes(error)
    }
}

/// What was found in a `vmlinux`.
#[derive(Debug)]
pub struct Vmlinux<S> {
    /// The BTF within it.
    pub btf: Part<S>,
    /// Its build id (`CONFIG_BUILD_SALT` and the linker's `--build-id`); empty when it has none.
    pub build_id: Vec<u8>,
}

/// Where a header's fields lie, by word size.
struct Shape {
    /// Whether words have 64 bits.
    wide: bool,
}

impl<S: Source> Vmlinux<S> {
    /// Looks for both.
    ///
    /// # Errors
    /// [`ElfError`].
    pub fn find(source: S) -> Result<Self, ElfError> {
        let mut window = Window::new();
        let size = source.size();
        let ident: [u8; 6] =
            window.array(&source, "ELF identification", 0, size).map_err(|_| ElfError::NoElf)?;
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order] = ident else { return Err(ElfError::NoElf) };
        if order != if cfg!(target_endian = "little") { 1 } else { 2 } {
            return Err(ElfError::NoElf);
        }
        let shape = Shape { wide: class == 2 };
        let table = shape.word(&mut window, &source, if shape.wide { 0x28 } else { 0x20 })?;
        let at = if shape.wide { 0x3a } else { 0x2e };
        let mut half = |behind: u64| -> Result<u64, BtfError> {
            Ok(u16::from_ne_bytes(window.array(&source, "sections", at + behind, size)?).into())
        };
        let (each, count, names) = (half(0)?, half(2)?, half(4)?);
        if count > MAX_SECTIONS {
            return Err(ElfError::Sections { value: count, limit: MAX_SECTIONS });
        }
        let header = |number: u64| table.saturating_add(number.saturating_mul(each));
        let names = shape.section(&mut window, &source, header(names))?;
        let (mut btf, mut build_id) = (None, Vec::new());
        for number in 0..count {
            let [name, kind] = name_and_kind(&mut window, &source, header(number))?;
            let place = names.start.saturating_add(name.into());
            if window.array(&source, "name of a section", place, names.end) == Ok(*b".BTF\0") {
                btf = Some(shape.section(&mut window, &source, header(number))?);
            }
            if kind == NOTE && build_id.is_empty() {
                let notes = shape.section(&mut window, &source, header(number))?;
                build_id = build_id_of(&mut window, &source, notes)?;
            }
        }
        let btf = btf.ok_or(ElfError::NoSection(".BTF"))?;
        let btf = Part { whole: source, start: btf.start, bytes: btf.end - btf.start };
        Ok(Self { btf, build_id })
    }
}

impl Shape {
    /// A word at `at`.
    fn word(&self, window: &mut Window, source: &impl Source, at: u64) -> Result<u64, ElfError> {
        let end = source.size();
        Ok(if self.wide {
            u64::from_ne_bytes(window.array(source, "ELF header", at, end)?)
        } else {
            u32::from_ne_bytes(window.array(source, "ELF header", at, end)?).into()
        })
    }

    /// Where the section with the header at `at` lies.
    fn section(&self, window: &mut Window, source: &impl Source, at: u64) -> Result<Section, ElfError> {
        let (offset, bytes) = if self.wide { (0x18, 0x20) } else { (0x10, 0x14) };
        let start = self.word(window, source, at.saturating_add(offset))?;
        let need = self.word(window, source, at.saturating_add(bytes))?;
        match start.checked_add(need) {
            Some(end) if end <= source.size() => Ok(Section { start, end }),
            _ => Err(BtfError::Truncated { field: "section", at: start, need, end: source.size() }.into()),
        }
    }
}

/// `sh_name` and `sh_type` of the section header at `at`.
fn name_and_kind(window: &mut Window, source: &impl Source, at: u64) -> Result<[u32; 2], ElfError> {
    let [a, b, c, d, kind @ ..] = window.array::<8>(source, "section header", at, source.size())?;
    Ok([[a, b, c, d], kind].map(u32::from_ne_bytes))
}

/// The build id among the notes of a section; empty when it is not there.
fn build_id_of(window: &mut Window, source: &impl Source, notes: Section) -> Result<Vec<u8>, ElfError> {
    let mut bytes = Vec::new();
    let mut at = notes.start;
    while at < notes.end.min(notes.start + MAX_NOTES) {
        let piece = window.some(source, at, notes.end)?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(piece);
        at += piece.len() as u64;
    }
    Ok(build_id_of_notes(&bytes).unwrap_or_default())
}

/// The build id among ELF notes, such as those of the running kernel in `/sys/kernel/notes` (Linux 2.6.23).
#[must_use]
pub fn build_id_of_notes(mut notes: &[u8]) -> Option<Vec<u8>> {
    let padded = |length: u32| (length as usize).checked_next_multiple_of(4);
    while let Some((header, rest)) = notes.split_first_chunk::<12>() {
        let [name_bytes, bytes, kind] = crate::record::words(*header);
        let (name, rest) = rest.split_at_checked(padded(name_bytes)?)?;
        let id = rest.get(..bytes as usize)?;
        if kind == BUILD_ID && name == b"GNU\0" && (1..=BUILD_ID_BYTES).contains(&id.len()) {
            return Some(id.to_vec());
        }
        notes = rest.get(padded(bytes)?..).unwrap_or_default();
    }
    None
}
