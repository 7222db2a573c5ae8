//! The system calls that load and attach programs, here and in the folder, and the only unsafe code of it. Each structure has the layout of
//! `include/uapi/linux/bpf.h` or `perf_event.h` of the oldest kernel served, without padding; a newer kernel takes what is not
//! there for zero.

mod event;
mod pin;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use aya_obj::generated::{bpf_cmd, bpf_prog_info};

pub(super) use event::{Event, attach_event};
pub(super) use pin::{is_link, open_pin, pin, read_value};

/// Bytes of a name in the kernel, its NUL included (`BPF_OBJ_NAME_LEN`).
const NAME_BYTES: usize = 16;

/// Size of the first buffer for the verifier's words, and of the last one: kernels before 6.4 keep the beginning and say `ENOSPC`.
const LOG_BYTES: [usize; 3] = [64 * 1024, 1024 * 1024, 8 * 1024 * 1024];

/// A name, cut to what the kernel keeps.
fn name(text: &str) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    let (kept, _) = name.split_at_mut(NAME_BYTES - 1);
    kept.iter_mut().zip(text.bytes()).for_each(|(slot, byte)| *slot = byte);
    name
}

/// A pointer as the kernel wants it: 64 bits on every machine.
fn pointer<T>(to: *const T) -> u64 {
    to.addr() as u64
}

/// A descriptor as the kernel wants it.
fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().cast_unsigned()
}

/// `BPF_MAP_CREATE`.
#[derive(Default)]
#[repr(C)]
struct MapAttr {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
    flags: u32,
    inner: u32,
    numa_node: u32,
    name: [u8; NAME_BYTES],
}

/// `BPF_MAP_UPDATE_ELEM`, and with less of it `BPF_MAP_FREEZE`.
#[derive(Default)]
#[repr(C)]
struct ElementAttr {
    map: u32,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `BPF_PROG_LOAD`.
#[derive(Default)]
#[repr(C)]
struct ProgramAttr {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; NAME_BYTES],
    interface: u32,
    attach_type: u32,
    /// BTF of the program itself, and where its functions and lines are described: there is none.
    described: [u32; 9],
    attach_btf_id: u32,
    attach_to: u32,
    unused: u32,
}

/// `BPF_OBJ_GET_INFO_BY_FD`.
#[derive(Default)]
#[repr(C)]
struct InfoAttr {
    descriptor: u32,
    bytes: u32,
    info: u64,
}

/// `BPF_LINK_CREATE`.
#[derive(Default)]
#[repr(C)]
struct LinkAttr {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// `BPF_RAW_TRACEPOINT_OPEN`.
#[derive(Default)]
#[repr(C)]
struct RawAttr {
    name: u64,
    program: u32,
    unused: u32,
}

// 32-bit ARM aligns 64-bit members as the others do, so that these hold everywhere.
const _: () = assert!(size_of::<MapAttr>() == 44);
const _: () =
    assert!(core::mem::offset_of!(ProgramAttr, attach_btf_id) == 108 && size_of::<ProgramAttr>() == 120);
const _: () = assert!(core::mem::offset_of!(ElementAttr, key) == 8);

/// One `bpf` call.
fn bpf<T>(command: bpf_cmd, attributes: &T) -> io::Result<libc::c_long> {
    // SAFETY: the structure lives across the call and has the size given; the pointers in it are those of the callers below, who
    // keep what they point at alive as well. Needed because no crate of the agent offers the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_bpf, command as u32, core::ptr::from_ref(attributes), size_of::<T>())
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// A descriptor that a call has just made.
fn owned(answer: libc::c_long) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(answer as i32) }
}

/// What a map is to be like.
#[derive(Clone, Copy, Debug)]
pub(super) struct MapShape {
    /// `enum bpf_map_type`.
    pub kind: u32,
    /// Bytes of a key.
    pub key_bytes: u32,
    /// Bytes of a value.
    pub value_bytes: u32,
    /// Most entries; the bytes of a ring.
    pub entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
}

/// Makes a map.
pub(super) fn make_map(called: &str, shape: MapShape) -> io::Result<OwnedFd> {
    let attributes = MapAttr {
        kind: shape.kind,
        key_bytes: shape.key_bytes,
        value_bytes: shape.value_bytes,
        entries: shape.entries,
        flags: shape.flags,
        name: name(called),
        ..MapAttr::default()
    };
    bpf(bpf_cmd::BPF_MAP_CREATE, &attributes).map(owned)
}

