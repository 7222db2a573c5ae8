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
    /// `link(old, new)`, `symlink(target, new)`: the second path is made.
    Link = 14,
    /// `linkat(dir, old, dir, new)`.
    LinkAt = 15,
    /// `symlinkat(target, dir, new)`.
    SymlinkAt = 16,
    /// `chmod(path, mode)`.
    Chmod = 17,
    /// `fchmod(fd, mode)`.
    Fchmod = 18,
    /// `fchmodat(dir, path, mode)` and `fchmodat2`.
    FchmodAt = 19,
    /// `mknod(path, mode)`.
    Mknod = 28,
    /// `mknodat(dir, path, mode)`.
    MknodAt = 29,
    /// `mmap(address, length, protection, flags)`: a shared mapping that can be written is a way to write.
    Mmap = 20,
    /// `munmap(address, length)`, `msync`: what was written through a mapping is looked at.
    Munmap = 21,
    /// `ftruncate(fd, length)` and `ftruncate64`.
    Ftruncate = 22,
    /// `ptrace(request, pid)`.
    Ptrace = 32,
    /// `process_vm_writev(pid)`.
    RemoteWrite = 33,
    /// `init_module`, `finit_module`.
    Module = 34,
    /// `kexec_load`, `kexec_file_load`.
    Kexec = 35,
    /// `bpf(command)`.
    Bpf = 36,
    /// `socket(family, type, protocol)`.
    Socket = 37,
    /// `setsockopt(fd, level, name)`.
    SetSockOpt = 38,
    /// `unshare(flags)`.
    Unshare = 39,
    /// `setns(fd, type)`.
    SetNs = 40,
    /// `mount(source, target, kind, flags)`.
    Mount = 41,
    /// `pivot_root`.
    PivotRoot = 42,
    /// `prctl(option, argument)`.
    Prctl = 43,
    /// `dup2(old, new)`, `dup3`.
    Dup = 44,
    /// `fcntl(fd, command, argument)`.
    Fcntl = 45,
    /// `ioctl(fd, command)`.
    Ioctl = 46,
    /// `sendto(fd, buffer, length)`.
    SendTo = 47,
    /// `sendmsg(fd, message)`.
    SendMsg = 48,
    /// `io_uring_setup(entries, parameters)`.
    UringSetup = 50,
    /// `clone(flags)`.
    Clone = 56,
    /// `clone3(arguments)`, which begin with 64 bits of flags.
    Clone3 = 57,
    /// `move_mount`: the last step of mounting by descriptors.
    MoveMount = 58,
    /// `dup(old)`: the lowest descriptor that is free.
    DupLowest = 60,
}

/// Classes from here on name no path that `file_tamper` counts: acts, judged by their registers.
pub const FIRST_ACT: u8 = SyscallClass::Ptrace as u8;
