//! The file of a program as the kernel holds it, on rungs that can look at it: what has no name, and where the rest lies.

use edge_abi::prefix_verdict;

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `include/uapi/linux/magic.h`: file systems in memory. `devtmpfs` is one of the former.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// `S_ISUID`.
const SET_UID: u32 = 0o4000;

/// How many folders are looked at above a file.
pub const DEPTH: u32 = 12;

/// What was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Names it has; 0 when it never had one or has lost the last.
    pub links: u32,
    /// `i_mode`.
    pub mode: u32,
    /// User id of its owner.
    pub owner: u32,
    /// `s_magic` of its file system.
    pub magic: u64,
    /// [`prefix_verdict`] of the nearest folder above it that the agent told of; 0 when there is none within [`DEPTH`].
    pub verdict: u8,
}

/// Where a file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In no folder that the agent told of.
    Unknown,
    /// In a place that survives.
    Elsewhere,
    /// In a place that does not, or that anyone may write to.
    Volatile,
}

impl Image {
    /// Whether it has no name.
    #[inline(always)]
    #[must_use]
    pub const fn is_nameless(&self) -> bool {
        self.links == 0
    }

    /// Whether its file system keeps it in memory only.
    #[inline(always)]
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        IN_MEMORY.contains(&self.magic)
    }

    /// Whether whoever executes it becomes root.
    #[inline(always)]
    #[must_use]
    pub const fn is_door(&self) -> bool {
        self.mode & SET_UID != 0 && self.owner == 0
    }

    /// Where it lies. A file system in memory that was there when the agent looked is what the agent said; a later one is volatile.
    #[inline(always)]
    #[must_use]
    pub fn place(&self) -> Where {
        const SAID: u8 = prefix_verdict::EXEMPT | prefix_verdict::IMAGE | prefix_verdict::KNOWN;
        if self.verdict & prefix_verdict::EXEMPT != 0 {
            Where::Elsewhere
        } else if self.verdict & prefix_verdict::VOLATILE != 0 {
            Where::Volatile
        } else if self.verdict & SAID != 0 {
            Where::Elsewhere
        } else if self.is_in_memory() && !self.is_nameless() {
            Where::Volatile
        } else if self.is_nameless() {
            // A memfd lies nowhere; `fileless_exec` tells of it.
            Where::Elsewhere
        } else {
            Where::Unknown
        }
    }

    /// Whether it is part of the image; `None` when that is not known.
    #[inline(always)]
    #[must_use]
    pub fn is_of_image(&self) -> Option<bool> {
        if self.is_nameless() {
            return Some(false);
        }
        match self.place() {
            Where::Unknown => None,
            _ => Some(self.verdict & prefix_verdict::IMAGE != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_abi::prefix_verdict::{EXEMPT, IMAGE, KNOWN, VOLATILE};

    use super::*;

    const EXT4: u64 = 0xef53;
    const TMPFS: u64 = 0x0102_1994;

    fn file(magic: u64, verdict: u8) -> Image {
        Image { links: 1, mode: 0o100_755, owner: 0, magic, verdict }
    }

    #[test]
    fn a_place_is_what_the_agent_said_of_the_nearest_folder() {
        assert_eq!(file(EXT4, VOLATILE | KNOWN).place(), Where::Volatile, "/tmp on flash");
        assert_eq!(file(EXT4, KNOWN).place(), Where::Elsewhere);
        assert_eq!(file(TMPFS, KNOWN).place(), Where::Elsewhere, "a root file system in memory");
        assert_eq!(file(TMPFS, EXEMPT | KNOWN).place(), Where::Elsewhere);
        assert_eq!(file(EXT4, 0).place(), Where::Unknown, "mounted later");
    }

    #[test]
    fn a_file_system_in_memory_that_nobody_told_of_is_volatile() {
        assert_eq!(file(TMPFS, 0).place(), Where::Volatile);
        assert_eq!(file(0x8584_58f6, 0).place(), Where::Volatile);
        let memfd = Image { links: 0, ..file(TMPFS, 0) };
        assert_eq!((memfd.place(), memfd.is_nameless()), (Where::Elsewhere, true));
        let deleted = Image { links: 0, ..file(TMPFS, VOLATILE | KNOWN) };
        assert_eq!(deleted.place(), Where::Volatile, "still below /tmp");
    }

    #[test]
    fn the_image_is_what_lies_in_its_folders_and_has_a_name() {
        assert_eq!(file(EXT4, IMAGE | KNOWN).is_of_image(), Some(true));
        assert_eq!(file(EXT4, KNOWN).is_of_image(), Some(false));
        assert_eq!(file(EXT4, 0).is_of_image(), None);
        assert_eq!(file(TMPFS, 0).is_of_image(), Some(false));
        let deleted = Image { links: 0, ..file(EXT4, IMAGE | KNOWN) };
        assert_eq!(deleted.is_of_image(), Some(false));
    }

    #[test]
    fn only_roots_set_uid_files_are_doors() {
        let with = |mode, owner| Image { mode, owner, ..file(EXT4, KNOWN) }.is_door();
        assert!(with(0o104_755, 0));
        assert!(!with(0o104_755, 1000) && !with(0o100_755, 0) && !with(0o102_755, 0));
    }
}
