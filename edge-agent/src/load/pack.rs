//! What `build.rs` does to the kernel object before it is deflated; here, so that it is tested.

/// Bytes of an instruction, and of most else in an object.
const STRIDE: usize = 8;

/// Bytes of a section's header in a 64-bit ELF file, and where its members lie (`Elf64_Shdr`).
const HEADER_BYTES: usize = 64;

/// First the first bytes of all instructions, then the second ones, and so on: alike bytes stand together then, and take a fifth less.
/// What is left over at the end stays as it is.
pub(super) fn planes(bytes: &[u8]) -> Vec<u8> {
    let (whole, rest) = bytes.split_at(bytes.len() / STRIDE * STRIDE);
    let plane = |offset: usize| whole.iter().skip(offset).step_by(STRIDE).copied();
    (0..STRIDE).flat_map(plane).chain(rest.iter().copied()).collect()
}

/// Empties the sections of an ELF object whose names begin with `begins`, and their relocations: they stay, without a name, a type or
/// bytes. For machines that can do nothing with what is in them.
///
/// # Errors
/// Which part of the object is not there.
pub(super) fn empty_sections(object: &mut [u8], begins: &str) -> Result<u32, &'static str> {
    let start = word(object, 0x28).ok_or("no place of the section headers")?;
    let count = half(object, 0x3c).ok_or("no number of sections")?;
    let names = half(object, 0x3e).ok_or("no section of names")?;
    let header = |index: usize| start + index * HEADER_BYTES;
    let names = word(object, header(names) + 0x18).ok_or("no names")?;
    let mut emptied = 0;
    for index in 0..count {
        let place = header(index);
        let name = four(object, place).ok_or("a section without a name")? as usize;
        let text = object.get(names + name..).unwrap_or_default();
        let text = text.strip_prefix(b".rel").unwrap_or(text);
        if !text.starts_with(begins.as_bytes()) {
            continue;
        }
        let at = word(object, place + 0x18).ok_or("a section without a place")?;
        let bytes = word(object, place + 0x20).ok_or("a section without a size")?;
        object.get_mut(at..at + bytes).ok_or("a section beyond the end")?.fill(0);
        // Name and type; then size.
        object.get_mut(place..place + 8).ok_or("a header beyond the end")?.fill(0);
        object.get_mut(place + 0x20..place + 0x28).ok_or("a header beyond the end")?.fill(0);
        emptied += 1;
    }
    Ok(emptied)
}

/// A number of eight bytes that is a place or a size.
fn word(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// A number of four bytes.
fn four(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A number of two bytes.
fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?).into())
}
