//! What a syscall means to the sensors, as a table that the agent fills for the machine it runs on.

/// Syscall numbers below this have a slot; no architecture we serve has reached it.
pub const COMPAT_BASE: usize = 512;

/// Slots of the table: native numbers, then those of 32-bit tasks on a 64-bit kernel.
pub const SYSCALL_SLOTS: usize = 2 * COMPAT_BASE;

/// The shape of a syscall's arguments. Numbered from 0, so that a table of zeros means nothing is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SyscallClass {
    /// Not watched.
    None = 0,
    /// `rename(old, new)`.
    Rename = 1,
    /// `renameat(dir, old, dir, new)` and `renameat2`.
    RenameAt = 2,
    /// `unlink(path)`.
    Unlink = 3,
    /// `unlinkat(dir, path, flags)`.
    UnlinkAt = 4,
    /// `open(path, flags)`.
    Open = 5,
    /// `openat(dir, path, flags)`.
    OpenAt = 6,
    /// `openat2(dir, path, how, size)`.
    OpenAt2 = 7,
    /// `creat(path)`.
    Creat = 8,
    /// `truncate(path, length)` and `truncate64`.
    Truncate = 9,
    /// `write(fd, buffer, length)`, `pwrite64`.
    Write = 10,
    /// `writev(fd, vector, count)`, `pwritev`, `pwritev2`.
    Writev = 11,
    /// `chdir(path)`.
    Chdir = 12,
    /// `fchdir(fd)`.
    Fchdir = 13,
}
