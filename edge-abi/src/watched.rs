//! Watched files by what they are instead of what they are called: device and inode, folder and name, device number.

use bytemuck::{Pod, Zeroable};

use crate::{PREFIX_BYTES, PrefixData};

/// A file or folder as the kernel knows it. In a key of the map of inodes nothing else may stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct FileId {
    /// `super_block.s_dev` (`include/linux/fs.h`): major number above 20 bits of minor number; [`PROC_DEV`] for every procfs.
    pub dev: u32,
    /// Keeps what follows aligned; always 0.
    pub reserved: u32,
    /// `inode.i_ino`.
    pub ino: u64,
}

impl FileId {
    /// The file `ino` of the file system `dev`.
    #[inline(always)]
    #[must_use]
    pub const fn new(dev: u32, ino: u64) -> Self {
        Self { dev, reserved: 0, ino }
    }
}

/// Stands for the device of every procfs: each mount of it has a device of its own since Linux 5.8, and the same files.
pub const PROC_DEV: u32 = u32::MAX;

/// First byte of the keys of a watched folder and a name in it, in the map of watched paths: where those of paths have their `/`.
/// Behind three zeros follow `dev` and `ino` as in [`FileId`], then the beginning of the path below the folder. A NUL ends what
/// ends there.
pub const BELOW_FOLDER: u8 = 1;

/// First byte of the keys of device numbers. Behind it follow the kind (`S_IFCHR` or `S_IFBLK` shifted right by 12), two zeros,
/// major and minor number as 32 bits each, the highest byte first.
pub const DEVICE: u8 = 2;

/// Where the name begins in a key of a folder.
pub const BELOW_AT: usize = 16;

/// Longest name in such a key, its NUL or slash included.
pub const BELOW_BYTES: usize = PREFIX_BYTES - BELOW_AT;

/// Bytes of a device's key before its minor number: all of them stand for a whole major number.
pub const DEVICE_MAJOR_BYTES: usize = 8;

/// The key of a folder, to be followed by a name. Numbers in the byte order of the machine.
#[inline(always)]
#[must_use]
#[expect(clippy::indexing_slicing, reason = "constant indices into an array, and `get` is not const")]
pub const fn folder_key(id: FileId) -> PrefixData {
    let mut key = [0; PREFIX_BYTES];
    let (dev, ino) = (id.dev.to_ne_bytes(), id.ino.to_ne_bytes());
    key[0] = BELOW_FOLDER;
    let mut index = 0;
    while index < 8 {
        if index < 4 {
            key[4 + index] = dev[index];
        }
        key[8 + index] = ino[index];
        index += 1;
    }
    key
}

/// The key of a device number. `kind` is the type of the node, `S_IFCHR` or `S_IFBLK`, shifted right by 12.
#[inline(always)]
#[must_use]
#[expect(clippy::indexing_slicing, reason = "constant indices into an array, and `get` is not const")]
pub const fn device_key(kind: u8, major: u32, minor: u32) -> PrefixData {
    let mut key = [0; PREFIX_BYTES];
    let (major, minor) = (major.to_be_bytes(), minor.to_be_bytes());
    key[0] = DEVICE;
    key[1] = kind;
    let mut index = 0;
    while index < 4 {
        key[4 + index] = major[index];
        key[8 + index] = minor[index];
        index += 1;
    }
    key
}

/// What the hashes of names that are watched in any folder are changed by where files are known by what they are: the same table
/// serves detectors that read paths.
pub const ANY_FOLDER: u32 = 0x5bd1_e995;

/// Bits of each filter of inodes; a power of two.
pub const FILTER_BITS: u32 = 1024;

/// Bits of each filter of names.
pub const NAME_FILTER_BITS: u32 = 256;

/// Which bit of a filter stands for a file or folder.
#[inline(always)]
#[must_use]
pub const fn filter_bit(dev: u32, ino: u64) -> u32 {
    let mixed = (ino as u32 ^ (ino >> 32) as u32).wrapping_mul(0x9e37_79b1) ^ dev.wrapping_mul(0x85eb_ca6b);
    (mixed >> 22) & (FILTER_BITS - 1)
}

/// Which bit of a filter stands for a step: what lies in a folder, by the first two bytes of its name, the first in the lower place and a
/// zero behind the end. Nearly everything in a folder is ruled out by it, where something in that folder is watched.
#[inline(always)]
#[must_use]
pub const fn step_bit(folder: FileId, head: u16) -> u32 {
    filter_bit(folder.dev ^ (head as u32).wrapping_mul(0xc2b2_ae35), folder.ino)
}

/// Which bit of a filter stands for a tree: a folder below which all is watched.
#[inline(always)]
#[must_use]
pub const fn tree_bit(folder: FileId) -> u32 {
    filter_bit(!folder.dev, folder.ino)
}

