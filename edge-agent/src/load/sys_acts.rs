//! The syscalls of the self-test that no safe crate offers. Every one fails, or changes only the process that makes it, which ends
//! a moment later.

use std::ffi::CStr;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// A netlink header that claims more than is sent, so that the kernel drops it unread: `struct nlmsghdr` and `struct rtmsg`.
#[repr(C)]
struct CutRoute {
    /// Longer than the message.
    length: u32,
    /// `RTM_DELROUTE`.
    kind: u16,
    /// `NLM_F_REQUEST`.
    flags: u16,
    /// Sequence and port, of no account.
    rest: [u32; 2],
    /// Family, destination length 0 (the default route) and what follows.
    route: [u8; 12],
}

/// Asks for a change of mode of what does not exist.
pub(super) fn chmod(path: &CStr, mode: libc::mode_t) {
    // SAFETY: the path is NUL-terminated and lives across the call.
    let _ = unsafe { libc::chmod(path.as_ptr(), mode) };
}

/// A file in memory; `None` where the kernel has none.
pub(super) fn memory_file() -> Option<OwnedFd> {
    // SAFETY: the literal is NUL-terminated.
    let descriptor = unsafe { libc::memfd_create(c"edge-agent-self-test".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: just opened by this process and owned by nobody else.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Becomes the tracer of a child, which does not stop for it, and dies with this process.
pub(super) fn trace(child: libc::pid_t) {
    // SAFETY: the options are a number, and no memory is passed.
    let _ = unsafe { libc::ptrace(libc::PTRACE_SEIZE, child, 0, libc::PTRACE_O_EXITKILL) };
}

/// All the others.
pub(super) fn perform() {
    // SAFETY: descriptor -1 is none; the empty literal is NUL-terminated.
    let _ = unsafe { libc::syscall(libc::SYS_finit_module, -1, c"".as_ptr(), 0) };
    // The attributes of a program of no type and no instructions (`union bpf_attr` of Linux 4.4 has 48 bytes).
    let attributes = [0_u64; 6];
    // SAFETY: the attributes live across the call and have the size given. `BPF_PROG_LOAD` (5) refuses them.
    let _ = unsafe { libc::syscall(libc::SYS_bpf, 5, attributes.as_ptr(), size_of_val(&attributes)) };
    // SAFETY: descriptor -1 is none.
    let _ = unsafe { libc::setns(-1, libc::CLONE_NEWNS) };
    // SAFETY: renames this process only; the literal is NUL-terminated.
    let _ = unsafe { libc::prctl(libc::PR_SET_NAME, c"kworker/edge".as_ptr()) };
    // SAFETY: SIGCONT to a process that runs does nothing.
    let _ = unsafe { libc::kill(std::process::id().cast_signed(), libc::SIGCONT) };
    uring();
    sockets();
}

/// A ring of one entry, closed at once.
fn uring() {
    // `struct io_uring_params` has 120 bytes (`include/uapi/linux/io_uring.h`).
    let mut parameters = [0_u64; 15];
    // SAFETY: the struct has the size the kernel writes and lives across the call.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    if let Ok(ring) = i32::try_from(ring)
        && ring >= 0
    {
        // SAFETY: just opened by this process and used nowhere else.
        let _ = unsafe { libc::close(ring) };
    }
}

/// A packet socket that is bound to nothing, and a request about routes that the kernel drops unread.
fn sockets() {
    // SAFETY: takes numbers only. Protocol 0 receives nothing.
    let packet = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    // SAFETY: just opened, or -1, which is none.
    let _ = unsafe { libc::close(packet) };
    // SAFETY: takes numbers only.
    let routes =
        unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
    let request = CutRoute {
        length: 4096,
        kind: libc::RTM_DELROUTE,
        flags: libc::NLM_F_REQUEST as u16,
        rest: [0; 2],
        route: [0; 12],
    };
    // SAFETY: the request lives across the call and has the length given.
    let _ =
        unsafe { libc::send(routes, (&raw const request).cast(), size_of::<CutRoute>(), libc::MSG_DONTWAIT) };
    // SAFETY: just opened, or -1, which is none.
    let _ = unsafe { libc::close(routes) };
}
