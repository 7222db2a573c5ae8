//! What the kernel side reads through [`crate::Offset`] about things the agent knows as well: itself and some open files. The agent
//! compares, and uses no offset before everything holds (`edge-ebpf/src/sensors/facts.rs`, `edge-agent/src/load/facts.rs`).

use bytemuck::{Pod, Zeroable};

/// Files looked at: four that the agent opened, and its own executable.
pub const FACT_FILES: usize = 5;

/// Bytes of a name that are kept.
pub const FACT_NAME: usize = 32;

/// Bits of [`FileFacts::same`]: two ways to one thing that led to the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Same {
    /// `file.f_path.dentry.d_inode` is `file.f_inode`.
    Inode = 1,
    /// `dentry.d_sb` is `inode.i_sb`.
    Super = 2,
    /// `vfsmount.mnt_sb` is `inode.i_sb`.
    Mount = 4,
    /// The root of the mount is its own parent.
    Root = 8,
}

/// What was read of one file; zeros where nothing could be.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct FileFacts {
    /// `inode.i_ino`.
    pub ino: u64,
    /// `inode.i_size`, bytes.
    pub size: u64,
    /// `file.f_pos`, bytes.
    pub position: u64,
    /// `super_block.s_magic`.
    pub magic: u64,
    /// `i_ino` of the mount's root.
    pub root: u64,
    /// `i_ino` of `dentry.d_parent`.
    pub folder: u64,
    /// `super_block.s_dev`: 12 bits of major number, 20 of minor.
    pub dev: u32,
    /// `inode.i_rdev`, the same.
    pub rdev: u32,
    /// `inode.i_mode`.
    pub mode: u32,
    /// `inode.i_nlink`.
    pub links: u32,
    /// `inode.i_uid`, in the first user namespace.
    pub uid: u32,
    /// `inode.i_gid`, the same.
    pub gid: u32,
    /// `file.f_flags`.
    pub flags: u32,
    /// `file.f_mode`.
    pub access: u32,
    /// `dentry.d_name.len`, bytes.
    pub name_len: u32,
    /// Bits of [`Same`].
    pub same: u32,
    /// `sock.sk_type`, `sk_protocol` shifted by 16, of a socket.
    pub sock_type: u32,
    /// `socket.type`, and `sock_common.skc_family` shifted by 16, of a socket.
    pub sock_family: u32,
    /// `sock_common.skc_num`, and `skc_dport` shifted by 16, of a socket.
    pub sock_ports: u32,
    /// `sock_common.skc_daddr` of a socket.
    pub sock_peer: u32,
    /// Zero.
    pub reserved: [u32; 2],
    /// The first bytes of `dentry.d_name.name`, and a NUL.
    pub name: [u8; FACT_NAME],
    /// The same of `dentry.d_parent`.
    pub folder_name: [u8; FACT_NAME],
}

/// What was read of the process and its files; zeros where nothing could be.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Facts {
    /// The files, in the order of the descriptors that were given, then the executable (`mm.exe_file`).
    pub files: [FileFacts; FACT_FILES],
    /// `task_struct.start_boottime`, nanoseconds.
    pub start_ns: u64,
    /// `cred.cap_effective`.
    pub effective: u64,
    /// `cred.cap_permitted`.
    pub permitted: u64,
    /// `task_struct.tgid`.
    pub tgid: u32,
    /// `task_struct.pid`.
    pub pid: u32,
    /// `tgid` of `task_struct.real_parent`.
    pub parent: u32,
    /// `pid` of `task_struct.group_leader`.
    pub leader: u32,
    /// `cred.uid`, in the first user namespace.
    pub uid: u32,
    /// `cred.euid`, the same.
    pub euid: u32,
    /// `uid` of `task_struct.real_cred`.
    pub real_uid: u32,
    /// `fdtable.max_fds`.
    pub max_fds: u32,
    /// `user_namespace.ns.inum` of `cred.user_ns`.
    pub user_ns: u32,
    /// `user_namespace.level` of it.
    pub level: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// 1 when the program came to its end.
    pub done: u32,
    /// `task_struct.comm`, up to a NUL.
    pub comm: [u8; 16],
    /// Zero.
    pub reserved: u64,
}
