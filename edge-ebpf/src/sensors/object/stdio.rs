//! What the standard descriptors of the current process are, read from its table of descriptors.

use edge_abi::{Offset, file_hash};

use super::image::current;
use crate::globals;
use crate::maps::Peer;
use crate::read::{forget, glance, kernel};

/// `S_IFMT`, `S_IFSOCK`, `S_IFIFO`.
const FORMAT: u16 = 0o170_000;
/// See [`FORMAT`].
const SOCKET: u16 = 0o140_000;
/// See [`FORMAT`].
const PIPE: u16 = 0o010_000;

/// `AF_INET` and `AF_INET6`.
const INET: u16 = 2;
/// See [`INET`].
const INET6: u16 = 10;

/// Whether everything that is read here lies where we know it.
#[inline(always)]
pub(crate) fn can_look() -> bool {
    globals::has(Offset::TaskFiles)
        && globals::has(Offset::FilePrivate)
        && globals::has(Offset::SocketSock)
        && globals::has(Offset::SockFamily)
        && globals::has(Offset::SockPeer)
        && globals::has(Offset::SockPeerPort)
}

/// Looks at descriptors 0 to 2, of which a process always has room in its table. Local sockets are left out: journals, and what service
/// managers pass on.
#[inline(always)]
pub(crate) fn look(peer: &mut Peer) {
    (peer.family, peer.protocol, peer.port, peer.address) = (0, 0, 0, [0; 4]);
    let files = glance::<u64>(current(), Offset::TaskFiles);
    let table = glance::<u64>(files, Offset::FilesTable);
    let table = glance::<u64>(table, Offset::TableFiles);
    let (mut sockets, mut number) = (0_u32, 0_u32);
    let mut found = 0_u64;
    peer.pipes = [0; 2];
    while number < 3 {
        let file: u64 = kernel(table + u64::from(number) * 8).unwrap_or(0);
        let inode = glance::<u64>(file, Offset::FileInode);
        let format = glance::<u16>(inode, Offset::InodeMode) & FORMAT;
        let sb = glance::<u64>(inode, Offset::InodeSb);
        let pipe = file_hash(glance(sb, Offset::SuperDev), glance(inode, Offset::InodeIno));
        if let Some(slot) = peer.pipes.get_mut(number as usize) {
            *slot = pipe & mask(format == PIPE);
        }
        let socket = glance::<u64>(file, Offset::FilePrivate);
        let sock = glance::<u64>(socket, Offset::SocketSock);
        let family = glance::<u16>(sock, Offset::SockFamily);
        let network = mask(format == SOCKET) & (mask(family == INET) | mask(family == INET6));
        sockets |= network & (1 << number);
        // The last one that is a socket: mostly they are all the same.
        found = (found & !spread(network)) | (sock & spread(network));
        number += 1;
    }
    peer.descriptors = forget(u64::from(sockets)) as u32;
    let sock = forget(found);
    if peer.descriptors == 0 {
        return;
    }
    peer.port = u16::from_be(glance(sock, Offset::SockPeerPort));
    peer.protocol = glance::<u16>(sock, Offset::SockProtocol) as u8;
    if glance::<u16>(sock, Offset::SockFamily) == INET {
        (peer.family, peer.address) = (4, [glance(sock, Offset::SockPeer), 0, 0, 0]);
    } else {
        (peer.family, peer.address) = (6, glance(sock, Offset::SockPeer6));
    }
}

/// All bits, or none.
#[inline(always)]
fn mask(yes: bool) -> u32 {
    u32::from(yes).wrapping_neg()
}

/// The same for twice as many.
#[inline(always)]
fn spread(mask: u32) -> u64 {
    u64::from(mask) | u64::from(mask) << 32
}
