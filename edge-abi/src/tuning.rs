//! Map values the agent writes: what each detector may do and from when on. Read at every event, so a change of policy
//! takes effect at once and needs no reload.

use bytemuck::{Pod, Zeroable};

/// Tuning of `file_tamper`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FileTamperTuning {
    /// [`crate::Mode`].
    pub mode: u32,
    /// Files harmed in a window that make a finding.
    pub threshold: u32,
    /// Deletions in a window that make a finding by themselves.
    pub unlink_threshold: u32,
    /// Files harmed from which on writes are sampled.
    pub suspicion: u32,
    /// Distinct values among 128 sampled bytes at or above which content looks encrypted.
    pub diversity: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
    /// Length of the window, in nanoseconds.
    pub window_ns: u64,
}

/// Tuning of `lateral_scan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct LateralScanTuning {
    /// [`crate::Mode`].
    pub mode: u32,
    /// Distinct hosts in a window that make a finding.
    pub hosts: u32,
    /// Tries in a window that make a finding.
    pub tries: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
    /// Length of the window, in nanoseconds.
    pub window_ns: u64,
}

/// Tuning of `volatile_exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct VolatileExecTuning {
    /// [`crate::Mode`].
    pub mode: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}

/// Longest directory prefix that can be compared.
pub const PREFIX_BYTES: usize = 64;

/// A path, zero-padded, as the key data of the prefix map (a longest-prefix-match trie).
pub type PrefixData = [u8; PREFIX_BYTES];

/// Values of the prefix map.
pub mod prefix_verdict {
    /// Below here is volatile storage.
    pub const VOLATILE: u8 = 1;
    /// Below here is exempt although a shorter prefix is volatile.
    pub const EXEMPT: u8 = 2;
}

/// Hash of an executable's path, the key of the map of trusted programs: FNV-1a over the bytes before the first NUL.
///
/// Not a cryptographic hash: who can run programs as root under names of his own choosing can make one that collides. Only
/// root's processes are ever trusted, so that needs what a trusted name would give.
#[must_use]
pub fn exe_hash(path: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in path {
        if byte == 0 {
            break;
        }
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}
