//! The few facts of an ELF file that xtask asserts: its machine, whether it needs an interpreter, its section names.

use anyhow::{Context, Result, bail, ensure};

/// `e_machine` of 32-bit ARM.
pub(crate) const EM_ARM: u16 = 40;
/// `e_machine` of 64-bit ARM.
pub(crate) const EM_AARCH64: u16 = 183;
/// `e_machine` of BPF.
pub(crate) const EM_BPF: u16 = 247;

/// Program header type: path of the dynamic loader. A static program has none.
const PT_INTERP: u32 = 3;

/// `SHF_EXECINSTR`: the section holds instructions.
const SHF_EXECINSTR: usize = 4;
/// BPF `call` whose source register says that it calls another BPF function.
const BPF_CALL: u8 = 0x85;
/// `BPF_PSEUDO_CALL`, in the upper half of the second byte.
const BPF_PSEUDO_CALL: u8 = 1;

/// What is read from an ELF header and its tables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elf {
    /// `e_machine`.
    pub(crate) machine: u16,
    /// Whether the kernel would start a dynamic loader for it.
    pub(crate) interpreted: bool,
    /// Section names in the order of the section table.
    pub(crate) sections: Vec<String>,
    /// Calls of BPF functions in sections other than `.text`, where the functions lie; only told of 64-bit files.
    pub(crate) bpf_calls: usize,
}

impl Elf {
    /// Whether it starts by itself: no loader is asked for, and nothing is left for one to do.
    pub(crate) fn is_static(&self) -> bool {
        !self.interpreted && !self.sections.iter().any(|name| name == ".dynamic")
    }

    /// Reads a little-endian ELF file of either class.
    ///
    /// # Errors
    /// Bytes that are no such file, or tables that point outside of it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        ensure!(bytes.starts_with(b"\x7fELF"), "not an ELF file");
        let class = bytes.get(4).copied();
        ensure!(bytes.get(5) == Some(&1), "not little-endian");
        let file = Reader { bytes, wide: class == Some(2) };
        if !matches!(class, Some(1 | 2)) {
            bail!("ELF class {class:?} is neither 32 nor 64 bits");
        }
        let (segments, sections) = if file.wide { (0x20, 0x28) } else { (0x1c, 0x20) };
        // e_phentsize .. e_shstrndx are six half-words at the end of the header.
        let tail = if file.wide { 0x36 } else { 0x2a };
        let interpreted = file.interpreted(file.word(segments)?, file.half(tail)?, file.half(tail + 2)?)?;
        let table =
            Table { at: file.word(sections)?, step: file.half(tail + 4)?, count: file.half(tail + 6)? };
        let names = file.section_names(&table, file.half(tail + 8)?)?;
        let machine = file.half(0x12)?;
        let bpf_calls = if machine == EM_BPF && file.wide { file.bpf_calls(&table, &names)? } else { 0 };
        Ok(Self { machine, interpreted, sections: names, bpf_calls })
    }
}

/// Place and shape of the section table.
struct Table {
    /// File offset of the first entry.
    at: usize,
    /// Bytes per entry.
    step: u16,
    /// Number of entries.
    count: u16,
}

/// Bounds-checked reads from the file.
struct Reader<'a> {
    /// The whole file.
    bytes: &'a [u8],
    /// 64-bit class: addresses and offsets take eight bytes.
    wide: bool,
}

