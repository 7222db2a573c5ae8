//! Names in a file system of the kernel's own (`bpf`), which keep maps and links alive after everybody has closed them.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aya_obj::generated::{bpf_cmd, bpf_map_info};

use super::{ElementAttr, InfoAttr, bpf, number, owned, pointer};

/// `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
#[derive(Default)]
#[repr(C)]
struct PinAttr {
    path: u64,
    descriptor: u32,
    flags: u32,
}

const _: () = assert!(size_of::<PinAttr>() == 16);

/// A path as the kernel wants it.
fn name(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

/// Gives a map or a link a name. A perf event cannot have one (`EINVAL`).
pub(in crate::load) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = name(path)?;
    let attributes = PinAttr { path: pointer(path.as_ptr()), descriptor: number(object), flags: 0 };
    bpf(bpf_cmd::BPF_OBJ_PIN, &attributes).map(drop)
}

/// Opens what has a name.
pub(in crate::load) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path: CString = name(path)?;
    let path: &CStr = &path;
    let attributes = PinAttr { path: pointer(path.as_ptr()), ..PinAttr::default() };
    bpf(bpf_cmd::BPF_OBJ_GET, &attributes).map(owned)
}

/// Whether a descriptor is of a link, which can have a name, and not of a perf event.
pub(in crate::load) fn is_link(descriptor: &OwnedFd) -> bool {
    let target = fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
    target.is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"anon_inode:bpf"))
}

/// Bytes of a map's values.
fn value_bytes(map: BorrowedFd<'_>) -> io::Result<usize> {
    const AT: usize = core::mem::offset_of!(bpf_map_info, value_size);
    let mut info = [0_u8; size_of::<bpf_map_info>()];
    let attributes =
        InfoAttr { descriptor: number(map), bytes: info.len() as u32, info: pointer(info.as_mut_ptr()) };
    bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &attributes)?;
    let size = info.get(AT..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_ne_bytes(*bytes));
    size.map(|size| size as usize).ok_or_else(|| io::Error::other("no size in what is told of a map"))
}

/// Reads the one value of a map whose values have at most `limit` bytes.
pub(in crate::load) fn read_value(map: BorrowedFd<'_>, limit: usize) -> io::Result<Vec<u8>> {
    let size = value_bytes(map)?;
    if size > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a value of {size} bytes, at most {limit}"),
        ));
    }
    let key = 0_u32;
    let mut value = vec![0_u8; size];
    let attributes = ElementAttr {
        map: number(map),
        key: pointer(&raw const key),
        value: pointer(value.as_mut_ptr()),
        ..ElementAttr::default()
    };
    bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &attributes)?;
    Ok(value)
}
