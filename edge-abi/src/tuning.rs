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

/// What one detector may do and when it decides; an entry of the rule table, by detector number. An entry of zeros is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Rule {
    /// [`crate::Mode`].
    pub mode: u32,
    /// Acts in a window that make a finding; 1 where a single one does.
    pub threshold: u32,
    /// Acts of a whole origin in a window that make a finding; 0 when origins are not counted.
    pub origin_threshold: u32,
    /// What else the detector can be told; its page says.
    pub option: u32,
    /// Length of the window, in nanoseconds.
    pub window_ns: u64,
}

/// Bits of [`Rule::option`] of `device_tamper` and `sysctl_tamper`.
pub mod rule_option {
    /// A cgroup program judges what it can see; path sensors leave that to it.
    pub const ELSEWHERE: u32 = 1 << 0;
}

/// Whose acts a [`Window`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct WindowKey {
    /// A tgid, the tgid of an origin, or the hash of an address or path.
    pub subject: u32,
    /// [`crate::Detector`].
    pub detector: u8,
    /// One of [`crate::reason`].
    pub reason: u8,
    /// 1 when the subject is an origin, 2 when it is a hash, else 0.
    pub kind: u8,
    /// Some bits of the object's hash, so that a process's acts on different objects are told one by one; else 0.
    pub object: u8,
}

/// What a program is, by the hash of its path; written by the agent, read at every exec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Allow {
    /// [`crate::Detector::bit`]s of the detectors it may set off.
    pub own: u32,
    /// The same for what it starts.
    pub children: u32,
    /// `task_flags::TRUSTED`, `task_flags::SPAWNER` and `task_flags::GUARD`.
    pub flags: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}

/// What an access to a watched path means; a value of the watch tables. One slot per kind of access, since reading a file can
/// be one detector's business and writing it another's; detector 0 is nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Watch {
    /// [`crate::Detector`] by number, for each [`WatchSlot`].
    pub detectors: [u8; 3],
    /// One of [`crate::reason`], for each.
    pub reasons: [u8; 3],
    /// 1 when the match is by name alone: the agent resolves the path and dismisses it when it leads elsewhere.
    pub by_name: u8,
    /// 1 when it stands for what lies below a folder, not for the folder; of entries of the map of inodes only.
    pub tree: u8,
}

/// Kinds of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WatchSlot {
    /// Opened for reading.
    Read = 0,
    /// Opened for writing, created, linked or renamed to.
    Write = 1,
    /// Emptied, deleted or renamed away.
    Remove = 2,
}

/// Time between two samples of a CPU for `resource_hijack`, in nanoseconds.
pub const SAMPLE_NS: u64 = 100_000_000;

/// Bits that say which [`WatchSlot`]s are meant.
pub mod watch_access {
    /// Reading.
    pub const READ: u8 = 1 << 0;
    /// Writing.
    pub const WRITE: u8 = 1 << 1;
    /// Removing.
    pub const REMOVE: u8 = 1 << 2;
}

/// Longest directory prefix that can be compared.
pub const PREFIX_BYTES: usize = 64;

/// A path, zero-padded, as the key data of the prefix map (a longest-prefix-match trie).
pub type PrefixData = [u8; PREFIX_BYTES];

/// Values of the prefix map of volatile places.
pub mod prefix_verdict {
    /// Below here is volatile storage.
    pub const VOLATILE: u8 = 1;
    /// Below here is exempt although a shorter prefix is volatile.
    pub const EXEMPT: u8 = 2;
    /// Added to either, or alone: below here lies what belongs to the image.
    pub const IMAGE: u8 = 4;
    /// Added to any, or alone, of a folder given by [`super::folder_prefix`]: whatever else is below it is neither.
    pub const KNOWN: u8 = 8;
}

/// Bytes of a [`folder_prefix`] that are compared.
pub const FOLDER_PREFIX_BYTES: usize = 16;

/// A folder as key data of the prefix map, by what it is: no path begins with the byte 1. `device` as in [`crate::file_hash`].
#[inline]
#[must_use]
pub const fn folder_prefix(device: u32, inode: u64) -> PrefixData {
    let [d0, d1, d2, d3] = device.to_ne_bytes();
    let [i0, i1, i2, i3, i4, i5, i6, i7] = inode.to_ne_bytes();
    let mut data = [0; PREFIX_BYTES];
    let [x0, _, _, _, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, ..] = &mut data;
    *x0 = 1;
    (*x4, *x5, *x6, *x7) = (d0, d1, d2, d3);
    (*x8, *x9, *x10, *x11, *x12, *x13, *x14, *x15) = (i0, i1, i2, i3, i4, i5, i6, i7);
    data
}

/// Hash of an executable's path, by which programs with a role are known: FNV-1a over the bytes before the first NUL, without
/// a leading `/usr`. On merged systems `/bin` and `/sbin` are links into `/usr`, so that `/sbin/x` and `/usr/sbin/x` are one
/// program under two names; where they are not, both are places only root can write.
///
/// Not a cryptographic hash: who can run programs as root under names of his own choosing can make one that collides. Only
/// root's processes are ever trusted, so that needs what a trusted name would give.
#[must_use]
pub const fn exe_hash(path: &[u8]) -> u64 {
    // Slice patterns, not indices: they need no bounds check that could panic, which the kernel side could not express.
    let mut rest = match path {
        [b'/', b'u', b's', b'r', below @ ..] if matches!(below, [b'/', ..]) => below,
        _ => path,
    };
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let [byte, after @ ..] = rest {
        if *byte == 0 {
            break;
        }
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = after;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_up_to_the_first_nul() {
        // Values of the reference implementation.
        assert_eq!(exe_hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(exe_hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(exe_hash(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(exe_hash(b"foobar\0stale"), exe_hash(b"foobar"));
        assert_eq!(exe_hash(b"\0/bin/x"), exe_hash(b""));
    }

    #[test]
    fn a_folder_is_its_device_and_inode() {
        let data = folder_prefix(0x0102_0304, 0x1112_1314_1516_1718);
        assert_eq!(data[..4], [1, 0, 0, 0]);
        assert_eq!(data[4..8], 0x0102_0304_u32.to_ne_bytes());
        assert_eq!(data[8..FOLDER_PREFIX_BYTES], 0x1112_1314_1516_1718_u64.to_ne_bytes());
        assert!(data[FOLDER_PREFIX_BYTES..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_leading_usr_is_no_difference() {
        assert_eq!(exe_hash(b"/usr/sbin/x"), exe_hash(b"/sbin/x"));
        assert_eq!(exe_hash(b"/usr/bin/x\0/usr/"), exe_hash(b"/bin/x"));
        assert_eq!(const { exe_hash(b"/usr/bin/x") }, exe_hash(b"/bin/x"));
    }

    #[test]
    fn only_the_whole_directory_usr_at_the_front_is_left_out() {
        for (left, right) in [
            (&b"/usr"[..], &b""[..]),
            (b"/usr\0/bin/x", b"/bin/x"),
            (b"/usrlocal/x", b"local/x"),
            (b"usr/bin/x", b"/bin/x"),
            (b"/opt/usr/bin/x", b"/opt/bin/x"),
            (b"/usr/usr/bin/x", b"/bin/x"),
            (b"/bin/x", b"/sbin/x"),
        ] {
            assert_ne!(exe_hash(left), exe_hash(right), "{left:?} {right:?}");
        }
    }
}
