//! Code for the kernel: modules, BPF programs, another kernel. Everything here is refused or does nothing.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr;

use super::{check, owned};

/// Commands of `bpf`.
#[derive(Clone, Copy, Debug)]
enum Command {
    /// Looks an element up.
    MapLookup = 1,
    /// Loads a program.
    ProgLoad = 5,
    /// Names the next map.
    MapNextId = 12,
}

/// Loads a module from memory.
pub(crate) fn load_module(image: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `image.len()` bytes of `image`; the parameters are an empty, zero-terminated text.
    let answer = unsafe { libc::syscall(libc::SYS_init_module, image.as_ptr(), image.len(), c"".as_ptr()) };
    check(answer).map(drop)
}

/// Loads a module from a file.
pub(crate) fn load_module_file(file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open; the parameters are an empty, zero-terminated text.
    let answer = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0 as c_int) };
    check(answer).map(drop)
}

/// Unloads the kernel to be started next, of which there is none: the emptiest use of the call.
pub(crate) fn load_no_kernel() -> io::Result<()> {
    // SAFETY: no segments are given, so that the kernel reads nothing.
    let answer = unsafe {
        libc::syscall(libc::SYS_kexec_load, 0 as c_long, 0 as c_long, ptr::null::<u8>(), 0 as c_long)
    };
    check(answer).map(drop)
}

/// Loads the socket filter `r0 = 0; exit`, which lets nothing through and is attached to nothing.
pub(crate) fn load_filter() -> io::Result<OwnedFd> {
    let program: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
    let license = c"GPL";
    let mut attributes = [0_u64; 16];
    // Type 1 is a socket filter; two instructions; then the addresses of program and licence.
    let fields = [1 | 2 << 32, program.as_ptr().expose_provenance() as u64, license.as_ptr().addr() as u64];
    for (place, field) in attributes.iter_mut().zip(fields) {
        *place = field;
    }
    owned(bpf(Command::ProgLoad, &mut attributes))
}

/// The lowest id of a map above `id`.
pub(crate) fn next_map(id: u32) -> io::Result<u32> {
    let mut attributes = [0_u64; 16];
    if let Some(first) = attributes.first_mut() {
        *first = id.into();
    }
    check(bpf(Command::MapNextId, &mut attributes))?;
    Ok(attributes.first().map_or(0, |first| (first >> 32) as u32))
}

/// Looks up an element of a map that does not exist.
pub(crate) fn look_up_nothing() -> io::Result<()> {
    let mut attributes = [0_u64; 16];
    if let Some(first) = attributes.first_mut() {
        *first = u64::from(u32::MAX);
    }
    check(bpf(Command::MapLookup, &mut attributes)).map(drop)
}

/// One `bpf` call, with the attributes of the commands above.
fn bpf(command: Command, attributes: &mut [u64; 16]) -> c_long {
    // SAFETY: the kernel reads and writes at most the given size of `attributes`. The addresses in it, if any, are of
    // memory that is alive in the caller and only read; a lookup without a map gets no further than the missing map.
    unsafe {
        libc::syscall(libc::SYS_bpf, command as c_int, attributes.as_mut_ptr(), size_of_val(attributes))
    }
}
