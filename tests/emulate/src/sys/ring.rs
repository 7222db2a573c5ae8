//! A raw `io_uring` of few entries: one request at a time, submitted and waited for.

use std::ffi::{CStr, c_long};
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use super::memory::Mapping;
use super::socket::kernel_address;
use super::{check, owned};

/// Words of `io_uring_params`.
const PARAMETERS: usize = 30;
/// Words of one submission entry.
const ENTRY: usize = 16;
/// Where the three parts are mapped.
const PARTS: [libc::off_t; 3] = [0, 0x800_0000, 0x1000_0000];
/// Bytes mapped of each part: more than eight entries need, less than a page.
const PART_BYTES: usize = 4096;

/// What is asked for; the numbers are the kernel's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operation {
    /// Nothing (5.1).
    Nop = 0,
    /// Connects (5.5).
    Connect = 16,
    /// Opens (5.6).
    OpenAt = 18,
    /// Writes (5.6).
    Write = 23,
    /// Renames (5.11).
    RenameAt = 35,
    /// Unlinks (5.11).
    UnlinkAt = 36,
}

/// The fields of a submission that the operations above use.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    /// Descriptor or folder.
    fd: i32,
    /// First address.
    address: u64,
    /// Length, mode, or second folder.
    len: u32,
    /// Offset or second address.
    offset: u64,
    /// Flags of the operation.
    flags: u32,
}

/// A ring.
pub(crate) struct Ring {
    /// The ring's descriptor.
    fd: OwnedFd,
    /// Submission queue: head, tail, mask, array of indices.
    submissions: Mapping,
    /// Completion queue.
    completions: Mapping,
    /// The submission entries.
    entries: Mapping,
    /// Where in the mappings things lie, as the kernel said.
    offsets: Offsets,
}

/// Where in the mappings things lie, in bytes.
#[derive(Clone, Copy, Debug)]
struct Offsets {
    /// The tail of submissions, which this side moves.
    sq_tail: u32,
    /// The mask of submissions.
    sq_mask: u32,
    /// The indices of submissions.
    sq_array: u32,
    /// The head of completions, which this side moves.
    cq_head: u32,
    /// The tail of completions.
    cq_tail: u32,
    /// The mask of completions.
    cq_mask: u32,
    /// The completions.
    cqes: u32,
}

impl Ring {
    /// Sets up a ring of eight entries.
    pub(crate) fn new() -> io::Result<Self> {
        let mut parameters = [0_u32; PARAMETERS];
        // SAFETY: the kernel reads and writes 120 bytes, which is what `parameters` has.
        let fd =
            owned(unsafe { libc::syscall(libc::SYS_io_uring_setup, 8 as c_long, parameters.as_mut_ptr()) })?;
        // The kernel's layout: ten words, then ten words about submissions, then ten about completions.
        let word = |index: usize| parameters.get(index).copied().unwrap_or_default();
        let offsets = Offsets {
            sq_tail: word(11),
            sq_mask: word(12),
            sq_array: word(16),
            cq_head: word(20),
            cq_tail: word(21),
            cq_mask: word(22),
            cqes: word(25),
        };
        let [submissions, completions, entries] =
            PARTS.map(|offset| Mapping::new(fd.as_raw_fd(), PART_BYTES, offset));
        Ok(Self { fd, submissions: submissions?, completions: completions?, entries: entries?, offsets })
    }

    /// Asks for nothing.
    pub(crate) fn nop(&mut self) -> io::Result<()> {
        self.ask(Operation::Nop, Request::default()).map(drop)
    }

