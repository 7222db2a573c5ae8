//! Bounded byte strings: names and paths as the kernel has them, which need not be text.

use core::fmt;

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// At most `N` bytes that are usually, but not certainly, UTF-8. On the wire: a varint length, then the bytes.
///
/// What does not fit is cut at the end, since a path's meaning for a person degrades gracefully; callers that must know
/// compare lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes<const N: usize>(Vec<u8, N>);

impl<const N: usize> Bytes<N> {
    /// An empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The first `N` bytes of `bytes`.
    #[must_use]
    pub fn cut(bytes: &[u8]) -> Self {
        let mut held = Vec::new();
        let end = bytes.len().min(N);
        // The slice is at most N long, so this cannot fail; a failure would only leave the string empty.
        let _ = held.extend_from_slice(bytes.get(..end).unwrap_or_default());
        Self(held)
    }

    /// The bytes before the first NUL of a fixed kernel field, cut to `N`.
    #[must_use]
    pub fn until_nul(field: &[u8]) -> Self {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        Self::cut(field.get(..end).unwrap_or_default())
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> fmt::Display for Bytes<N> {
    /// Text for a person: printable ASCII and valid UTF-8 as they are; control characters, invisible and direction-turning
    /// ones, backslashes and invalid bytes as `\xNN`, so that a hostile name can neither move the cursor nor forge a line
    /// nor hide a part of itself. Look-alike letters stay what they are.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if misleads(character) {
                    let mut buffer = [0; 4];
                    for byte in character.encode_utf8(&mut buffer).bytes() {
                        write!(out, "\\x{byte:02x}")?;
                    }
                } else {
                    write!(out, "{character}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character would do something else than appear: controls, the backslash that starts an escape, and those that
/// Unicode calls format characters or line and paragraph separators, as far as terminals act on them.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\\' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn cuts_at_the_bound_and_at_nul() {
        assert_eq!(Bytes::<3>::cut(b"abcdef").as_slice(), b"abc");
        assert_eq!(Bytes::<16>::until_nul(b"sh\0garbage").as_slice(), b"sh");
        assert_eq!(Bytes::<2>::until_nul(b"sh").as_slice(), b"sh");
        assert!(Bytes::<2>::until_nul(b"\0").is_empty());
    }

    #[test]
    fn shows_hostile_bytes_escaped() {
        let name = Bytes::<16>::cut(b"a\x1b[2J\xff\\\n");
        assert_eq!(name.to_string(), "a\\x1b[2J\\xff\\x5c\\x0a");
        assert_eq!(Bytes::<16>::cut("härte".as_bytes()).to_string(), "härte");
        let turned = Bytes::<16>::cut("\u{202e}txt.sh\u{200b}".as_bytes());
        assert_eq!(turned.to_string(), "\\xe2\\x80\\xaetxt.sh\\xe2\\x80\\x8b");
    }
}
