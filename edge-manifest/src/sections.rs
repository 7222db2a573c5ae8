//! The sections before the entries: file systems, listening ports, peers, folder links.

use core::marker::PhantomData;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cursor::Cursor;
use crate::{Error, MAX_FILE_SYSTEMS, MAX_FOLDER_LINKS, MAX_LISTENS, MAX_PEERS, MAX_TYPE_BYTES, TCP, UDP};

/// Where executables of the image lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileSystem<'a> {
    /// The mount point.
    pub mount: &'a str,
    /// The type, as in `/proc/mounts`.
    pub kind: &'a str,
}

/// A port that the image serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listen<'a> {
    /// [`TCP`] or [`UDP`].
    pub protocol: u8,
    /// The port, never 0.
    pub port: u16,
    /// Path of the program that may listen there; empty for any.
    pub program: &'a str,
}

/// An endpoint that the image speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// [`TCP`], [`UDP`] or 0 for any.
    pub protocol: u8,
    /// The port, 0 for any.
    pub port: u16,
    /// First address of the network.
    pub address: IpAddr,
    /// Bits of the address that count: at most 32 or 128.
    pub prefix: u8,
}

/// A symbolic link that stands for a folder, such as `/bin` for `/usr/bin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderLink<'a> {
    /// Path of the link.
    pub link: &'a [u8],
    /// The folder, without links.
    pub target: &'a [u8],
}

impl Peer {
    /// Whether an endpoint is this peer.
    #[must_use]
    pub fn is(&self, protocol: u8, address: IpAddr, port: u16) -> bool {
        let alike = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                behind(u128::from(own.to_bits() ^ other.to_bits()), 32, self.prefix) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                behind(own.to_bits() ^ other.to_bits(), 128, self.prefix) == 0
            }
            _ => false,
        };
        alike && [0, protocol].contains(&self.protocol) && [0, port].contains(&self.port)
    }

    /// The peer with no bit set behind its prefix, which is the only form in a manifest.
    #[must_use]
    pub fn plain(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let bits = behind(address.to_bits().into(), 32, self.prefix);
                let bits = bits.checked_shl(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
            }
            IpAddr::V6(address) => {
                let bits = behind(address.to_bits(), 128, self.prefix);
                let bits = bits.checked_shl(128_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        };
        Self { address, ..self }
    }
}

/// The first `prefix` bits of an address of `width` bits.
fn behind(bits: u128, width: u32, prefix: u8) -> u128 {
    bits.checked_shr(width.saturating_sub(prefix.into())).unwrap_or(0)
}

/// What a section consists of.
pub(crate) trait Item<'a>: Sized {
    /// How their number is called in errors.
    const COUNT: &'static str;
    /// How one is called.
    const ITEM: &'static str;
    /// Most of them.
    const LIMIT: usize;

    /// Reads and checks one.
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error>;

    /// Whether it may stand behind this one: each is there once, and their order is given.
    fn follows(&self, before: &Self) -> bool;
}

/// A section that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Section<'a, T> {
    /// The next item.
    cursor: Cursor<'a>,
    /// How many there are.
    left: usize,
    /// What they are.
    items: PhantomData<fn() -> T>,
}

impl<'a, T: Item<'a>> Section<'a, T> {
    /// Checks a whole section, and leaves the cursor behind it.
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        let left = cursor.count(T::COUNT, T::LIMIT)?;
        let section = Self { cursor: *cursor, left, items: PhantomData };
        let mut before = None;
        for item in 0..left {
            let at = cursor.at();
            let read = T::read(cursor)?;
            if before.is_some_and(|before| !read.follows(&before)) {
                return Err(Error::Order { field: T::ITEM, at, item });
            }
            before = Some(read);
        }
        Ok(section)
    }
}

impl<'a, T: Item<'a>> Iterator for Section<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        T::read(&mut self.cursor).ok()
    }
}

/// The byte of a protocol.
fn protocol(cursor: &mut Cursor<'_>, field: &'static str, any: bool) -> Result<u8, Error> {
    let at = cursor.at();
    match cursor.byte(field)? {
        value @ (TCP | UDP) => Ok(value),
        0 if any => Ok(0),
        value => Err(Error::Unknown { field, at, value, known: if any { "0, 6, 17" } else { "6, 17" } }),
    }
}

impl<'a> Item<'a> for FileSystem<'a> {
    const COUNT: &'static str = "number of file systems";
    const ITEM: &'static str = "file system";
    const LIMIT: usize = MAX_FILE_SYSTEMS;

    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        let mount = cursor.text_path("mount point", "/")?;
        let (field, at) = ("type of a file system", cursor.at());
        let kind = cursor.text(field, MAX_TYPE_BYTES)?;
        if kind.is_empty() {
            return Err(Error::Unknown { field, at, value: 0, known: "a text of 1 byte and more" });
        }
        Ok(Self { mount, kind })
    }

    fn follows(&self, before: &Self) -> bool {
        self.mount > before.mount
    }
}

impl<'a> Item<'a> for Listen<'a> {
    const COUNT: &'static str = "number of listening ports";
    const ITEM: &'static str = "listening port";
    const LIMIT: usize = MAX_LISTENS;

    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        let protocol = protocol(cursor, "protocol of a listening port", false)?;
        let (field, at) = ("listening port", cursor.at());
        let port = cursor.port(field)?;
        if port == 0 {
            return Err(Error::Unknown { field, at, value: 0, known: "1 to 65535" });
        }
        Ok(Self { protocol, port, program: cursor.text_path("program of a listening port", "")? })
    }

    fn follows(&self, before: &Self) -> bool {
        self > before
    }
}

impl Item<'_> for Peer {
    const COUNT: &'static str = "number of peers";
    const ITEM: &'static str = "peer";
    const LIMIT: usize = MAX_PEERS;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let protocol = protocol(cursor, "protocol of a peer", true)?;
        let port = cursor.port("port of a peer")?;
        let at = cursor.at();
        let family = cursor.byte("family of a peer")?;
        let prefix_at = cursor.at();
        let prefix = cursor.byte("prefix of a peer")?;
        let address_at = cursor.at();
        let (address, limit) = match family {
            4 => (IpAddr::from(cursor.array::<4>("address of a peer")?), 32),
            6 => (IpAddr::from(cursor.array::<16>("address of a peer")?), 128),
            value => return Err(Error::Unknown { field: "family of a peer", at, value, known: "4, 6" }),
        };
        if prefix > limit {
            let (value, limit) = (prefix.into(), limit.into());
            return Err(Error::Field { field: "prefix of a peer", at: prefix_at, value, limit });
        }
        let peer = Self { protocol, port, address, prefix };
        if peer.plain() != peer {
            let field = "bits of a peer's address behind its prefix";
            return Err(Error::Field { field, at: address_at, value: 1, limit: 0 });
        }
        Ok(peer)
    }

    fn follows(&self, before: &Self) -> bool {
        self > before
    }
}

impl<'a> Item<'a> for FolderLink<'a> {
    const COUNT: &'static str = "number of folder links";
    const ITEM: &'static str = "folder link";
    const LIMIT: usize = MAX_FOLDER_LINKS;

    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        Ok(Self { link: cursor.path("folder link")?, target: cursor.path("target of a folder link")? })
    }

    fn follows(&self, before: &Self) -> bool {
        self.link > before.link
    }
}
