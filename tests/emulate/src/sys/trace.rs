//! Other processes' memory.

use std::ffi::{c_int, c_long};
use std::io;
use std::ptr;

use super::check;

/// Attaches to a process, which stops.
pub(crate) fn attach(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_ATTACH, pid, 0, 0)
}

/// Leaves a process that was attached to and has stopped.
pub(crate) fn detach(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, pid, 0, 0)
}

/// Asks to be traced by the parent.
pub(crate) fn be_traced() -> io::Result<()> {
    request(libc::PTRACE_TRACEME, 0, 0, 0)
}

/// Writes a word into a process that was attached to and has stopped.
pub(crate) fn poke(pid: i32, address: usize, word: c_long) -> io::Result<()> {
    request(libc::PTRACE_POKEDATA, pid, address, word)
}

/// A request that writes nothing into this process.
fn request(kind: impl TryInto<c_int>, pid: i32, address: usize, data: c_long) -> io::Result<()> {
    let kind: c_int = kind.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: none of the four requests above makes the kernel write to this process; the address is one of the other's.
    check(unsafe { libc::syscall(libc::SYS_ptrace, kind, pid, address, data) }).map(drop)
}

/// Writes into another process.
pub(crate) fn write_to(pid: i32, address: usize, bytes: &[u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: bytes.len() };
    // SAFETY: the kernel only reads `bytes`, which is alive; the remote address is looked up in the other process.
    check(unsafe { libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0) } as i64)
        .map(drop)
}

/// Reads from another process.
pub(crate) fn read_from(pid: i32, address: usize, bytes: &mut [u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: bytes.len() };
    // SAFETY: the kernel writes at most `iov_len` bytes to `bytes`; the remote address is looked up in the other process.
    check(unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) } as i64)
        .map(drop)
}
