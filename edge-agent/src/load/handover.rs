//! Loading in a process of its own, which hands over the descriptors and ends.
//!
//! Parsing the object, aya's tables and, where there is one, the kernel's BTF take memory that an allocator seldom gives
//! back. The loader takes it with it; the agent has only ever seen descriptors. The peak is measured and reported.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

use super::object::{self, Plan};
use super::report::Report;
use super::sys;

/// Most descriptors handed over: maps and links.
const DESCRIPTORS: usize = 96;

/// Longest encoded report.
const REPORT_BYTES: u64 = 32 * 1024;

/// What the loader left behind.
#[derive(Debug)]
pub(super) struct Handover {
    /// What came of each program and map.
    pub report: Report,
    /// One descriptor per map, in the report's order, then those that keep programs attached.
    pub descriptors: Vec<OwnedFd>,
}

/// Runs the loader and takes over what it made.
///
/// # Errors
/// When the loader could not be started, or died without a word.
pub(super) fn run(plan: &Plan) -> io::Result<Handover> {
    let (ours, theirs) = UnixStream::pair()?;
    let pid = sys::fork(|| {
        // What the loader cannot say is said by its silence.
        let _ = load_and_send(plan, &theirs);
    })?;
    drop(theirs);
    let received = receive(ours);
    sys::reap(pid);
    received
}

/// The loader's whole life.
fn load_and_send(plan: &Plan, socket: &UnixStream) -> io::Result<()> {
    sys::lift_memlock();
    // Without it, aya parses the kernel's BTF; that costs memory, not correctness.
    let _ = sys::hide_btf();
    let (ebpf, mut report) = object::load(plan);
    // Dropping it would switch the perf events off for the agent as well, where they are no links (before Linux 5.15).
    let ebpf = ManuallyDrop::new(ebpf);
    report.peak_kib = peak_kib().unwrap_or(0);
    let encoded = postcard::to_allocvec(&report).map_err(io::Error::other)?;
    let links = links()?;
    let mut descriptors: Vec<BorrowedFd<'_>> = Vec::new();
    if let Some(ebpf) = &*ebpf {
        descriptors.extend(ebpf.maps().filter_map(|(_, map)| object::descriptor(map)));
    }
    descriptors.extend(links.iter().map(OwnedFd::as_fd));
    send(socket, &descriptors)?;
    io::Write::write_all(&mut &*socket, &encoded)
}

/// Duplicates of every descriptor that keeps a program attached. aya holds them privately, but the kernel tells which they
/// are.
fn links() -> io::Result<Vec<OwnedFd>> {
    let mut links = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy();
        let keeps = ["anon_inode:bpf_link", "anon_inode:bpf-raw-tracepoint", "anon_inode:[perf_event]"];
        if !keeps.iter().any(|kind| target.starts_with(kind)) {
            continue;
        }
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // SAFETY: the descriptor was listed a moment ago by this single-threaded process, which closes none in between.
        // Needed because aya offers no access to its links' descriptors.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        links.push(descriptor.try_clone_to_owned()?);
    }
    Ok(links)
}

/// Sends one byte with all descriptors.
fn send(socket: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if descriptors.len() > DESCRIPTORS {
        return Err(io::Error::other("more descriptors than can be handed over"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&[1])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives descriptors and report.
fn receive(mut socket: UnixStream) -> io::Result<Handover> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = rustix::net::recvmsg(
        &socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the loader process died"));
    }
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let mut encoded = Vec::new();
    (&mut socket).take(REPORT_BYTES).read_to_end(&mut encoded)?;
    let report = postcard::from_bytes(&encoded)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the loader's report does not decode"))?;
    Ok(Handover { report, descriptors })
}

/// The largest this process has been, from `VmHWM`.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}
