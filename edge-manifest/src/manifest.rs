//! A manifest as a whole.

use core::fmt;

use crate::cursor::Cursor;
use crate::sections::Section;
use crate::{
    DIGEST_BYTES, Digest, Entries, Error, FileSystem, FolderLink, Found, Listen, MAGIC, MAX_BYTES,
    MAX_ENTRIES, MAX_IMAGE_BYTES, MAX_PATH_BYTES, Peer, VERSION, entries,
};

/// A manifest that was checked. Copies are of a few words; the bytes stay where they are.
#[derive(Clone)]
pub struct Manifest<'a> {
    /// Name of the image.
    image: &'a str,
    /// File systems.
    file_systems: Section<'a, FileSystem<'a>>,
    /// Listening ports.
    listens: Section<'a, Listen<'a>>,
    /// Peers.
    peers: Section<'a, Peer>,
    /// Folder links.
    folder_links: Section<'a, FolderLink<'a>>,
    /// Number of entries.
    count: usize,
    /// The first entry.
    entries: Cursor<'a>,
    /// The seal.
    seal: [u8; DIGEST_BYTES],
}

impl fmt::Debug for Manifest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("image", &self.image)
            .field("entries", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a> Manifest<'a> {
    /// Checks every byte.
    ///
    /// # Errors
    /// [`Error`] of the first byte that cannot be; damage is seen by the seal, before anything that the bytes say is believed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Size { value: bytes.len(), limit: MAX_BYTES });
        }
        let mut head = Cursor::new(bytes, 0);
        if head.array("magic").map_err(|_| Error::Magic)? != MAGIC {
            return Err(Error::Magic);
        }
        let value = head.byte("version")?;
        if value != VERSION {
            return Err(Error::Version { value, known: VERSION });
        }
        let end = bytes.len().saturating_sub(DIGEST_BYTES).max(head.at());
        let (body, seal) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        if Digest::of(body) != *seal {
            return Err(Error::Seal { at: end });
        }
        let mut cursor = Cursor::new(body.get(head.at()..).unwrap_or_default(), head.at());
        let image = cursor.text("name of the image", MAX_IMAGE_BYTES)?;
        let file_systems = Section::read(&mut cursor)?;
        let listens = Section::read(&mut cursor)?;
        let peers = Section::read(&mut cursor)?;
        let folder_links = Section::read(&mut cursor)?;
        let count = cursor.count("number of entries", MAX_ENTRIES)?;
        let entries = cursor;
        let behind = Entries::new(entries, count).check()?;
        if behind.left() > 0 {
            return Err(Error::Surplus { at: behind.at(), value: behind.left() });
        }
        let seal = seal.first_chunk().copied().unwrap_or_default();
        Ok(Self { image, file_systems, listens, peers, folder_links, count, entries, seal })
    }

    /// Name of the image, perhaps empty.
    #[must_use]
    pub const fn image(&self) -> &'a str {
        self.image
    }

    /// Where the image's executables lie.
    pub fn file_systems(&self) -> impl Iterator<Item = FileSystem<'a>> + Clone + use<'a> {
        self.file_systems.clone()
    }

    /// Ports that the image serves.
    pub fn listens(&self) -> impl Iterator<Item = Listen<'a>> + Clone + use<'a> {
        self.listens.clone()
    }

    /// Endpoints that the image speaks to.
    pub fn peers(&self) -> impl Iterator<Item = Peer> + Clone + use<'a> {
        self.peers.clone()
    }

    /// Links that stand for folders.
    pub fn folder_links(&self) -> impl Iterator<Item = FolderLink<'a>> + Clone + use<'a> {
        self.folder_links.clone()
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing may be executed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What may be executed, in the order of paths.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        Entries::new(self.entries, self.count)
    }

    /// What the manifest says of exactly this path; [`Self::unlinked`] tells what the path is without folder links. Reads the
    /// entries in front of it.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<Found> {
        entries::find(self.entries, self.count, path)
    }

    /// The path without its folder link, put together in `buffer`: `/usr/bin/sh` for `/bin/sh` where `/bin` stands for `/usr/bin`. `None` if
    /// none applies, or if what comes out is too long. A link below the target of another is not followed a second time.
    pub fn unlinked<'b>(&self, path: &[u8], buffer: &'b mut [u8; MAX_PATH_BYTES]) -> Option<&'b [u8]> {
        let (target, rest) = self.folder_links().find_map(|FolderLink { link, target }| {
            let rest = path.strip_prefix(link)?;
            rest.starts_with(b"/").then_some((target, rest))
        })?;
        let (folder, free) = buffer.split_at_mut_checked(target.len())?;
        folder.copy_from_slice(target);
        free.get_mut(..rest.len())?.copy_from_slice(rest);
        buffer.get(..target.len() + rest.len())
    }

    /// The seal, by which two manifests are told apart.
    #[must_use]
    pub const fn seal(&self) -> [u8; DIGEST_BYTES] {
        self.seal
    }
}
