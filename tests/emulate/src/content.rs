//! What files hold: text, program-like bytes, and bytes that look compressed or encrypted. All from seeds, so that a
//! file can be checked without keeping a copy.

/// A xorshift generator: not a cipher, and not meant to be one.
#[derive(Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream of a seed; any seed will do.
    pub(crate) const fn new(seed: u64) -> Self {
        // The state must never be zero.
        Self((seed.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Combines the stream with `bytes` in place; the same seed undoes it.
    pub(crate) fn combine(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, key) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte ^= key;
            }
        }
    }
}

/// `len` bytes of English-like text.
pub(crate) fn text(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the", "pump", "runs", "at", "night", "and", "sensor", "seven", "reports", "pressure", "of", "four",
        "bar", "while", "valve", "two",
    ];
    let mut stream = Stream::new(seed);
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        let number = stream.next();
        let word = WORDS.get((number >> 32) as usize % WORDS.len()).unwrap_or(&"");
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(if number.is_multiple_of(11) { b'\n' } else { b' ' });
    }
    bytes.truncate(len);
    bytes
}

/// `len` bytes that look compressed: every byte value about equally often.
pub(crate) fn compressed(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Stream::new(seed ^ 0x1f8b).combine(&mut bytes);
    bytes
}

/// `len` bytes like those of a program: an ELF header, code with few distinct bytes, zeros, strings.
pub(crate) fn program(seed: u64, len: usize) -> Vec<u8> {
    const CODE: [u8; 24] = [
        0x00, 0x00, 0xa0, 0xe3, 0x1e, 0xff, 0x2f, 0xe1, 0x04, 0xe0, 0x2d, 0xe5, 0x00, 0x48, 0x2d, 0xe9, 0x10,
        0x80, 0xbd, 0xe8, 0x01, 0x30, 0x83, 0xe2,
    ];
    let mut bytes = Vec::with_capacity(len + 32);
    bytes.extend_from_slice(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0\x01\0\0\0");
    let mut stream = Stream::new(seed);
    while bytes.len() < len * 7 / 10 {
        let start = (stream.next() >> 33) as usize % (CODE.len() / 4) * 4;
        bytes.extend_from_slice(CODE.get(start..start + 4).unwrap_or_default());
    }
    bytes.resize(bytes.len().max(len * 8 / 10), 0);
    bytes.extend_from_slice(&text(seed, len.saturating_sub(bytes.len())));
    bytes.truncate(len);
    bytes
}

/// What the `index`th file of a package holds: programs, texts, and some compressed pages.
pub(crate) fn packaged(index: u64, len: usize) -> Vec<u8> {
    match index % 5 {
        0 | 1 => program(index, len),
        2 | 3 => text(index, len),
        _ => compressed(index, len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many distinct byte values the first 128 bytes have.
    fn diversity(bytes: &[u8]) -> usize {
        let mut sample = bytes[..128].to_vec();
        sample.sort_unstable();
        sample.dedup();
        sample.len()
    }

    #[test]
    fn kinds_differ_in_the_diversity_of_their_bytes() {
        for seed in 0..50 {
            assert!(diversity(&text(seed, 4096)) < 40);
            assert!(diversity(&program(seed, 4096)) < 40);
            assert!(diversity(&compressed(seed, 4096)) > 80);
        }
    }

    #[test]
    fn combining_twice_restores_the_text_and_lengths_are_exact() {
        let plain = text(7, 1000);
        let mut bytes = plain.clone();
        Stream::new(3).combine(&mut bytes);
        assert_ne!(bytes, plain);
        Stream::new(3).combine(&mut bytes);
        assert_eq!(bytes, plain);
        assert_eq!((program(1, 10).len(), compressed(1, 33).len(), packaged(4, 99).len()), (10, 33, 99));
    }
}
