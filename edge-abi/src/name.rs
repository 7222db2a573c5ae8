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
