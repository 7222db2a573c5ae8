//! Processes: made in every way, given other programs, names, users, namespaces and signals.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

use super::check;

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It has not ended: a tracer is told that it stopped, by this signal.
    Stopped(i32),
}

/// Makes a child; `None` in the child.
pub(crate) fn fork() -> io::Result<Option<i32>> {
    // SAFETY: nothing is passed. Acts fork while they have one thread; in tests, which have several, both C libraries
    // keep their allocator usable in the child.
    let pid = check(unsafe { libc::fork() })?;
    Ok((pid != 0).then_some(pid as i32))
}

/// Makes a sibling: a child of this process's parent; `None` in the sibling. It cannot be waited for.
pub(crate) fn fork_sibling() -> io::Result<Option<i32>> {
    // SAFETY: as `fork`; without a stack given, the sibling continues on a copy of this one.
    let answer = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0) };
    let pid = check(answer)?;
    Ok((pid != 0).then_some(pid as i32))
}

/// Makes a child as [`fork`] does, by the newest call for it, `clone3`; `None` in the child.
pub(crate) fn fork_newest() -> io::Result<Option<i32>> {
    /// `SYS_clone3`, the same number on every architecture.
    const CLONE3: libc::c_long = 435;
    // `struct clone_args` in its first version: flags, three places for numbers, the signal that tells its end, stack and its size,
    // thread storage.
    let arguments = [0_u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    // SAFETY: as `fork`; the kernel reads the eight words, whose size is told.
    let answer = unsafe { libc::syscall(CLONE3, arguments.as_ptr(), size_of_val(&arguments)) };
    let pid = check(answer)?;
    Ok((pid != 0).then_some(pid as i32))
}

/// Runs `deed` in a child that shares this process's memory while this one waits, as `vfork` does. Returns the child.
pub(crate) fn vfork<F: FnMut()>(deed: &mut F) -> io::Result<i32> {
    /// What the child runs.
    extern "C" fn run<F: FnMut()>(deed: *mut c_void) -> c_int {
        // SAFETY: `deed` is the reference that `vfork` was given; its owner is suspended until this child is gone.
        let deed = unsafe { &mut *deed.cast::<F>() };
        deed();
        0
    }
    let mut stack = vec![0_u128; 1 << 14];
    let top = stack.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone and outlives it, since CLONE_VFORK returns when the child has ended; `run`
    // gets the pointer it expects.
    let answer = unsafe { libc::clone(run::<F>, top.cast(), flags, ptr::from_mut(deed).cast()) };
    Ok(check(answer)? as i32)
}

/// Ends this process at once, without running anything that a copy of a process must not run twice.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: nothing is passed; open files are closed by the kernel.
    unsafe { libc::_exit(code) }
}

/// Waits until a child has ended, or a traced child has stopped.
pub(crate) fn wait(pid: i32) -> io::Result<Status> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a valid, writable integer for the duration of the call.
        match check(unsafe { libc::waitpid(pid, &raw mut status, 0) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    Ok(if libc::WIFSIGNALED(status) {
        Status::Signal(libc::WTERMSIG(status))
    } else if libc::WIFSTOPPED(status) {
        Status::Stopped(libc::WSTOPSIG(status))
    } else {
        Status::Code(libc::WEXITSTATUS(status))
    })
}

/// Whether a child has not ended; leaves it to be waited for.
pub(crate) fn is_running(pid: i32) -> io::Result<bool> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the kernel writes one siginfo to `found`.
    check(unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), found.as_mut_ptr(), flags) })?;
    // SAFETY: zeros are a valid siginfo, and the kernel has written one over them at most.
    let found = unsafe { found.assume_init() };
    Ok(found.si_signo == 0)
}

/// Sends a signal to one process. Refuses groups and everyone.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: only numbers are passed.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Replaces this process's program by the one that `dir` and `path` name; an empty path names what `dir` has open. The
/// environment is empty. Returns only when it is not possible.
pub(crate) fn exec_at(dir: BorrowedFd<'_>, path: &CStr, words: &[CString]) -> io::Error {
    let words = pointers(words);
    let flags = if path.is_empty() { libc::AT_EMPTY_PATH } else { 0 };
    let nothing = [ptr::null::<c_char>()];
    // SAFETY: path and words are zero-terminated and alive, the lists end with a null pointer.
    let _ = unsafe {
        libc::syscall(
            libc::SYS_execveat,
            dir.as_raw_fd(),
            path.as_ptr(),
            words.as_ptr(),
            nothing.as_ptr(),
            flags,
        )
    };
    io::Error::last_os_error()
}

/// Replaces this process's program by the one at `path`. The environment is empty. Returns only when it is not possible.
pub(crate) fn exec(path: &CStr, words: &[CString]) -> io::Error {
    let words = pointers(words);
    let nothing = [ptr::null::<c_char>()];
    // SAFETY: path and words are zero-terminated and alive, the lists end with a null pointer.
    let _ = unsafe { libc::execve(path.as_ptr(), words.as_ptr(), nothing.as_ptr()) };
    io::Error::last_os_error()
}

/// The words as a list that ends with a null pointer.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
}

/// Gives the calling thread a name; the kernel keeps 15 bytes.
pub(crate) fn set_name(name: &CStr) -> io::Result<()> {
    // SAFETY: the name is zero-terminated and alive.
    check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }).map(drop)
}

/// Has this process end when its parent does, however that ends: a service that an act needs must not outlive it.
pub(crate) fn end_with_parent() -> io::Result<()> {
    // SAFETY: only numbers are passed.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Makes this process the leader of a new session.
pub(crate) fn new_session() -> io::Result<()> {
    // SAFETY: nothing is passed.
    check(unsafe { libc::setsid() }).map(drop)
}

/// Sets real, effective and saved user.
pub(crate) fn set_users(real: u32, effective: u32, saved: u32) -> io::Result<()> {
    // SAFETY: only numbers are passed.
    check(unsafe { libc::setresuid(real, effective, saved) }).map(drop)
}

/// Makes this process nicer.
pub(crate) fn be_nice() -> io::Result<()> {
    // SAFETY: only numbers are passed.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) }).map(drop)
}

/// Leaves namespaces for new ones.
pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: only numbers are passed.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Enters a namespace.
pub(crate) fn enter(namespace: BorrowedFd<'_>, kind: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for the duration of the call.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_everyone_and_groups_are_not_signalled() {
        for pid in [1, 0, -1, -7] {
            assert_eq!(kill(pid, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_child_that_shares_memory_is_done_when_the_call_returns() {
        let mut count = 1;
        let pid = vfork(&mut || count += 41).unwrap();
        assert_eq!((count, wait(pid).unwrap()), (42, Status::Code(0)));
    }
}
