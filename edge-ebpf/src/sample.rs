//! What is being written, told from a sample: how many different byte values it has.
//!
//! 128 bytes of good ciphertext hold 101 different values on average (256·(1−(255/256)^128)), with a standard deviation
//! near 5; prose holds 20 to 40, machine code 40 to 75. Formats that compress but cannot encrypt are told by their first
//! bytes: an archiver's output looks like ciphertext, yet nothing is lost in it.

/// Bytes sampled from a write at least as long.
pub const SAMPLE_BYTES: usize = 128;
/// Bytes sampled from a shorter write, and the shortest write that is sampled.
pub const SHORT_BYTES: usize = 64;

/// What a sample looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// As diverse as ciphertext.
    High,
    /// Ordinary.
    Low,
    /// At most two different values: a wipe.
    Flat,
    /// The write begins like a compressed file that cannot hold a key: gzip, xz, zstd, bzip2, lz4.
    Packed,
    /// Not sampled: too short, not readable, or not wanted.
    None,
}

/// A set of byte values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// The empty set.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.0 = [0; 4];
    }

    /// Adds one value. Without a branch, so that the verifier walks the sampling loop once per byte.
    #[inline(always)]
    pub fn insert(&mut self, byte: u8) {
        let index = usize::from(byte >> 6) & 3;
        if let Some(word) = self.0.get_mut(index) {
            *word |= 1 << (byte & 63);
        }
    }

    /// How many values are in the set.
    #[inline(always)]
    #[must_use]
    pub fn distinct(&self) -> u32 {
        let [a, b, c, d] = self.0;
        ones(a) + ones(b) + ones(c) + ones(d)
    }
}

/// Bits set in `word`, without the multiplication and the constants that the BPF back end would make of `count_ones`.
#[inline(always)]
fn ones(word: u64) -> u32 {
    let pairs = word - ((word >> 1) & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    let bytes = (nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let halves = bytes + (bytes >> 8);
    let words = halves + (halves >> 16);
    ((words + (words >> 32)) & 0x7f) as u32
}

/// Judges `distinct` values among [`SAMPLE_BYTES`], or among [`SHORT_BYTES`] when `short`.
#[inline(always)]
#[must_use]
pub fn classify(distinct: u32, short: bool, diversity: u32) -> Sample {
    // 64 bytes of ciphertext hold 57 values where 128 hold 101: nine sixteenths.
    let high = if short { (diversity * 9) >> 4 } else { diversity };
    if distinct >= high {
        Sample::High
    } else if distinct <= 2 {
        Sample::Flat
    } else {
        Sample::Low
    }
}

/// Whether a file that begins with these eight bytes (as a little-endian number) is compressed and cannot be encrypted.
#[inline(always)]
#[must_use]
pub fn is_packed(head: u64) -> bool {
    let four = head & 0xffff_ffff;
    // gzip, RFC 1952: 1f 8b, method 8 (deflate), three reserved flag bits clear.
    head & 0xe0ff_ffff == 0x0008_8b1f
        // xz: fd '7zXZ' 00; zstd, RFC 8878: 28 b5 2f fd; lz4 frame: 04 22 4d 18.
        || head & 0xffff_ffff_ffff == 0x0000_005a_587a_37fd
        || four == 0xfd2f_b528
        || four == 0x184d_2204
        // bzip2: 'BZh', level 1 to 9.
        || (head & 0x00ff_ffff == 0x0068_5a42 && (0x31..=0x39).contains(&((head >> 24) & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct(bytes: &[u8]) -> u32 {
        let mut set = ByteSet::default();
        for &byte in bytes {
            set.insert(byte);
        }
        set.distinct()
    }

    fn head(bytes: [u8; 8]) -> u64 {
        u64::from_le_bytes(bytes)
    }

    /// A stream as random as ciphertext (xorshift64*).
    fn stream(seed: u64) -> [u8; SAMPLE_BYTES] {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        core::array::from_fn(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        })
    }

    #[test]
    fn counts_values_not_bytes() {
        assert_eq!(distinct(&[7; 128]), 1);
        let all: std::vec::Vec<u8> = (0..=255).collect();
        assert_eq!(distinct(&all), 256);
        assert_eq!(distinct(b""), 0);
    }

    #[test]
    fn tells_ciphertext_from_text_and_from_a_wipe() {
        let text = b"The quick brown fox jumps over the lazy dog; meter 0042 reported 17.3 kWh at 2026-11-23T18:39:00Z, \
                     quality good, sensor id 8841.";
        assert_eq!(classify(distinct(&text[..128]), false, 80), Sample::Low);
        assert_eq!(classify(distinct(&text[..64]), true, 80), Sample::Low);
        assert_eq!(classify(distinct(&[0; 128]), false, 80), Sample::Flat);
    }

    #[test]
    fn ciphertext_is_high_in_both_lengths() {
        for seed in 0..2_000 {
            let bytes = stream(seed);
            assert_eq!(classify(distinct(&bytes), false, 80), Sample::High, "seed {seed}");
            assert_eq!(classify(distinct(&bytes[..64]), true, 80), Sample::High, "seed {seed}, short");
        }
    }

    #[test]
    fn knows_compressors_but_not_encryptors() {
        assert!(is_packed(head(*b"\x1f\x8b\x08\x08abcd")));
        assert!(is_packed(head(*b"\xfd7zXZ\x00\x00\x04")));
        assert!(is_packed(head(*b"\x28\xb5\x2f\xfd\x04\x00\x00\x00")));
        assert!(is_packed(head(*b"\x04\x22\x4d\x18\x64\x40\xa7\x00")));
        assert!(is_packed(head(*b"BZh91AY&")));
        assert!(!is_packed(head(*b"PK\x03\x04\x14\x00\x09\x00")), "zip can be encrypted");
        assert!(!is_packed(head(*b"7z\xbc\xaf\x27\x1c\x00\x04")), "7z can be encrypted");
        assert!(!is_packed(head(*b"Salted__")), "openssl enc");
        assert!(!is_packed(head(*b"BZh0....")));
        assert!(!is_packed(head(*b"\x1f\x8b\x08\xe0abcd")), "reserved flags");
    }
}
