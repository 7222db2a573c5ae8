//! Kernel calls around loading that no safe crate offers; those that load and attach are in `kernel`.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use crate::error::BpfRefusal;

/// Asks whether the `bpf` syscall exists and is allowed, by a call that can do nothing: it names no attributes.
#[must_use]
pub(super) fn bpf_refusal() -> Option<BpfRefusal> {
    // SAFETY: BPF_MAP_CREATE (0) with a null attribute of size 0 reads and writes no memory; the kernel refuses it with
    // EINVAL or EFAULT where BPF may be used.
    // Needed because no crate offers a bpf call without effects.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, 0, core::ptr::null::<u8>(), 0) };
    if answer >= 0 {
        return None;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::ENOSYS) => Some(BpfRefusal::Absent),
        Some(libc::EPERM) => Some(BpfRefusal::Forbidden),
        _ => None,
    }
}

/// What `BPF_PROG_TEST_RUN` takes: the part of `union bpf_attr` of that name (`include/uapi/linux/bpf.h`), without padding.
#[derive(Default)]
#[repr(C)]
struct TestRun {
    /// The program.
    program: u32,
    /// What it returned.
    answer: u32,
    /// Packets, which programs of this kind do not take.
    packet: [u32; 8],
    /// Bytes of the context in and out.
    context_bytes: [u32; 2],
    /// Address of the context in.
    context: u64,
    /// Address of the context out, which there is none of.
    context_out: u64,
    /// Flags and CPU: here, now.
    flags: [u32; 2],
}

/// `BPF_PROG_TEST_RUN` of `enum bpf_cmd`.
const BPF_PROG_TEST_RUN: libc::c_int = 10;

/// Runs a raw tracepoint program once in this process, with `words` as its context (Linux 5.10).
///
/// # Errors
/// What the kernel says.
pub(super) fn test_run(program: BorrowedFd<'_>, words: &[u64]) -> io::Result<()> {
    let run = TestRun {
        program: program.as_raw_fd().cast_unsigned(),
        context_bytes: [size_of_val(words) as u32, 0],
        context: words.as_ptr().addr() as u64,
        ..TestRun::default()
    };
    // SAFETY: `run` has the layout that the kernel takes and lives across the call, like the words it points to, which are only read.
    // Needed because aya offers it for few kinds of programs, this one not among them.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_TEST_RUN, &raw const run, size_of::<TestRun>()) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Runs `child` in a forked process that ends with it, and gives the parent its pid.
///
/// # Errors
/// What `fork` says.
pub(super) fn fork(child: impl FnOnce()) -> io::Result<libc::pid_t> {
    // SAFETY: the agent forks before its runtime starts, when it has one thread, so the child inherits no lock held by
    // another and may use the heap. Needed because std offers only fork with exec.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            child();
            // SAFETY: ends the process at once, without the parent's exit handlers and buffers. Needed because
            // `std::process::exit` would run them a second time.
            unsafe { libc::_exit(0) }
        }
        _ => Ok(pid),
    }
}

/// Waits until a child is gone, so that it leaves no zombie.
pub(super) fn reap(pid: libc::pid_t) {
    let mut status = 0;
    loop {
        // SAFETY: `status` lives across the call. Needed because std waits only for children it started itself.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if waited != -1 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Lifts the limit on locked memory, which Linux before 5.11 charges maps to.
pub(super) fn lift_memlock() {
    let all = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the struct lives across the call. A refusal shows later as a map that cannot be made. Needed because std has
    // no resource limits.
    let _ = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const all) };
}

/// A file handle of kernfs: `struct file_handle` with room for the eight bytes of `FILEID_KERNFS`.
#[repr(C)]
struct KernfsHandle {
    /// Bytes of `id`: 8.
    bytes: u32,
    /// `FILEID_KERNFS`, filled in by the kernel.
    kind: i32,
    /// The node's id, in two halves so that the struct needs no more alignment than the kernel's.
    id: [u32; 2],
}

/// The kernel's 64-bit id of an open cgroup directory, `bpf_get_current_cgroup_id`'s number. Its inode number is only the
/// lower half of it on 32-bit kernels.
///
/// # Errors
/// What `name_to_handle_at` says (Linux 2.6.39, with `CONFIG_FHANDLE`).
pub(super) fn cgroup_id(directory: &std::fs::File) -> io::Result<u64> {
    let mut handle = KernfsHandle { bytes: 8, kind: 0, id: [0; 2] };
    let mut mount = 0_i32;
    // SAFETY: the path is an empty NUL-terminated literal, and both structs live across the call with the room they state.
    // Needed because no crate of the agent has the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            directory.as_raw_fd(),
            c"".as_ptr(),
            &raw mut handle,
            &raw mut mount,
            libc::AT_EMPTY_PATH,
        )
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(bytemuck::cast(handle.id))
}
