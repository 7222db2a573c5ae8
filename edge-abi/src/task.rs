//! What the kernel side remembers about a process between events.

use bytemuck::{Pod, Zeroable};

/// Bytes of a working directory that are kept.
pub const CWD_BYTES: usize = 64;

/// Bytes of an executable's path that are kept.
pub const EXE_BYTES: usize = 64;

/// Bits of [`Task::flags`].
pub mod task_flags {
    /// Descends from a trusted program: never a finding of `file_tamper` or `volatile_exec`.
    pub const TRUSTED: u32 = 1 << 0;
    /// The working directory is volatile.
    pub const CWD_VOLATILE: u32 = 1 << 1;
    /// The working directory was changed in a way that cannot be followed from syscall arguments (`fchdir`, `..`).
    pub const CWD_UNKNOWN: u32 = 1 << 2;
}

/// One process, keyed by tgid. Made at exec, and for processes with a flag set; children inherit flags and directory.
///
/// Kept after the process is gone, until its slot is needed: a verdict about a killed process still names its program.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Task {
    /// [`task_flags`].
    pub flags: u32,
    /// Bytes of `exe`; 0 when the process has not executed anything since it was forked: see its parent.
    pub exe_len: u32,
    /// Bytes of `cwd`; 0 when unknown.
    pub cwd_len: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
    /// The path last given to `execve`, which may be relative; cut at 64 bytes.
    pub exe: [u8; EXE_BYTES],
    /// The working directory as last changed to by an absolute path.
    pub cwd: [u8; CWD_BYTES],
}

/// Where a process comes from, keyed by its tgid. Threads have entries too, which nobody looks up.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Parent {
    /// `CLOCK_BOOTTIME` of the fork, in nanoseconds: the start time of the process.
    pub start_ns: u64,
    /// Process that forked.
    pub tgid: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}
