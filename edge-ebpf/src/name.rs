//! Names of programs and processes: what they begin with, and what kind of program one stands for.

use edge_abi::{NAME_HASH_PRIME, NAME_HASH_START, name_hash, task_flags};

use crate::path::{PathBuffer, at, forget};

/// Bytes of a name that are looked at: those of a comm.
const BYTES: u32 = 16;

/// A name, looked at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Name {
    /// Its first four bytes, the first in the lowest place; bytes behind its end are 0. Fields are of 32 bits, because only such
    /// can be forgotten (see `path::forget`).
    words: [u32; 4],
    /// [`edge_abi::name_hash`] of its first 16 bytes.
    pub hash: u32,
    /// Its last byte, if it has no more than 16.
    pub last: u32,
}

impl Name {
    /// Whether it begins with `word`, of at most eight bytes.
    #[inline(always)]
    #[must_use]
    pub const fn begins(&self, word: &[u8]) -> bool {
        let [first, second, ..] = self.words;
        let (wanted, mask) = packed(word);
        (first as u64 | (second as u64) << 32) & mask == wanted
    }

    /// Whether its bytes from the ninth on begin with `word`, of at most eight bytes.
    #[inline(always)]
    #[must_use]
    pub const fn goes_on(&self, word: &[u8]) -> bool {
        let [_, _, third, fourth] = self.words;
        let (wanted, mask) = packed(word);
        (third as u64 | (fourth as u64) << 32) & mask == wanted
    }

    /// Looks at what stands in `path` from `start` on. `self` lies in map memory (see `path::forget`).
    #[inline(always)]
    pub fn read(&mut self, path: &PathBuffer, start: u32) {
        let mut words = [0_u32; 4];
        let (mut hash, mut last) = (NAME_HASH_START, 0_u32);
        let mut index = 0;
        while index < BYTES {
            let byte = u32::from(at(path, start + index));
            if byte == 0 {
                break;
            }
            if let Some(word) = words.get_mut(index as usize >> 2) {
                *word |= byte << ((index & 3) * 8);
            }
            hash = (hash ^ byte).wrapping_mul(NAME_HASH_PRIME);
            last = byte;
            index += 1;
        }
        for (slot, word) in self.words.iter_mut().zip(words) {
            *slot = forget(slot, word);
        }
        self.hash = forget(&mut self.hash, hash);
        self.last = forget(&mut self.last, last);
    }
}

/// [`edge_abi::name_hash`] of the first `length` bytes of a name, of at most 32, given as numbers whose first byte is the lowest.
#[inline(always)]
#[must_use]
pub fn hash_of_words(words: [u64; 4], length: u32) -> u32 {
    let (mut hash, mut index) = (NAME_HASH_START, 0_u32);
    for word in words {
        let mut shift = 0;
        while shift < 64 {
            let byte = (word >> shift) as u32 & 0xff;
            // All ones while the name lasts; no branch, which the verifier would walk both ways for every byte.
            let inside = ((index.wrapping_sub(length)).cast_signed() >> 31).cast_unsigned();
            hash = ((hash ^ byte).wrapping_mul(NAME_HASH_PRIME) & inside) | (hash & !inside);
            index += 1;
            shift += 8;
        }
    }
    hash
}

/// At most eight bytes as a number, and the bits that they occupy.
const fn packed(word: &[u8]) -> (u64, u64) {
    let (mut number, mut mask, mut shift, mut rest) = (0_u64, 0_u64, 0_u32, word);
    while let [byte, after @ ..] = rest {
        if shift < 64 {
            number |= (*byte as u64) << shift;
            mask |= 0xff << shift;
        }
        shift += 8;
        rest = after;
    }
    (number, mask)
}

/// Names that stand for one kind of program.
macro_rules! one_of {
    ($name:expr, $($word:literal),+ $(,)?) => {
        $($name == const { name_hash($word) })||+
    };
}

/// [`task_flags::INTERPRETER`] or [`task_flags::FETCHER`], by the last component of a program's path and that component's hash;
/// else 0.
#[inline(always)]
#[must_use]
pub fn kind(name: &Name, hash: u32) -> u32 {
    let interpreter = one_of!(
        hash, b"sh", b"ash", b"bash", b"dash", b"hush", b"zsh", b"ksh", b"mksh", b"rbash", b"busybox",
        b"toybox", b"lua", b"luajit", b"node", b"nodejs", b"tclsh", b"expect"
    ) || name.begins(b"python")
        || name.begins(b"perl")
        || name.begins(b"php")
        || name.begins(b"ruby")
        || name.begins(b"lua5");
    let fetcher = one_of!(
        hash,
        b"wget",
        b"wget2",
        b"curl",
        b"tftp",
        b"ftpget",
        b"ftp",
        b"lftp",
        b"aria2c",
        b"axel",
        b"uclient-fetch",
        b"fetch"
    );
    if interpreter {
        task_flags::INTERPRETER
    } else if fetcher {
        task_flags::FETCHER
    } else {
        0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use edge_abi::{PREFIX_BYTES, task_flags};

    use super::*;

    pub(crate) fn buffer(text: &[u8]) -> PathBuffer {
        let mut buffer = PathBuffer([[b'#'; PREFIX_BYTES]; 2]);
        let bytes = buffer.bytes_mut();
        bytes[..text.len()].copy_from_slice(text);
        bytes[text.len()] = 0;
        buffer
    }

    pub(crate) fn name(text: &[u8]) -> Name {
        let mut name = Name::default();
        name.read(&buffer(text), 0);
        name
    }

    #[test]
    fn a_name_ends_at_its_nul() {
        let found = name(b"sh");
        assert_eq!(
            (found.words, found.hash, found.last),
            ([0x6873, 0, 0, 0], name_hash(b"sh"), u32::from(b'h'))
        );
        assert!(found.begins(b"sh") && !found.begins(b"sh#") && !found.begins(b"sha"));
        let long = name(b"kworker/u8:2-events_unbound");
        assert!(long.begins(b"kworker/") && long.goes_on(b"u8:2-eve"));
        assert_eq!(long.hash, name_hash(b"kworker/u8:2-eve"));
    }

    #[test]
    fn words_have_the_hash_of_their_bytes() {
        for text in [&b"mem"[..], b".profile", b"authorized_keys2", b"", b"a-name-of-thirty-two-bytes-exact"]
        {
            let mut bytes = [0x5a_u8; 32];
            bytes[..text.len()].copy_from_slice(text);
            let mut words = [0; 4];
            for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
                *word = u64::from_le_bytes(chunk.try_into().unwrap());
            }
            assert_eq!(hash_of_words(words, text.len() as u32), name_hash(text), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_read_from_where_it_begins() {
        let mut found = Name::default();
        found.read(&buffer(b"/usr/bin/wget"), 9);
        assert_eq!(found, name(b"wget"));
    }

    #[test]
    fn programs_are_known_by_name_and_version() {
        let kind = |text: &[u8]| kind(&name(text), name_hash(text));
        for word in [&b"sh"[..], b"bash", b"busybox", b"python3.11", b"perl5.36", b"php8", b"lua5.4"] {
            assert_eq!(kind(word), task_flags::INTERPRETER, "{word:?}");
        }
        for word in [&b"wget"[..], b"curl", b"tftp", b"uclient-fetch"] {
            assert_eq!(kind(word), task_flags::FETCHER, "{word:?}");
        }
        for word in [&b"ls"[..], b"shadow", b"wgetx", b"", b"curly", b"pytho"] {
            assert_eq!(kind(word), 0, "{word:?}");
        }
    }
}
