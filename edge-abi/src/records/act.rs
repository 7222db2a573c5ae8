//! The record of every detector whose evidence is one act of a process: done to a path, to an endpoint, to a process.

use bytemuck::{Pod, Zeroable};

use crate::{Header, PATH_BYTES};

/// Bits of [`ActRecord::flags`].
pub mod act_flags {
    /// The kernel side could not be certain: the agent looks at the process and dismisses what is harmless.
    pub const CANDIDATE: u8 = 1 << 0;
    /// `path` fills its field and may be longer.
    pub const CUT: u8 = 1 << 1;
    /// `path` is relative.
    pub const RELATIVE: u8 = 1 << 2;
    /// Counted for the whole origin, not for this process alone.
    pub const ORIGIN: u8 = 1 << 3;
    /// Seen on the kprobe rung.
    pub const KPROBE: u8 = 1 << 4;
    /// Seen on the LSM rung.
    pub const LSM: u8 = 1 << 5;
    /// Seen by a cgroup program.
    pub const CGROUP: u8 = 1 << 6;
    /// Seen by the agent when it looked at `/proc`; never set by a kernel program.
    pub const PROC: u8 = 1 << 7;
}

/// A process did something that a detector looks for, as often as its rule says.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct ActRecord {
    /// Common head; `first_ns` is the first act of the window.
    pub header: Header,
    /// One of [`crate::reason`].
    pub reason: u8,
    /// [`act_flags`].
    pub flags: u8,
    /// Port in host byte order; 0 without an endpoint.
    pub port: u16,
    /// Acts (or distinct targets, where the detector says so) in the window.
    pub count: u32,
    /// Length of the window, in nanoseconds; 0 where nothing is counted.
    pub window_ns: u64,
    /// A number that belongs to the reason: a signal, a syscall's argument, a device number, bytes. The detector's page says.
    pub value: u64,
    /// The other process; 0 when there is none.
    pub target: u32,
    /// Origin of the process, see [`crate::Task::origin`]; 0 when unknown.
    pub origin: u32,
    /// 4, 6, or 0 without an endpoint.
    pub family: u8,
    /// IP protocol number, or 0.
    pub protocol: u8,
    /// Bytes of `path` without its NUL; 0 when there is none.
    pub path_len: u16,
    /// Number of the file system that `path` is a path of, in the kernel's own form; 0 when it is a path like any other.
    pub device: u32,
    /// Address in network order; the first four bytes for IPv4.
    pub address: [u8; 16],
    /// What it was done to: a path as given, or a name.
    pub path: [u8; PATH_BYTES],
}