/// Writes the one value of a map of globals.
pub(super) fn fill(map: BorrowedFd<'_>, value: &[u8]) -> io::Result<()> {
    let key = 0_u32;
    let attributes = ElementAttr {
        map: number(map),
        key: pointer(&raw const key),
        value: pointer(value.as_ptr()),
        ..ElementAttr::default()
    };
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &attributes).map(drop)
}

/// Puts a program into a map of programs.
pub(super) fn place(map: BorrowedFd<'_>, at: u32, program: BorrowedFd<'_>) -> io::Result<()> {
    let value = number(program);
    let attributes = ElementAttr {
        map: number(map),
        key: pointer(&raw const at),
        value: pointer(&raw const value),
        ..ElementAttr::default()
    };
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &attributes).map(drop)
}

/// Forbids this and every other process to write a map (Linux 5.2). The verifier then takes its values for constants.
pub(super) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    bpf(bpf_cmd::BPF_MAP_FREEZE, &number(map)).map(drop)
}

/// What a program is to be loaded as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// `enum bpf_prog_type`.
    pub program: u32,
    /// `enum bpf_attach_type` it will be attached by; 0 where its type says enough.
    pub attach: u32,
    /// The kernel function it will be attached to, by its number in the kernel's BTF; 0 where none is.
    pub function: u32,
}

/// Loads a program of instructions, each of eight bytes. On refusal also the verifier's words, of which the last tell why.
pub(super) fn load<I>(
    called: &str,
    kind: Kind,
    instructions: &[I],
    licence: &CStr,
) -> Result<OwnedFd, (io::Error, String)> {
    const { assert!(size_of::<I>() == 8) };
    let attributes = || ProgramAttr {
        kind: kind.program,
        count: instructions.len() as u32,
        instructions: pointer(instructions.as_ptr()),
        licence: pointer(licence.as_ptr()),
        name: name(called),
        attach_type: kind.attach,
        attach_btf_id: kind.function,
        ..ProgramAttr::default()
    };
    // A signal can interrupt the verifier, which then wants to be asked again.
    let mut tries = 5;
    let refused = loop {
        match bpf(bpf_cmd::BPF_PROG_LOAD, &attributes()) {
            Ok(answer) => return Ok(owned(answer)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries > 0 => tries -= 1,
            Err(error) => break error,
        }
    };
    for bytes in LOG_BYTES {
        // Pages that the verifier does not write are not touched.
        let mut log = vec![0_u8; bytes];
        let attributes = ProgramAttr {
            log_level: 1,
            log_bytes: bytes as u32,
            log: pointer(log.as_mut_ptr()),
            ..attributes()
        };
        match bpf(bpf_cmd::BPF_PROG_LOAD, &attributes) {
            Ok(answer) => return Ok(owned(answer)),
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {}
            Err(_) => {
                log.truncate(log.iter().position(|byte| *byte == 0).unwrap_or(bytes));
                return Err((refused, String::from_utf8_lossy(&log).into_owned()));
            }
        }
    }
    Err((refused, String::new()))
}

/// Instructions that the verifier went through for a program, of at most a million (told since Linux 5.16).
pub(super) fn verified(program: BorrowedFd<'_>) -> Option<u32> {
    const AT: usize = core::mem::offset_of!(bpf_prog_info, verified_insns);
    let mut info = [0_u8; size_of::<bpf_prog_info>()];
    let attributes =
        InfoAttr { descriptor: number(program), bytes: info.len() as u32, info: pointer(info.as_mut_ptr()) };
    bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &attributes).ok()?;
    let count = info.get(AT..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_ne_bytes(*bytes));
    count.filter(|count| *count != 0)
}

/// Attaches to a cgroup beside whoever is there (Linux 5.7).
pub(super) fn attach_cgroup(
    program: BorrowedFd<'_>,
    cgroup: BorrowedFd<'_>,
    attach_type: u32,
) -> io::Result<OwnedFd> {
    let attributes = LinkAttr { program: number(program), target: number(cgroup), attach_type, flags: 0 };
    bpf(bpf_cmd::BPF_LINK_CREATE, &attributes).map(owned)
}

/// Attaches to a raw tracepoint; without a name, to the kernel function the program was loaded for.
pub(super) fn attach_raw(program: BorrowedFd<'_>, name: Option<&CStr>) -> io::Result<OwnedFd> {
    let name = name.map_or(0, |name| pointer(name.as_ptr()));
    let attributes = RawAttr { name, program: number(program), unused: 0 };
    bpf(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &attributes).map(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_end_with_a_nul() {
        assert_eq!(&name("abc")[..4], b"abc\0");
        assert_eq!(&name("a_name_that_is_too_long"), b"a_name_that_is_\0");
    }
}
