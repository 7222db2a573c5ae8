//! The record of `volatile_exec`.

use bytemuck::{Pod, Zeroable};

use crate::{CWD_BYTES, Header, PATH_BYTES};

/// Bits of [`VolatileExecRecord::flags`].
pub mod exec_flags {
    /// The path is relative.
    pub const RELATIVE: u32 = 1 << 0;
    /// The kernel side could not tell where the path leads (`..`, or a working directory it has not followed): the agent
    /// resolves it and dismisses what is harmless.
    pub const CANDIDATE: u32 = 1 << 1;
    /// The path fills its field and may be longer.
    pub const CUT: u32 = 1 << 2;
    /// Seen on the kprobe rung: at the handler of a syscall.
    pub const KPROBE: u32 = 1 << 3;
    /// Seen on the LSM rung.
    pub const LSM: u32 = 1 << 4;
}

/// A program was executed from volatile storage, or may have been.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct VolatileExecRecord {
    /// Common head.
    pub header: Header,
    /// [`exec_flags`].
    pub flags: u32,
    /// Bytes of `path`, without its NUL.
    pub path_len: u32,
    /// Bytes of `cwd`; 0 when the kernel side does not know it.
    pub cwd_len: u32,
    /// One of [`crate::reason`].
    pub reason: u32,
    /// The path given to `execve`, as `bprm->filename` has it.
    pub path: [u8; PATH_BYTES],
    /// The working directory as last changed to by an absolute path.
    pub cwd: [u8; CWD_BYTES],
}
