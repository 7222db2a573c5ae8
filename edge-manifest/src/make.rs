//! Writes manifests.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{Digest, Error, Found, Kind, MAGIC, Manifest, Peer, VERSION};

/// A manifest that is being made. What is stated twice stands in it once; [`Self::encode`] checks everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maker {
    /// Name of the image.
    pub image: String,
    /// Mount points and types.
    pub file_systems: BTreeMap<String, String>,
    /// Protocol, port and program, as in [`crate::Listen`].
    pub listens: BTreeSet<(u8, u16, String)>,
    /// Peers; what stands behind a prefix is left out.
    pub peers: BTreeSet<Peer>,
    /// Links and the folders that they stand for.
    pub folder_links: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Paths and what lies there; size and digest of a link are left out.
    pub entries: BTreeMap<Vec<u8>, Found>,
}

impl Maker {
    /// With what a manifest states.
    #[must_use]
    pub fn of(manifest: &Manifest<'_>) -> Self {
        let mut maker = Self { image: manifest.image().into(), ..Self::default() };
        maker.file_systems.extend(manifest.file_systems().map(|one| (one.mount.into(), one.kind.into())));
        maker.listens.extend(manifest.listens().map(|one| (one.protocol, one.port, one.program.into())));
        maker.peers.extend(manifest.peers());
        maker.folder_links.extend(manifest.folder_links().map(|one| (one.link.into(), one.target.into())));
        let mut entries = manifest.entries();
        while let Some(entry) = entries.next() {
            let found = Found { kind: entry.kind, size: entry.size, digest: entry.digest };
            maker.entries.insert(entry.path.into(), found);
        }
        maker
    }

    /// As bytes that [`Manifest::parse`] takes.
    ///
    /// # Errors
    /// [`Error`] of the first field that a manifest cannot have.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        counted(&mut bytes, self.image.as_bytes());
        number(&mut bytes, self.file_systems.len() as u64);
        for (mount, kind) in &self.file_systems {
            counted(&mut bytes, mount.as_bytes());
            counted(&mut bytes, kind.as_bytes());
        }
        number(&mut bytes, self.listens.len() as u64);
        for (protocol, port, program) in &self.listens {
            bytes.push(*protocol);
            bytes.extend(port.to_le_bytes());
            counted(&mut bytes, program.as_bytes());
        }
        let peers: BTreeSet<Peer> = self.peers.iter().map(|peer| peer.plain()).collect();
        number(&mut bytes, peers.len() as u64);
        for peer in peers {
            bytes.push(peer.protocol);
            bytes.extend(peer.port.to_le_bytes());
            bytes.extend([if peer.address.is_ipv4() { 4 } else { 6 }, peer.prefix]);
            match peer.address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        number(&mut bytes, self.folder_links.len() as u64);
        for (link, target) in &self.folder_links {
            counted(&mut bytes, link);
            counted(&mut bytes, target);
        }
        number(&mut bytes, self.entries.len() as u64);
        let mut before: &[u8] = &[];
        for (path, found) in &self.entries {
            let shared = before.iter().zip(path).take_while(|(one, other)| one == other).count();
            number(&mut bytes, shared as u64);
            counted(&mut bytes, path.get(shared..).unwrap_or_default());
            bytes.push(found.kind.byte());
            if found.kind != Kind::Link {
                number(&mut bytes, found.size);
                bytes.extend(found.digest);
            }
            before = path;
        }
        bytes.extend(Digest::of(&bytes));
        Manifest::parse(&bytes)?;
        Ok(bytes)
    }
}

/// A number in as few bytes as it needs.
fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Bytes behind their number.
fn counted(bytes: &mut Vec<u8>, counted: &[u8]) {
    number(bytes, counted.len() as u64);
    bytes.extend(counted);
}