impl Reader<'_> {
    /// `N` bytes at `at`.
    fn take<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let end = at.checked_add(N).context("offset overflows")?;
        let bytes = self.bytes.get(at..end).with_context(|| format!("file ends before byte {end}"))?;
        Ok(bytes.try_into()?)
    }

    /// A 16-bit value.
    fn half(&self, at: usize) -> Result<u16> {
        Ok(u16::from_le_bytes(self.take(at)?))
    }

    /// A 32-bit value.
    fn int(&self, at: usize) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take(at)?))
    }

    /// A value as wide as an address of the class.
    fn word(&self, at: usize) -> Result<usize> {
        Ok(if self.wide {
            u64::from_le_bytes(self.take(at)?).try_into()?
        } else {
            self.int(at)?.try_into()?
        })
    }

    /// Whether one of the `count` program headers names an interpreter.
    fn interpreted(&self, at: usize, step: u16, count: u16) -> Result<bool> {
        for index in 0..usize::from(count) {
            if self.int(at.saturating_add(index * usize::from(step)))? == PT_INTERP {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts the calls of BPF functions in programs.
    fn bpf_calls(&self, table: &Table, names: &[String]) -> Result<usize> {
        let mut calls = 0;
        for (index, name) in (0..table.count).zip(names) {
            let header = table.at.saturating_add(usize::from(index) * usize::from(table.step));
            let flags = self.word(header.saturating_add(0x08))?;
            if flags & SHF_EXECINSTR == 0 || name == ".text" {
                continue;
            }
            let start = self.word(header.saturating_add(0x18))?;
            let length = self.word(header.saturating_add(0x20))?;
            let end = start.saturating_add(length);
            let code = self.bytes.get(start..end).context("program outside of the file")?;
            let is_call =
                |step: &&[u8]| matches!(step, [BPF_CALL, registers, ..] if registers >> 4 == BPF_PSEUDO_CALL);
            calls += code.chunks_exact(8).filter(is_call).count();
        }
        Ok(calls)
    }

    /// The names of all sections; `strings` is the index of the section that holds them.
    fn section_names(&self, table: &Table, strings: u16) -> Result<Vec<String>> {
        if table.count == 0 {
            return Ok(Vec::new());
        }
        let header = |index: u16| table.at.saturating_add(usize::from(index) * usize::from(table.step));
        let offset_field = if self.wide { 0x18 } else { 0x10 };
        let text = self.word(header(strings).saturating_add(offset_field))?;
        (0..table.count)
            .map(|index| {
                let start = text.saturating_add(usize::try_from(self.int(header(index))?)?);
                let rest = self.bytes.get(start..).context("section name outside of the file")?;
                let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                Ok(String::from_utf8_lossy(name).into_owned())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit file: header, one program header of `segment` type, two sections named "" and ".BTF".
    fn wide(segment: u32) -> Vec<u8> {
        let mut bytes = vec![0_u8; 0x40 + 0x38 + 2 * 0x40];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x12..0x14].copy_from_slice(&EM_BPF.to_le_bytes());
        bytes[0x20..0x28].copy_from_slice(&0x40_u64.to_le_bytes());
        bytes[0x28..0x30].copy_from_slice(&0x78_u64.to_le_bytes());
        for (index, value) in [0x38_u16, 1, 0x40, 2, 1].into_iter().enumerate() {
            bytes[0x36 + 2 * index..0x38 + 2 * index].copy_from_slice(&value.to_le_bytes());
        }
        bytes[0x40..0x44].copy_from_slice(&segment.to_le_bytes());
        let strings = 0x78 + 0x40;
        bytes[strings..strings + 4].copy_from_slice(&1_u32.to_le_bytes());
        let end = bytes.len() as u64;
        bytes[strings + 0x18..strings + 0x20].copy_from_slice(&end.to_le_bytes());
        bytes.extend_from_slice(b"\0.BTF\0");
        bytes
    }

    #[test]
    fn names_and_machine_are_read() {
        let elf = Elf::parse(&wide(1)).unwrap();
        assert_eq!(
            elf,
            Elf {
                machine: EM_BPF,
                interpreted: false,
                sections: vec![String::new(), ".BTF".to_owned()],
                bpf_calls: 0
            }
        );
    }

    #[test]
    fn an_interpreter_is_seen() {
        let elf = Elf::parse(&wide(PT_INTERP)).unwrap();
        assert!(elf.interpreted && !elf.is_static());
    }

    #[test]
    fn what_a_loader_would_have_to_link_is_not_static() {
        let mut elf = Elf::parse(&wide(1)).unwrap();
        assert!(elf.is_static());
        elf.sections.push(".dynamic".to_owned());
        assert!(!elf.is_static());
    }

    #[test]
    fn calls_of_bpf_functions_are_counted() {
        let object = include_bytes!("../../edge-ebpf/dist/edge-ebpf.o");
        assert_eq!(Elf::parse(object).unwrap().bpf_calls, 0);
        // A helper's `call` made one of a function, by its source register.
        let mut changed = object.to_vec();
        let helper = changed.windows(2).position(|pair| pair == [BPF_CALL, 0]).unwrap();
        changed[helper + 1] = BPF_PSEUDO_CALL << 4;
        assert_eq!(Elf::parse(&changed).unwrap().bpf_calls, 1);
    }

    #[test]
    fn every_truncation_is_an_error_not_a_panic() {
        let whole = wide(1);
        for length in 0..whole.len() - 6 {
            assert!(Elf::parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn this_test_program_is_an_elf_file_of_this_machine() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        assert!(elf.sections.iter().any(|name| name == ".text"));
    }
}
