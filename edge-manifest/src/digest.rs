//! What a content is known by.

use sha2::{Digest as _, Sha256};

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 16;

/// The first half of the SHA-256 of bytes that come in pieces.
///
/// ```
/// let mut digest = edge_manifest::Digest::new();
/// digest.update(b"ab");
/// digest.update(b"c");
/// assert_eq!(digest.finish()[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        let whole: [u8; 32] = self.0.finalize().into();
        let (half, _) = whole.split_first_chunk().unwrap_or((&[0; DIGEST_BYTES], &[]));
        *half
    }

    /// The digest of bytes that are at hand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut digest = Self::new();
        digest.update(bytes);
        digest.finish()
    }
}
