//! Syscalls by what they are looked at for: the groups that stands are made of.

use edge_abi::SyscallClass::{
    self, Bpf, Chdir, Chmod, Clone as CloneTask, Clone3, Creat, Dup, DupLowest, Fchdir, Fchmod, FchmodAt,
    Fcntl, Ftruncate, Ioctl, Kexec, Link, LinkAt, Mknod, MknodAt, Mmap, Module, Mount, MoveMount, Munmap,
    Open, OpenAt, OpenAt2, PivotRoot, Prctl, Ptrace, RemoteWrite, Rename, RenameAt, SendMsg, SendTo, SetNs,
    SetSockOpt, Socket, SymlinkAt, Truncate, Unlink, UnlinkAt, Unshare, UringSetup, Write, Writev,
};

/// What opens or makes a file.
pub(super) const OPENS: &[SyscallClass] = &[Open, OpenAt, OpenAt2, Creat];
/// What gives a file another name.
pub(super) const RENAMES: &[SyscallClass] = &[Rename, RenameAt];
/// What gives a file one more name.
pub(super) const LINKS: &[SyscallClass] = &[Link, LinkAt, SymlinkAt];
/// What deletes or empties a file.
pub(super) const REMOVES: &[SyscallClass] = &[Unlink, UnlinkAt, Truncate];
/// What changes the working directory that relative paths start from.
pub(super) const DIRECTORIES: &[SyscallClass] = &[Chdir, Fchdir];
/// What brings data into a file, or takes it out.
pub(super) const DATA: &[SyscallClass] = &[Write, Writev, Mmap, Munmap, Ftruncate];
/// The same where files are seen at security hooks: what is written there, and what mappings leave behind.
pub(super) const WRITES: &[SyscallClass] = &[Write, Writev, Munmap];
/// What mappings leave behind.
pub(super) const UNMAPS: &[SyscallClass] = &[Munmap];
/// What gives a file its mode.
pub(super) const MODES: &[SyscallClass] = &[Chmod, Fchmod, FchmodAt, Mknod, MknodAt];
/// What reaches into another process.
pub(super) const MEMORY: &[SyscallClass] = &[Ptrace, RemoteWrite];
/// What brings code into the kernel.
pub(super) const CODE: &[SyscallClass] = &[Module, Kexec, Bpf];
/// What sets up a ring.
pub(super) const SETUP: &[SyscallClass] = &[UringSetup];
/// What changes namespaces, mounts and roots.
pub(super) const NAMESPACES: &[SyscallClass] =
    &[Unshare, SetNs, Mount, MoveMount, PivotRoot, CloneTask, Clone3];
/// Of those, what has no security hook.
pub(super) const SPACES: &[SyscallClass] = &[Unshare, SetNs];
/// What names a process, or hides one.
pub(super) const NAMES: &[SyscallClass] = &[Prctl, Mount, MoveMount];
/// What moves descriptors.
pub(super) const DESCRIPTORS: &[SyscallClass] = &[Dup, DupLowest, Fcntl];
/// Of those, what has no security hook.
pub(super) const DUPLICATES: &[SyscallClass] = &[Dup, DupLowest];
/// Requests to drivers: the watchdog's options, routes.
pub(super) const REQUESTS: &[SyscallClass] = &[Ioctl];
/// What makes sockets, sets them up, and talks to the kernel through them.
pub(super) const SOCKETS: &[SyscallClass] = &[Socket, SetSockOpt, SendTo, SendMsg];
/// What opens a bus and sends on it.
pub(super) const BUSES: &[SyscallClass] = &[Socket, SendTo, SendMsg, Write, Writev];
/// Of those, what is not seen where a file is written to.
pub(super) const SENDS: &[SyscallClass] = &[Socket, SendTo, SendMsg];