    /// Opens a file.
    pub(crate) fn open(&mut self, path: &CStr, flags: i32) -> io::Result<OwnedFd> {
        let address = path.as_ptr().expose_provenance() as u64;
        let flags = (flags | libc::O_CLOEXEC).cast_unsigned();
        let fd = self
            .ask(Operation::OpenAt, Request { fd: libc::AT_FDCWD, address, flags, ..Request::default() })?;
        // SAFETY: the kernel has just made this descriptor for this process; nobody else knows its number.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Writes at the beginning of a file.
    pub(crate) fn write(&mut self, file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
        let (address, len) = (bytes.as_ptr().expose_provenance() as u64, bytes.len() as u32);
        let request = Request { fd: file.as_raw_fd(), address, len, ..Request::default() };
        self.ask(Operation::Write, request).map(drop)
    }

    /// Renames a file.
    pub(crate) fn rename(&mut self, from: &CStr, to: &CStr) -> io::Result<()> {
        let (address, offset) = (from.as_ptr().expose_provenance() as u64, to.as_ptr().addr() as u64);
        let here = libc::AT_FDCWD;
        let request = Request { fd: here, address, len: here.cast_unsigned(), offset, flags: 0 };
        self.ask(Operation::RenameAt, request).map(drop)
    }

    /// Unlinks a file.
    pub(crate) fn unlink(&mut self, path: &CStr) -> io::Result<()> {
        let address = path.as_ptr().expose_provenance() as u64;
        let request = Request { fd: libc::AT_FDCWD, address, ..Request::default() };
        self.ask(Operation::UnlinkAt, request).map(drop)
    }

    /// Connects a socket.
    pub(crate) fn connect(&mut self, socket: BorrowedFd<'_>, to: SocketAddrV4) -> io::Result<()> {
        let destination = kernel_address(to);
        let address = (&raw const destination).expose_provenance() as u64;
        let offset = size_of_val(&destination) as u64;
        let request = Request { fd: socket.as_raw_fd(), address, offset, ..Request::default() };
        self.ask(Operation::Connect, request).map(drop)
    }

    /// Submits one request and waits for its completion. Everything it names must be alive in the caller: nothing is in
    /// flight any more when this returns.
    fn ask(&mut self, operation: Operation, request: Request) -> io::Result<i32> {
        let tail = load(&self.submissions, self.offsets.sq_tail)?;
        let slot = tail & load(&self.submissions, self.offsets.sq_mask)?;
        let entry = words(operation, request);
        for (place, word) in (slot as usize * ENTRY..).zip(entry) {
            store(&self.entries, place as u32 * 4, word)?;
        }
        store(&self.submissions, self.offsets.sq_array + slot * 4, slot)?;
        store(&self.submissions, self.offsets.sq_tail, tail.wrapping_add(1))?;
        self.enter()?;
        let head = load(&self.completions, self.offsets.cq_head)?;
        if head == load(&self.completions, self.offsets.cq_tail)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let slot = head & load(&self.completions, self.offsets.cq_mask)?;
        // A completion has 16 bytes; its result is the third word.
        let result = load(&self.completions, self.offsets.cqes + slot * 16 + 8)?.cast_signed();
        store(&self.completions, self.offsets.cq_head, head.wrapping_add(1))?;
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
    }

    /// Submits one entry and waits for one completion.
    fn enter(&self) -> io::Result<()> {
        /// Waits for completions.
        const GETEVENTS: c_long = 1;
        let one: c_long = 1;
        // SAFETY: no signal mask is given; what the entry names is alive in `ask`'s caller until this returns.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.fd.as_raw_fd(),
                one,
                one,
                GETEVENTS,
                std::ptr::null::<u8>(),
                0 as c_long,
            )
        };
        check(answer).map(drop)
    }
}

/// A submission entry as words, in the kernel's layout.
fn words(operation: Operation, request: Request) -> [u32; ENTRY] {
    let mut entry = [0; ENTRY];
    let fields = [
        operation as u32,
        request.fd.cast_unsigned(),
        request.offset as u32,
        (request.offset >> 32) as u32,
        request.address as u32,
        (request.address >> 32) as u32,
        request.len,
        request.flags,
    ];
    for (place, field) in entry.iter_mut().zip(fields) {
        *place = field;
    }
    entry
}

/// Reads a word that the kernel may write.
fn load(mapping: &Mapping, offset: u32) -> io::Result<u32> {
    let place = mapping.place::<u32>(offset as usize).ok_or(io::ErrorKind::InvalidData)?;
    // SAFETY: the place lies in the mapping, is aligned, and is alive as long as the reference is.
    let word = unsafe { AtomicU32::from_ptr(place) };
    Ok(word.load(Ordering::Acquire))
}

/// Writes a word that the kernel may read.
fn store(mapping: &Mapping, offset: u32, value: u32) -> io::Result<()> {
    let place = mapping.place::<u32>(offset as usize).ok_or(io::ErrorKind::InvalidData)?;
    // SAFETY: the place lies in the mapping, is aligned, and is alive as long as the reference is.
    let word = unsafe { AtomicU32::from_ptr(place) };
    word.store(value, Ordering::Release);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_kernels_layout() {
        let request = Request { fd: -100, address: 0x1_0000_0002, len: 7, offset: 0x3_0000_0004, flags: 9 };
        let entry = words(Operation::RenameAt, request);
        assert_eq!(entry[..8], [35, (-100_i32).cast_unsigned(), 4, 3, 2, 1, 7, 9]);
        assert_eq!(entry[8..], [0; 8]);
    }
}
