//! Functions of the kernel by their number in its BTF (`include/uapi/linux/btf.h`), which programs attached to them are loaded
//! for. Read in a stream: a few kilobytes of memory, whatever the kernel's own size.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

/// The kernel's description of its types.
const PATH: &str = "/sys/kernel/btf/vmlinux";

/// `BTF_MAGIC`, in the byte order of this machine.
const MAGIC: u16 = 0xeb9f;

/// `BTF_KIND_FUNC`.
const FUNCTION: u32 = 12;

/// Functions that were found.
#[derive(Debug, Default)]
pub(super) struct Functions(Vec<(String, u32)>);

impl Functions {
    /// Looks for functions in the running kernel.
    pub(super) fn find(names: &[String]) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(PATH)?);
        let header = Header::read(&mut file)?;
        let wanted = header.names(&mut file, names)?;
        header.functions(&mut file, names, &wanted)
    }

    /// The number of a function.
    pub(super) fn number(&self, name: &str) -> Result<u32, String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, number)| *number).ok_or_else(|| format!("the kernel's BTF does not name {name}"))
    }
}

/// Where types and strings lie in the file.
struct Header {
    /// Begin and bytes of the types.
    types: (u64, u32),
    /// Begin and bytes of the strings.
    strings: (u64, u32),
}

impl Header {
    /// Reads `struct btf_header`.
    fn read(file: &mut impl Read) -> io::Result<Self> {
        let mut magic = [0; 4];
        file.read_exact(&mut magic)?;
        let [low, high, ..] = magic;
        if u16::from_ne_bytes([low, high]) != MAGIC {
            return Err(io::Error::other("not BTF"));
        }
        let length = word(file)?;
        let [types_at, types, strings_at, strings] = [word(file)?, word(file)?, word(file)?, word(file)?];
        let at = |offset: u32| u64::from(length) + u64::from(offset);
        Ok(Self { types: (at(types_at), types), strings: (at(strings_at), strings) })
    }

    /// Offsets of wanted names among the strings.
    fn names(&self, file: &mut BufReader<File>, names: &[String]) -> io::Result<Vec<(u32, usize)>> {
        file.seek(SeekFrom::Start(self.strings.0))?;
        let mut found = Vec::new();
        let (mut name, mut begin) = (Vec::new(), 0);
        for (at, byte) in file.take(u64::from(self.strings.1)).bytes().enumerate() {
            match byte? {
                0 => {
                    let index = names.iter().position(|wanted| wanted.as_bytes() == name);
                    found.extend(index.map(|index| (begin, index)));
                    name.clear();
                    begin = at as u32 + 1;
                }
                byte => name.push(byte),
            }
        }
        Ok(found)
    }

    /// Numbers of the functions of those names.
    fn functions(
        &self,
        file: &mut BufReader<File>,
        names: &[String],
        wanted: &[(u32, usize)],
    ) -> io::Result<Functions> {
        file.seek(SeekFrom::Start(self.types.0))?;
        let mut found = Vec::new();
        let mut left = i64::from(self.types.1);
        let mut number = 0;
        while left > 0 {
            number += 1;
            let [name, info, _] = [word(file)?, word(file)?, word(file)?];
            let more = i64::from(extra(info));
            if info >> 24 & 0x1f == FUNCTION
                && let Some((_, index)) = wanted.iter().find(|(offset, _)| *offset == name)
                && let Some(name) = names.get(*index)
            {
                found.push((name.clone(), number));
            }
            file.seek_relative(more)?;
            left -= 12 + more;
        }
        Ok(Functions(found))
    }
}

/// Bytes behind `struct btf_type`, by its kind and the number of its members.
fn extra(info: u32) -> u32 {
    let members = info & 0xffff;
    match info >> 24 & 0x1f {
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => 12 * members,
        6 | 13 => 8 * members,
        _ => 0,
    }
}

/// The next word.
fn word(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}
