//! What the kernel side remembers about a process between events.

use bytemuck::{Pod, Zeroable};

/// Bytes of a working directory that are kept.
pub const CWD_BYTES: usize = 64;

/// Bits of [`Task::flags`].
pub mod task_flags {
    /// Descends from a trusted program: never a finding of `file_tamper` or `volatile_exec`.
    pub const TRUSTED: u32 = 1 << 0;
    /// The working directory is volatile.
    pub const CWD_VOLATILE: u32 = 1 << 1;
    /// The working directory was changed in a way that cannot be followed from syscall arguments (`fchdir`, `..`).
    pub const CWD_UNKNOWN: u32 = 1 << 2;
}

/// One process, keyed by tgid. Only processes with a flag set have an entry; children inherit it.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Task {
    /// [`task_flags`].
    pub flags: u32,
    /// Bytes of `cwd`; 0 when unknown.
    pub cwd_len: u32,
    /// The working directory as last changed to by an absolute path.
    pub cwd: [u8; CWD_BYTES],
}