/// Which bit of a filter stands for a name: by its length and its first eight bytes, the first in the lowest place.
#[inline(always)]
#[must_use]
pub const fn name_bit(head: u64, length: u32) -> u32 {
    let kept = if length < 8 { head & ((1 << (length * 8)) - 1) } else { head };
    let mixed = (kept as u32 ^ (kept >> 32) as u32 ^ length).wrapping_mul(0x9e37_79b1);
    (mixed >> 24) & (NAME_FILTER_BITS - 1)
}

/// Places in the map of filters, whose values are 64 bits each, and which also carries the request by which the agent has the
/// sensor tell what it opens.
pub mod watched_slot {
    use super::{FILTER_BITS, NAME_FILTER_BITS};

    /// Files and folders whose reading is somebody's business.
    pub const READ: u32 = 0;
    /// Those where anything else is.
    pub const WRITE: u32 = READ + FILTER_BITS / 64;
    /// Those that the sensor has added itself.
    pub const FRESH: u32 = WRITE + FILTER_BITS / 64;
    /// Names whose reading is somebody's business.
    pub const NAME_READ: u32 = FRESH + FILTER_BITS / 64;
    /// Those where anything else is.
    pub const NAME_WRITE: u32 = NAME_READ + NAME_FILTER_BITS / 64;
    /// Steps that lead to what somebody reads ([`step_bit`](super::step_bit)), and the trees of those that do
    /// ([`tree_bit`](super::tree_bit)).
    pub const STEP_READ: u32 = NAME_WRITE + NAME_FILTER_BITS / 64;
    /// Those where anything else is somebody's business.
    pub const STEP_WRITE: u32 = STEP_READ + FILTER_BITS / 64;
    /// The thread that opens files to have them told, as `bpf_get_current_pid_tgid` has it; 0 when none does.
    pub const OWNER: u32 = STEP_WRITE + FILTER_BITS / 64;
    /// How many files it has opened since that was written: more than one for a file of a stacked file system.
    pub const FOUND: u32 = OWNER + 1;
    /// From here on `dev` and `ino` of each, in turns.
    pub const IDS: u32 = FOUND + 1;
    /// How many of them are kept.
    pub const KEPT: u32 = 4;
    /// [`crate::Detector::bit`]s of the detectors that read paths, and do not know files by what they are.
    pub const BY_PATH: u32 = IDS + 2 * KEPT;
    /// Folders that something is said of in the map of prefixes.
    pub const FOLDERS: u32 = BY_PATH + 1;
    /// The thread that was told to have opened a file of an overlay, as `bpf_get_current_pid_tgid` has it, until the layer below is opened.
    pub const TOLD: u32 = FOLDERS + FILTER_BITS / 64;
    /// All of them.
    pub const COUNT: u32 = TOLD + 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_kind_and_hold_their_numbers() {
        let folder = folder_key(FileId::new(0x0080_0001, 0x1122_3344_5566_7788));
        assert_eq!((folder[0], folder[BELOW_AT]), (BELOW_FOLDER, 0));
        assert_eq!(folder[4..8], 0x0080_0001_u32.to_ne_bytes());
        assert_eq!(folder[8..16], 0x1122_3344_5566_7788_u64.to_ne_bytes());
        let device = device_key(2, 90, 3);
        assert_eq!(device[..12], [DEVICE, 2, 0, 0, 0, 0, 0, 90, 0, 0, 0, 3]);
        assert_ne!(folder[0], b'/', "no path begins like it");
    }

    #[test]
    fn neighbours_have_bits_of_their_own() {
        let mut seen = [false; FILTER_BITS as usize];
        (1..100).for_each(|ino| seen[filter_bit(0x0080_0001, ino) as usize] = true);
        let bits = seen.iter().filter(|seen| **seen).count();
        assert!(bits > 90, "{bits}");
        assert_ne!(filter_bit(1, 2), filter_bit(2, 2));
    }

    #[test]
    fn steps_and_trees_have_bits_of_their_own() {
        let (root, etc) = (FileId::new(0x0080_0001, 2), FileId::new(0x0080_0001, 12));
        let step = |folder, name: [u8; 2]| step_bit(folder, u16::from_le_bytes(name));
        assert_ne!(step(root, *b"et"), step(root, *b"tm"));
        assert_ne!(step(root, *b"et"), step(etc, *b"et"));
        assert_ne!(tree_bit(root), tree_bit(etc));
        assert_ne!(tree_bit(root), filter_bit(root.dev, root.ino));
    }

    #[test]
    fn what_follows_a_short_name_does_not_matter() {
        let head = |text: &[u8; 8]| u64::from_le_bytes(*text);
        assert_eq!(name_bit(head(b"mem\0\0\0\0\0"), 3), name_bit(head(b"mem\0abcd"), 3));
        assert_ne!(name_bit(head(b"authoriz"), 15), name_bit(head(b"authoriz"), 16));
    }

    #[test]
    fn the_map_of_filters_holds_them_side_by_side() {
        assert_eq!((watched_slot::WRITE, watched_slot::FRESH, watched_slot::STEP_READ), (16, 32, 56));
        assert_eq!((watched_slot::OWNER, watched_slot::BY_PATH, watched_slot::COUNT), (88, 98, 116));
    }
}
