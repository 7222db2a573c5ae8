//! The list of programs that the image is made of: the map `LISTED`, from numbers of files and of paths to what they are.

/// What an entry of the list is; one number may be both.
pub mod listed_kind {
    /// The number of a file, see [`super::listed_file`].
    pub const FILE: u8 = 1;
    /// The hash of a path, see [`crate::exe_hash`].
    pub const PATH: u8 = 2;
}

/// The entry that says what holds of the list. No file has this number: no device has that one.
pub const LISTED_HEAD: u64 = u64::MAX;

/// The value of [`LISTED_HEAD`], as bits. Without that entry everything is as if there were no list.
pub mod listed_state {
    /// There is a list.
    pub const ACTIVE: u8 = 1;
    /// Files are known by what they are, not only by their paths.
    pub const BY_FILE: u8 = 2;
}

/// Most entries.
pub const LISTED_MOST: u32 = 32_768;

/// The number of a file. `device` as in [`crate::file_hash`]. Inode numbers of 32 bits, which all file systems of flash have, give each
/// file a number of its own; of longer ones the upper half is mixed in.
#[inline]
#[must_use]
pub const fn listed_file(device: u32, inode: u64) -> u64 {
    let upper = (inode >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((device as u64) << 32 | (inode & 0xffff_ffff)) ^ upper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_numbers_of_their_own() {
        assert_eq!(listed_file(0x0010_0001, 0x4d), 0x0010_0001_0000_004d);
        assert_ne!(listed_file(1, 0x4d), listed_file(2, 0x4d));
        assert_ne!(listed_file(1, 0x4d), listed_file(1, 1 << 32 | 0x4d));
        assert_ne!(listed_file(1, 1 << 32 | 0x4d), listed_file(0, 0x4d));
    }
}
