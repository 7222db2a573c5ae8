//! What the kernel counts of every BPF program, once `kernel.bpf_stats_enabled` is 1: how often it ran, and for how long.
//!
//! Read with the `bpf` syscall, because fdinfo has the same counts without the programs' names (`struct bpf_prog_info`,
//! `include/uapi/linux/bpf.h`; run counts since Linux 5.1).

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use crate::failure::Failure;
use crate::report::Report;

/// `BPF_PROG_GET_NEXT_ID`.
const NEXT_ID: libc::c_int = 11;
/// `BPF_PROG_GET_FD_BY_ID`.
const FD_BY_ID: libc::c_int = 13;
/// `BPF_OBJ_GET_INFO_BY_FD`.
const INFO_BY_FD: libc::c_int = 15;
/// Bytes of `struct bpf_prog_info` up to and with `run_cnt`.
const INFO_BYTES: usize = 208;
/// Where the length of its machine code stands, in 32 bits; 0 when it is interpreted.
const JITED: usize = 16;
/// Where its name stands, zero-terminated, in 16 bytes.
const NAME: usize = 64;
/// Where its time stands, in nanoseconds.
const RUN_TIME: usize = 192;
/// Where its number of runs stands.
const RUN_COUNT: usize = 200;

/// The three commands' part of `union bpf_attr`: an id or descriptor, an answer or a length, flags or an address.
#[repr(C)]
struct Attributes {
    /// Id to start from or to open; descriptor to ask about.
    subject: u32,
    /// Next id as the kernel answers it; length of the buffer.
    second: u32,
    /// Address of the buffer; flags, none.
    address: u64,
}

/// Tells, as `<name>_runs` and `<name>_ns`, the counts of every BPF program of the machine, and as `<name>_jited` the bytes
/// of its machine code, 0 when it is interpreted.
pub(crate) fn programs() -> Result<Report, Failure> {
    let mut report = Report::start("programs");
    let mut id = 0;
    while let Some(next) = next_id(id).map_err(Failure::peer("the kernel lists no programs"))? {
        id = next;
        // It may have been unloaded since.
        if let Ok(info) = info(id) {
            let name = name(&info);
            report = report.count(&format!("{name}_runs"), number(&info, RUN_COUNT));
            report = report.count(&format!("{name}_ns"), number(&info, RUN_TIME));
            report = report.count(&format!("{name}_jited"), number(&info, JITED) & u64::from(u32::MAX));
        }
    }
    Ok(report)
}

/// The program after `id`, or `None` after the last.
fn next_id(id: u32) -> io::Result<Option<u32>> {
    let mut attributes = Attributes { subject: id, second: 0, address: 0 };
    match call(NEXT_ID, &mut attributes) {
        Ok(_) => Ok(Some(attributes.second)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the kernel tells about the program `id`.
fn info(id: u32) -> io::Result<[u8; INFO_BYTES]> {
    let number = call(FD_BY_ID, &mut Attributes { subject: id, second: 0, address: 0 })?;
    // SAFETY: the kernel has just made this descriptor for us, and nothing else owns it.
    let program = unsafe { OwnedFd::from_raw_fd(number) };
    let mut info = [0; INFO_BYTES];
    let address = info.as_mut_ptr() as usize as u64;
    let subject = program.as_raw_fd().cast_unsigned();
    call(INFO_BY_FD, &mut Attributes { subject, second: INFO_BYTES as u32, address })?;
    Ok(info)
}

/// One `bpf` syscall.
fn call(command: libc::c_int, attributes: &mut Attributes) -> io::Result<i32> {
    let size = size_of_val(attributes);
    // Needed because neither std nor libc has a function for it.
    // SAFETY: the pointer is to `size` writable bytes; an address in them is that of a live buffer of the length beside it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

/// The program's name. Only what an identifier may hold: the report does not escape.
fn name(info: &[u8; INFO_BYTES]) -> String {
    let bytes = info.iter().skip(NAME).take(16).take_while(|byte| **byte != 0);
    bytes.map(|byte| if byte.is_ascii_alphanumeric() { char::from(*byte) } else { '_' }).collect()
}

/// A number of 64 bits.
fn number(info: &[u8; INFO_BYTES], offset: usize) -> u64 {
    let bytes = info.get(offset..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_stand_where_the_kernel_puts_them() {
        let mut info = [0_u8; INFO_BYTES];
        info[NAME..NAME + 9].copy_from_slice(b"sys\"enter");
        info[RUN_COUNT..].copy_from_slice(&7_u64.to_ne_bytes());
        assert_eq!(
            (name(&info).as_str(), number(&info, RUN_COUNT), number(&info, RUN_TIME)),
            ("sys_enter", 7, 0)
        );
        assert_eq!(number(&info, RUN_COUNT + 1), 0);
    }
}
