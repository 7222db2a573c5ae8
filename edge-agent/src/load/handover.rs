//! Loading in a process of its own, which hands over the descriptors and ends.
//!
//! Unpacking and parsing the object takes memory that an allocator seldom gives back. The loader takes it with it; the agent has
//! only ever seen descriptors. The peak is measured and reported.

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

/// Most descriptors in one message; the kernel takes 253 (`SCM_MAX_FD`).
const AT_ONCE: usize = 64;

/// Most descriptors taken over; a loader that sends more is not ours.
pub(super) const DESCRIPTORS: usize = 1024;

/// Longest encoded report.
const REPORT_BYTES: u64 = 64 * 1024;

/// The byte of a message that others follow, and of the last one.
const MORE: u8 = 1;
/// See [`MORE`].
const LAST: u8 = 0;

/// What the loader left behind.
#[derive(Debug)]
pub(super) struct Handover {
    /// What came of each program and map.
    pub report: Report,
    /// Descriptors that keep programs attached, those that follow processes last. They have lower numbers than the maps: a process that is
    /// killed is detached in the order of numbers, and while it is, nothing judges that has lost what it jumps to, or whom it knows.
    pub links: Vec<OwnedFd>,
    /// One descriptor per map, in the report's order.
    pub maps: Vec<OwnedFd>,
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
    let (loaded, mut report) = object::load(plan);
    // The process ends a moment later; closing them one by one would only take time.
    let loaded = ManuallyDrop::new(loaded);
    report.peak_kib = peak_kib().unwrap_or(0);
    let encoded = postcard::to_allocvec(&report).map_err(io::Error::other)?;
    let descriptors: Vec<BorrowedFd<'_>> =
        loaded.links.iter().chain(&loaded.maps).map(OwnedFd::as_fd).collect();
    send(socket, &descriptors)?;
    io::Write::write_all(&mut &*socket, &encoded)
}

/// Sends all descriptors, so many with each byte.
fn send(socket: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    for chunk in descriptors.chunks(AT_ONCE) {
        send_one(socket, MORE, chunk)?;
    }
    send_one(socket, LAST, &[])
}

/// Sends one byte with descriptors.
fn send_one(socket: &UnixStream, byte: u8, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("more descriptors than a message holds"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&[byte])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives descriptors and report.
fn receive(mut socket: UnixStream) -> io::Result<Handover> {
    let mut descriptors = Vec::new();
    while receive_one(&socket, &mut descriptors)? == MORE {
        if descriptors.len() > DESCRIPTORS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the loader sends no end of descriptors"));
        }
    }
    let mut encoded = Vec::new();
    (&mut socket).take(REPORT_BYTES).read_to_end(&mut encoded)?;
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let report: Report =
        postcard::from_bytes(&encoded).map_err(|_| invalid("the loader's report does not decode"))?;
    let links = descriptors.len().checked_sub(report.maps.len());
    let maps =
        descriptors.split_off(links.ok_or_else(|| invalid("the loader sends fewer maps than it reports"))?);
    Ok(Handover { report, links: descriptors, maps })
}

/// Receives one byte and the descriptors with it. Descriptors of two messages never come together.
fn receive_one(socket: &UnixStream, descriptors: &mut Vec<OwnedFd>) -> io::Result<u8> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the loader process died"));
    }
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) {
        return Err(io::Error::other(
            "not all descriptors came through; is the limit on open files too low?",
        ));
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let [byte] = byte;
    Ok(byte)
}

/// The largest this process has been, from `VmHWM`.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_descriptors_comes_through_in_order() {
        for count in [0, 1, AT_ONCE, AT_ONCE + 1, 200] {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let files: Vec<OwnedFd> =
                (0..count).map(|_| fs::File::open("/dev/null").unwrap().into()).collect();
            let marked = UnixStream::pair().unwrap();
            let mut sent: Vec<BorrowedFd<'_>> = files.iter().map(OwnedFd::as_fd).collect();
            sent.push(marked.0.as_fd());
            send(&theirs, &sent).unwrap();
            let report = Report { took_ms: 7, ..Report::default() };
            io::Write::write_all(&mut &theirs, &postcard::to_allocvec(&report).unwrap()).unwrap();
            drop(theirs);
            let mut received = receive(ours).unwrap();
            assert_eq!((received.links.len(), received.maps.len()), (count + 1, 0));
            assert_eq!(received.report, report);
            let last = UnixStream::from(received.links.pop().unwrap());
            io::Write::write_all(&mut &last, b"x").unwrap();
            let mut byte = [0];
            (&marked.1).read_exact(&mut byte).unwrap();
            assert_eq!(byte, *b"x", "the last one sent is the last one received");
        }
    }

    #[test]
    fn a_loader_that_dies_is_told() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        send_one(&theirs, MORE, &[]).unwrap();
        drop(theirs);
        assert_eq!(receive(ours).unwrap_err().to_string(), "the loader process died");
    }
}
