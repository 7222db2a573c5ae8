//! How the new name of a renamed file relates to its old one, from what a kernel's names are: a length, and bytes of which few need to
//! be read. The same answers as [`crate::path::rename_shape`] gives for names within paths.

use crate::path::RenameShape;

/// Bytes of a name that are compared word by word; a longer one is compared at its end as well.
pub const HEAD_BYTES: u32 = 32;

/// The beginning of a name, as little-endian words; bytes behind the name are whatever was there.
pub type Head = [u64; (HEAD_BYTES / 8) as usize];

/// What the lengths and beginnings of two names leave to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are unrelated, or of one length.
    Plain,
    /// The new name may be the old one with something behind.
    Longer,
    /// The old name may be the new one with something behind.
    Shorter,
    /// The same, behind a dot that hides the old one.
    Hidden,
}

/// What the lengths tell; and, where they differ, the first bytes.
#[inline(always)]
#[must_use]
pub fn relation(old_len: u32, old: &Head, new_len: u32, new: &Head) -> Relation {
    let ([old_first, ..], [new_first, ..]) = (old, new);
    let hidden = old_first & 0xff == u64::from(b'.') && new_first & 0xff != u64::from(b'.');
    if old_len == 0 || new_len == 0 {
        Relation::Plain
    } else if new_len > old_len {
        // A hidden file that comes to light is no ending, whatever is behind its name.
        if hidden { Relation::Plain } else { Relation::Longer }
    } else if hidden {
        if old_len - 1 > new_len { Relation::Hidden } else { Relation::Plain }
    } else if old_len > new_len {
        Relation::Shorter
    } else {
        Relation::Plain
    }
}

/// Whether two names begin with the same `length` bytes, of which [`HEAD_BYTES`] are looked at.
#[inline(always)]
#[must_use]
pub fn begin_alike(left: &Head, right: &Head, length: u32) -> bool {
    let mut differs = 0;
    let mut rest = length;
    for (left, right) in left.iter().zip(right) {
        differs |= (left ^ right) & low_bytes(rest);
        rest = rest.saturating_sub(8);
    }
    differs == 0
}

/// Whether there is a letter among the first `length` of sixteen bytes: digits, dots, dashes and tildes alone are a rotation or a backup.
#[inline(always)]
#[must_use]
pub fn has_letter(bytes: [u64; 2], length: u32) -> bool {
    let [first, second] = bytes;
    letters(first) & low_bytes(length) | letters(second) & low_bytes(length.saturating_sub(8)) != 0
}

/// The shape of a renaming whose names were found to go on alike.
#[inline(always)]
#[must_use]
pub const fn shape(relation: Relation, letter: bool) -> RenameShape {
    match relation {
        Relation::Longer if letter => RenameShape::Ending,
        Relation::Shorter | Relation::Hidden => RenameShape::Arrival,
        Relation::Plain | Relation::Longer => RenameShape::Plain,
    }
}

/// A mask of the `count` lowest bytes.
#[inline(always)]
fn low_bytes(count: u32) -> u64 {
    if count >= 8 { u64::MAX } else { (1 << (count * 8)) - 1 }
}

/// The top bit of each byte that is an ASCII letter. Bytes are compared by sums that cannot carry into their neighbours.
#[inline(always)]
fn letters(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let folded = (word | (0x20 * EACH)) & (0x7f * EACH);
    let from_a = folded + (0x80 - 0x61) * EACH;
    let above_z = folded + (0x80 - 0x7b) * EACH;
    from_a & !above_z & !word & (0x80 * EACH)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::path::{PathBuffer, PathFacts, rename_shape, scan};

    /// As a sensor reads it: the name, then whatever lies behind.
    fn read<const WORDS: usize>(name: &[u8], at: usize) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        for (index, word) in words.iter_mut().enumerate() {
            let byte = |place: usize| name.get(at + index * 8 + place).copied().unwrap_or(b'Q');
            *word = u64::from_le_bytes(core::array::from_fn(byte));
        }
        words
    }

    /// As the sensor puts it together.
    fn judged(old: &str, new: &str) -> RenameShape {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let (old_len, new_len) = (old.len() as u32, new.len() as u32);
        let relation = relation(old_len, &read(old, 0), new_len, &read(new, 0));
        let skip = usize::from(relation == Relation::Hidden);
        let shared = if relation == Relation::Longer { old_len } else { new_len };
        if !begin_alike(&read(old, skip), &read(new, 0), shared) {
            return RenameShape::Plain;
        }
        if shared > HEAD_BYTES {
            let last = shared as usize - 8;
            if read::<1>(old, last + skip) != read::<1>(new, last) {
                return RenameShape::Plain;
            }
        }
        shape(relation, has_letter(read(new, shared as usize), new_len.saturating_sub(old_len)))
    }

    /// As the tracepoint rung judges the same names.
    fn by_text(old: &str, new: &str) -> RenameShape {
        let buffer = |name: &str| {
            let mut path = PathBuffer([[0; edge_abi::PREFIX_BYTES]; 2]);
            path.bytes_mut()[..name.len()].copy_from_slice(name.as_bytes());
            let mut facts = PathFacts::default();
            scan(&path, &mut facts);
            (path, facts.base)
        };
        let ((old, old_base), (new, new_base)) = (buffer(old), buffer(new));
        rename_shape(&old, old_base, &new, new_base, &mut [0; 2])
    }

    #[test]
    fn names_are_judged_as_the_tracepoint_rung_judges_them() {
        let long = "a-name-of-more-than-thirty-two-bytes-with-a-tail";
        let stems = ["a", "a.doc", ".a", ".a.doc", "syslog", "0123456789abcdef", "clip.mp4", long, "Zeta"];
        let ends = [
            "",
            ".locked",
            ".1",
            "-20261123",
            "~",
            ".part",
            "_X",
            ".[id-77].x",
            ".0.0.0.0.0.0.0.0.0.0z",
            "é",
            ".Xy12Zq",
        ];
        let mut names = Vec::new();
        for stem in stems {
            for end in ends {
                names.push(std::format!("{stem}{end}"));
            }
        }
        for old in &names {
            for new in &names {
                assert_eq!(judged(old, new), by_text(old, new), "{old} to {new}");
            }
        }
    }

    #[test]
    fn what_is_expected_of_attacks_and_of_maintenance() {
        assert_eq!(judged("a.doc", "a.doc.locked"), RenameShape::Ending);
        assert_eq!(judged("x.dpkg-new", "x"), RenameShape::Arrival);
        assert_eq!(judged(".photo.jpg.Xy12Zq", "photo.jpg"), RenameShape::Arrival);
        assert_eq!(judged("syslog", "syslog.1"), RenameShape::Plain);
        assert_eq!(judged("measure.a", "measure.b"), RenameShape::Plain);
    }

    #[test]
    fn letters_are_letters_only() {
        for byte in 0..=u8::MAX {
            let word = u64::from(byte) << 24 | 0x3030_3030_0030_3030;
            assert_eq!(has_letter([word, 0], 16), byte.is_ascii_alphabetic(), "{byte:#x}");
            assert!(!has_letter([word, 0], 3));
        }
    }
}
