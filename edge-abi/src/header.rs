//! The head of every record.

use bytemuck::{Pod, Zeroable};

/// Bytes of a comm, its NUL included: `TASK_COMM_LEN` in `include/linux/sched.h`.
pub const COMM_BYTES: usize = 16;

/// What every record starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// [`crate::ABI_VERSION`].
    pub abi: u16,
    /// [`crate::Detector`].
    pub detector: u8,
    /// [`crate::Outcome`].
    pub outcome: u8,
    /// [`crate::Mode`] the detector was in.
    pub mode: u32,
    /// `CLOCK_BOOTTIME` of the deciding event, in nanoseconds (`bpf_ktime_get_boot_ns`, Linux 5.8).
    pub time_ns: u64,
    /// `CLOCK_BOOTTIME` of the first operation counted in the window, in nanoseconds; equals `time_ns` where nothing is
    /// counted.
    pub first_ns: u64,
    /// Process, in the initial pid namespace.
    pub tgid: u32,
    /// Thread, in the initial pid namespace.
    pub tid: u32,
    /// Real user id, in the initial user namespace.
    pub uid: u32,
    /// How many operations of this process the detector judged worth a finding since its previous record, this one
    /// included: the held-back ones are counted, not sent.
    pub findings: u32,
    /// Name of the thread's main program, NUL-padded; the process may set it to anything.
    pub comm: [u8; COMM_BYTES],
}
