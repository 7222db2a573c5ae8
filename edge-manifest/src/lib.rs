//! The image manifest: everything that may be executed on a device of fixed function, written when its image is built.
//!
//! [`Manifest::parse`] checks every byte once; what is asked afterwards cannot fail. The reader takes no memory but the bytes it is
//! given, and the writer (feature `make`) is not in the agent.
//!
//! # Format, version 1
//! Numbers are LEB128 in as few bytes as they need, unless a size is stated; a text is its number of bytes and then those.
//!
//! | field | is |
//! |---|---|
//! | 4 bytes | `EDGM` |
//! | 1 byte | version: 1 |
//! | text | name of the image, at most 64 bytes of UTF-8 |
//! | number, then each | file systems, at most 32: mount point (a path), type (a text of 1 to 32 bytes) |
//! | number, then each | listening ports, at most 64: protocol (1 byte: 6 TCP, 17 UDP), port (2 bytes, little-endian, not 0), program (a path, or empty: any) |
//! | number, then each | peers, at most 64: protocol (1 byte: 0 any, 6, 17), port (2 bytes, little-endian, 0 any), family (1 byte: 4 or 6), bits of the prefix (1 byte), 4 or 16 bytes of address, 0 behind the prefix |
//! | number, then each | folder links, at most 32: the link, and the folder that it stands for (both paths) |
//! | number, then each | entries, at most 8192, by the bytes of their paths |
//! | 16 bytes | seal: first half of the SHA-256 of all bytes before |
//!
//! An entry is what it shares with the path before (a number, as many bytes as the two begin with alike), the number of bytes that
//! follow, those bytes, and its kind (1 byte). Programs (1: ELF), scripts (2: `#!`) and kernel modules (3) then have their size (a number
//! of at most 64 bits) and 16 bytes, the first half of the SHA-256 of their content. A link (4) is known by its path only.
//!
//! A path is absolute, of at most 255 bytes, without `//`, `.`, `..`, NUL and a slash at its end; `/` itself is one for mount points only.
//! Items of a section are there once and in order: file systems by mount point, listening ports by protocol, port and program, peers by protocol,
//! port, address (IPv4 first) and prefix, folder links by link. The whole has at most 512 KiB. There is one encoding of each manifest, so equal
//! images have equal files.
//!
//! The seal guards against damage, not against an author who means harm: whoever may write the manifest may replace the agent.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "make"))]
extern crate alloc;

mod cursor;
mod digest;
mod entries;
mod error;
#[cfg(feature = "make")]
mod make;
mod manifest;
mod path;
mod sections;

pub use digest::{DIGEST_BYTES, Digest};
pub use entries::{Entries, Entry, Found, Kind};
pub use error::Error;
#[cfg(feature = "make")]
pub use make::Maker;
pub use manifest::Manifest;
pub use path::{PathFault, check_path};
pub use sections::{FileSystem, FolderLink, Listen, Peer};

/// Largest manifest, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// Most entries.
pub const MAX_ENTRIES: usize = 8192;
/// Most file systems.
pub const MAX_FILE_SYSTEMS: usize = 32;
/// Most folder links.
pub const MAX_FOLDER_LINKS: usize = 32;
/// Longest name of an image, in bytes.
pub const MAX_IMAGE_BYTES: usize = 64;
/// Most listening ports.
pub const MAX_LISTENS: usize = 64;
/// Longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 255;
/// Most peers.
pub const MAX_PEERS: usize = 64;
/// Longest type of a file system, in bytes.
pub const MAX_TYPE_BYTES: usize = 32;
/// What a manifest begins with.
pub const MAGIC: [u8; 4] = *b"EDGM";
/// TCP in the byte of the protocol.
pub const TCP: u8 = 6;
/// UDP in the byte of the protocol.
pub const UDP: u8 = 17;
/// The only version there is.
pub const VERSION: u8 = 1;
