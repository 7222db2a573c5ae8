//! Files without a name, by descriptor, as mounts, and devices.

use std::ffi::{CStr, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::AtomicU8;

use super::{check, owned};

/// A file in memory, without a place in any folder.
pub(crate) fn in_memory(name: &CStr) -> io::Result<File> {
    // SAFETY: the name is zero-terminated and alive.
    owned(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) }).map(File::from)
}

/// Opens a path that begins at a folder.
pub(crate) fn open_at(dir: BorrowedFd<'_>, path: &CStr, flags: c_int, mode: u32) -> io::Result<OwnedFd> {
    // SAFETY: the path is zero-terminated and alive.
    owned(unsafe { libc::openat(dir.as_raw_fd(), path.as_ptr(), flags | libc::O_CLOEXEC, mode) })
}

/// Opens for reading what the buffer holds when the kernel looks: another thread may be changing it.
pub(crate) fn open_changing(path: &[AtomicU8]) -> io::Result<OwnedFd> {
    // The last byte is never changed from zero by any caller; this makes sure that it is one.
    if path.last().is_none_or(|last| last.load(std::sync::atomic::Ordering::Relaxed) != 0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the buffer is alive and ends with a zero byte; the kernel's reads may race with atomic stores, as any other
    // process's memory may.
    let answer = unsafe {
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC, 0)
    };
    owned(answer)
}

/// Renames below a folder.
pub(crate) fn rename_at(dir: BorrowedFd<'_>, from: &CStr, to: &CStr) -> io::Result<()> {
    let dir = dir.as_raw_fd();
    // SAFETY: both names are zero-terminated and alive.
    check(unsafe { libc::renameat(dir, from.as_ptr(), dir, to.as_ptr()) }).map(drop)
}

/// Makes a folder below a folder.
pub(crate) fn make_folder_at(dir: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    // SAFETY: the name is zero-terminated and alive.
    check(unsafe { libc::mkdirat(dir.as_raw_fd(), name.as_ptr(), 0o755) }).map(drop)
}

/// Sets permissions by path, through the call that also takes a folder.
pub(crate) fn permit_at(path: &CStr, mode: libc::mode_t) -> io::Result<()> {
    // SAFETY: the path is zero-terminated and alive.
    check(unsafe { libc::fchmodat(libc::AT_FDCWD, path.as_ptr(), mode, 0) }).map(drop)
}

/// Sets an extended attribute.
pub(crate) fn set_attribute(path: &CStr, name: &CStr, value: &[u8]) -> io::Result<()> {
    // SAFETY: path and name are zero-terminated and alive; the kernel reads `value.len()` bytes of `value`.
    let answer =
        unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    check(answer).map(drop)
}

/// Removes an extended attribute.
pub(crate) fn remove_attribute(path: &CStr, name: &CStr) -> io::Result<()> {
    // SAFETY: path and name are zero-terminated and alive.
    check(unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) }).map(drop)
}

/// Makes a device node.
pub(crate) fn make_node(path: &CStr, kind: libc::mode_t, major: u32, minor: u32) -> io::Result<()> {
    // SAFETY: the path is zero-terminated and alive.
    check(unsafe { libc::mknod(path.as_ptr(), kind | 0o600, libc::makedev(major, minor)) }).map(drop)
}

/// Asks a watchdog to stop.
pub(crate) fn disable_watchdog(device: BorrowedFd<'_>) -> io::Result<()> {
    /// `_IOR('W', 4, int)`, read as a number since the C libraries differ in its type.
    const WDIOC_SETOPTIONS: u32 = 0x8004_5704;
    /// Turns the watchdog off.
    const WDIOS_DISABLECARD: c_int = 1;
    let option = WDIOS_DISABLECARD;
    // SAFETY: the kernel reads one integer from `option`, which is alive.
    let answer =
        unsafe { libc::syscall(libc::SYS_ioctl, device.as_raw_fd(), WDIOC_SETOPTIONS, &raw const option) };
    check(answer).map(drop)
}

/// Mounts; `source` and `kind` may be empty.
pub(crate) fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: all three are zero-terminated and alive; there are no further data.
    let answer = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, ptr::null()) };
    check(answer).map(drop)
}

/// Takes a mount away, at once for new users.
pub(crate) fn unmount(target: &CStr) -> io::Result<()> {
    // SAFETY: the path is zero-terminated and alive.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// Exchanges the root of this mount namespace.
pub(crate) fn pivot_root(new: &CStr, old: &CStr) -> io::Result<()> {
    // SAFETY: both paths are zero-terminated and alive.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, new.as_ptr(), old.as_ptr()) }).map(drop)
}

/// A new pseudo terminal: the side that plays the terminal, and the path of the other.
pub(crate) fn open_terminal() -> io::Result<(File, std::path::PathBuf)> {
    // SAFETY: only numbers are passed.
    let master = owned(unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) })?;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::grantpt(master.as_raw_fd()) })?;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::unlockpt(master.as_raw_fd()) })?;
    let mut name = [0_u8; 64];
    // SAFETY: the library writes at most `name.len()` bytes to `name`.
    let error = unsafe { libc::ptsname_r(master.as_raw_fd(), name.as_mut_ptr().cast(), name.len()) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((File::from(master), name.to_string_lossy().into_owned().into()))
}

/// Lets a descriptor survive the start of another program.
pub(crate) fn keep(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open; only numbers are passed.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }).map(drop)
}
