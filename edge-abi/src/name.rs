//! Hashes of the components of a path, computed in the kernel while it scans one and in the agent for what is watched.

/// Where a hash begins: FNV-1a of 32 bits.
pub const NAME_HASH_START: u32 = 0x811c_9dc5;

/// What it is multiplied by for each byte.
pub const NAME_HASH_PRIME: u32 = 0x0100_0193;

/// Hash of one component.
#[must_use]
pub const fn name_hash(name: &[u8]) -> u32 {
    let (mut hash, mut rest) = (NAME_HASH_START, name);
    while let [byte, after @ ..] = rest {
        hash = (hash ^ *byte as u32).wrapping_mul(NAME_HASH_PRIME);
        rest = after;
    }
    hash
}

/// Hash of the last two components, from those of each.
#[inline]
#[must_use]
pub const fn tail_hash(folder: u32, name: u32) -> u32 {
    folder.rotate_left(5) ^ name
}

/// Hash of a file by what it is, not by what it is called: the device of its file system as the kernel numbers it (`s_dev`: 12 bits of
/// major, 20 of minor) and its inode. Never 0.
#[inline]
#[must_use]
pub const fn file_hash(device: u32, inode: u64) -> u32 {
    // Multiplied, so that small inode numbers of neighbouring devices do not meet; 64 bits, since 32 would lose the upper half.
    let mixed = (inode ^ (device as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (mixed >> 32) as u32;
    if hash == 0 { 1 } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_two_devices_differ_and_none_is_nobody() {
        assert_eq!(file_hash(0x0010_0001, 77), file_hash(0x0010_0001, 77));
        assert_ne!(file_hash(0x0010_0001, 77), file_hash(0x0010_0002, 77));
        assert_ne!(file_hash(1, 77), file_hash(1, 78));
        assert_ne!(file_hash(1, 0x4d), file_hash(1, 0x4d | 1 << 40), "the upper half counts");
        assert_eq!(file_hash(0, 0), 1);
    }
}
