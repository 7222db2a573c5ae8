//! The smallest program there is: it ends at once with success. A flood of executions runs it, because starting an
//! ordinary one takes twice as long (in an arm64 guest 4.9 ms instead of 2.5 ms).

/// Where the program is loaded; its size is far below a page.
const BASE: u32 = 0x0001_0000;

/// `exit(0)`, the ELF machine number and whether the machine is 64-bit.
#[cfg(target_arch = "x86_64")]
const MACHINE: (&[u8], u16, bool) = (
    &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05], // mov eax, 60; xor edi, edi; syscall
    62,
    true,
);
/// `exit(0)`, the ELF machine number and whether the machine is 64-bit.
#[cfg(target_arch = "aarch64")]
const MACHINE: (&[u8], u16, bool) = (
    &[0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4], // mov x0, 0; mov x8, 93; svc 0
    183,
    true,
);
/// `exit(0)`, the ELF machine number and whether the machine is 64-bit.
#[cfg(target_arch = "arm")]
const MACHINE: (&[u8], u16, bool) = (
    &[0x00, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef], // mov r0, 0; mov r7, 1; svc 0
    40,
    false,
);

/// The program's file: an ELF header, one program header, the instructions.
pub(crate) fn program() -> Vec<u8> {
    let (code, machine, wide) = MACHINE;
    let (header_len, entry_len): (u16, u16) = if wide { (64, 56) } else { (52, 32) };
    let start = u32::from(header_len + entry_len);
    let size = start + code.len() as u32;
    let mut file = Elf { bytes: Vec::with_capacity(256), wide };
    file.bytes.extend_from_slice(&[0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, 1, 1]);
    file.bytes.resize(16, 0);
    file.half(2); // an executable
    file.half(machine);
    file.word(1); // version
    file.address(BASE + start); // entry
    file.address(u32::from(header_len)); // program headers
    file.address(0); // no section headers
    file.word(if machine == 40 { 0x0500_0000 } else { 0 }); // flags: EABI 5 on ARM
    file.half(header_len);
    file.half(entry_len);
    file.half(1); // one program header
    file.half(0);
    file.half(0);
    file.half(0);
    // PT_LOAD, readable and executable. The flags stand second in a wide header and last but one in a narrow one.
    file.word(1);
    if wide {
        file.word(5);
    }
    file.address(0); // from the file's beginning
    file.address(BASE);
    file.address(BASE);
    file.address(size);
    file.address(size);
    if !wide {
        file.word(5);
    }
    file.address(0x1000); // alignment
    file.bytes.extend_from_slice(code);
    file.bytes
}

/// A little-endian ELF file being written.
struct Elf {
    /// The bytes so far.
    bytes: Vec<u8>,
    /// Whether addresses have 64 bits.
    wide: bool,
}

impl Elf {
    /// Appends 16 bits.
    fn half(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends 32 bits.
    fn word(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends an address, offset or size.
    fn address(&mut self, value: u32) {
        self.word(value);
        if self.wide {
            self.word(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_runs_and_ends_with_success() {
        let folder = Folder::new("tiny");
        let path = folder.0.join("tiny");
        std::fs::write(&path, program()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(std::process::Command::new(&path).status().unwrap().success());
        assert!(program().len() < 256);
    }
}
