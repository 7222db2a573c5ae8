//! The entries: what may be executed, sorted by path, each without what it shares with the one before.

use core::cmp::Ordering;

use crate::cursor::Cursor;
use crate::{DIGEST_BYTES, Error, MAX_PATH_BYTES, check_path};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An ELF file.
    Program,
    /// A file that begins with `#!`.
    Script,
    /// A kernel module.
    Module,
    /// A symbolic link to one of the others: known by its path, with size 0 and a digest of zeros.
    Link,
}

impl Kind {
    /// As in a manifest.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Program => 1,
            Self::Script => 2,
            Self::Module => 3,
            Self::Link => 4,
        }
    }

    /// From a manifest.
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Program),
            2 => Some(Self::Script),
            3 => Some(Self::Module),
            4 => Some(Self::Link),
            _ => None,
        }
    }

    /// As a word: `program`, `script`, `module`, `link`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Script => "script",
            Self::Module => "module",
            Self::Link => "link",
        }
    }
}

/// What a manifest says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What lies there.
    pub kind: Kind,
    /// Its size in bytes; 0 for a link.
    pub size: u64,
    /// The [`Digest`](crate::Digest) of its content; zeros for a link.
    pub digest: [u8; DIGEST_BYTES],
}

/// An entry with its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'p> {
    /// The path, not necessarily UTF-8.
    pub path: &'p [u8],
    /// What lies there.
    pub kind: Kind,
    /// Its size in bytes; 0 for a link.
    pub size: u64,
    /// The [`Digest`](crate::Digest) of its content; zeros for a link.
    pub digest: [u8; DIGEST_BYTES],
}

/// An entry as it is written.
#[derive(Clone, Copy, Debug)]
struct Raw<'a> {
    /// How many bytes it takes from the path before.
    shared: usize,
    /// What follows those.
    suffix: &'a [u8],
    /// The rest.
    found: Found,
}

impl<'a> Raw<'a> {
    /// Reads one, behind a path of `before` bytes.
    fn read(cursor: &mut Cursor<'a>, before: usize) -> Result<Self, Error> {
        let shared = cursor.count("bytes shared with the path before", before)?;
        let suffix = cursor.count("bytes of a path", MAX_PATH_BYTES - shared)?;
        let suffix = cursor.bytes("path of an entry", suffix)?;
        let at = cursor.at();
        let value = cursor.byte("kind of an entry")?;
        let known = "1, 2, 3, 4";
        let kind = Kind::of(value).ok_or(Error::Unknown { field: "kind of an entry", at, value, known })?;
        let (size, digest) = match kind {
            Kind::Link => (0, [0; DIGEST_BYTES]),
            _ => (cursor.size("size of an entry")?, cursor.array("digest of an entry")?),
        };
        Ok(Self { shared, suffix, found: Found { kind, size, digest } })
    }
}

/// The entries of a manifest, in the order of their paths. Lends each with its path, which is put together in a buffer of its own; so it
/// is no [`Iterator`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    /// The next entry.
    cursor: Cursor<'a>,
    /// How many there are.
    left: usize,
    /// The path of the entry before.
    path: [u8; MAX_PATH_BYTES + 1],
    /// Its length.
    length: usize,
}

impl<'a> Entries<'a> {
    /// So many entries from here.
    pub(crate) const fn new(cursor: Cursor<'a>, left: usize) -> Self {
        Self { cursor, left, path: [0; MAX_PATH_BYTES + 1], length: 0 }
    }

    /// The next entry, as long as its path is not wanted any more when the one after it is.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Entry<'_>> {
        self.left = self.left.checked_sub(1)?;
        let raw = Raw::read(&mut self.cursor, self.length).ok()?;
        self.length = raw.shared + raw.suffix.len();
        self.path.get_mut(raw.shared..self.length)?.copy_from_slice(raw.suffix);
        let Found { kind, size, digest } = raw.found;
        Some(Entry { path: self.path.get(..self.length)?, kind, size, digest })
    }

    /// How many are still to come.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Checks all, and returns the place behind them.
    pub(crate) fn check(mut self) -> Result<Cursor<'a>, Error> {
        for item in 0..self.left {
            let at = self.cursor.at();
            let raw = Raw::read(&mut self.cursor, self.length)?;
            // The first byte that differs decides. So nothing is there twice, and what is shared is all that could be.
            let before = if raw.shared < self.length { self.path.get(raw.shared) } else { None };
            if raw.suffix.first() <= before {
                return Err(Error::Order { field: "entry", at, item });
            }
            self.length = raw.shared + raw.suffix.len();
            if let Some(place) = self.path.get_mut(raw.shared..self.length) {
                place.copy_from_slice(raw.suffix);
            }
            check_path(self.path.get(..self.length).unwrap_or_default()).map_err(|fault| Error::Path {
                field: "path of an entry",
                at,
                fault,
            })?;
        }
        Ok(self.cursor)
    }
}

/// Looks for a path, without putting any together: as long as entries come before it, `alike` of its bytes are those of the last one.
pub(crate) fn find(mut cursor: Cursor<'_>, count: usize, path: &[u8]) -> Option<Found> {
    let (mut alike, mut before) = (0, 0);
    for _ in 0..count {
        let raw = Raw::read(&mut cursor, before).ok()?;
        before = raw.shared + raw.suffix.len();
        match raw.shared.cmp(&alike) {
            // Differs where the last one did, and in the same byte.
            Ordering::Greater => {}
            // Left the path behind it where the last one did not.
            Ordering::Less => return None,
            Ordering::Equal => {
                let rest = path.get(alike..)?;
                match raw.suffix.cmp(rest) {
                    Ordering::Equal => return Some(raw.found),
                    Ordering::Greater => return None,
                    Ordering::Less => {
                        alike += raw.suffix.iter().zip(rest).take_while(|(one, other)| one == other).count();
                    }
                }
            }
        }
    }
    None
}
