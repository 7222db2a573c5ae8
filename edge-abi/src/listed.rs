//! The list of programs that the image is made of, as the kernel side searches it: an array of numbers, in order, of files and of paths.

/// Places in the map `LISTED`. Behind them stand the numbers of files, ascending, then those of paths, ascending.
pub mod listed_slot {
    /// How many files, in the lower half; [`super::listed_state`] in the upper.
    pub const FILES: u32 = 0;
    /// How many paths.
    pub const PATHS: u32 = 1;
    /// The first number.
    pub const FIRST: u32 = 2;
}

/// What holds of the list, in the upper half of [`listed_slot::FILES`].
pub mod listed_state {
    /// There is one. Without this bit everything is as if there were none.
    pub const ACTIVE: u32 = 1;
    /// Files are known by what they are, not only by their paths.
    pub const BY_FILE: u32 = 2;
}

/// Most numbers of one kind; the search takes [`LISTED_STEPS`] steps.
pub const LISTED_MOST: u32 = (1 << LISTED_STEPS) - 1;

/// Steps of a search.
pub const LISTED_STEPS: u32 = 14;

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

    #[test]
    fn a_search_reaches_every_place() {
        assert_eq!(LISTED_MOST, (0..LISTED_STEPS).map(|step| 1 << step).sum::<u32>());
    }
}
