//! What the standard descriptors of the current process are, read from its table of descriptors.

use edge_abi::{Offset, file_hash};

use super::image::current;
use crate::globals;
use crate::maps::Peer;
use crate::read::{kernel, peek};

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

/// Looks at descriptors 0 to 2, of which a process always has room in its table.
#[inline(always)]
pub(crate) fn look(peer: &mut Peer) -> Option<()> {
    (peer.family, peer.protocol, peer.port, peer.address) = (0, 0, 0, [0; 4]);
    (peer.descriptors, peer.pipes) = (0, [0; 2]);
    let files = peek::<u64>(current(), Offset::TaskFiles)?;
    let table = peek::<u64>(files, Offset::FilesTable)?;
    let [input, output, errors] = kernel::<[u64; 3]>(peek(table, Offset::TableFiles)?)?;
    for (number, file) in [input, output, errors].into_iter().enumerate() {
        let _ = descriptor(peer, number, file);
    }
    Some(())
}

/// Looks at one.
#[inline(always)]
fn descriptor(peer: &mut Peer, number: usize, file: u64) -> Option<()> {
    if file == 0 {
        return None;
    }
    let inode = peek::<u64>(file, Offset::FileInode)?;
    let format = peek::<u16>(inode, Offset::InodeMode)? & FORMAT;
    if format == PIPE {
        let sb = peek::<u64>(inode, Offset::InodeSb)?;
        let hash = file_hash(peek(sb, Offset::SuperDev)?, peek(inode, Offset::InodeIno)?);
        if let Some(slot) = peer.pipes.get_mut(number) {
            *slot = hash;
        }
        return None;
    }
    if format != SOCKET {
        return None;
    }
    let socket = peek::<u64>(file, Offset::FilePrivate)?;
    let sock = peek::<u64>(socket, Offset::SocketSock)?;
    let family = peek::<u16>(sock, Offset::SockFamily)?;
    if family != INET && family != INET6 {
        // Local sockets: journals, and what service managers pass on.
        return None;
    }
    peer.descriptors |= 1 << number;
    peer.port = u16::from_be(peek(sock, Offset::SockPeerPort)?);
    peer.protocol = peek::<u16>(sock, Offset::SockProtocol).unwrap_or(0) as u8;
    if family == INET {
        (peer.family, peer.address) = (4, [peek(sock, Offset::SockPeer)?, 0, 0, 0]);
    } else {
        (peer.family, peer.address) = (6, peek(sock, Offset::SockPeer6).unwrap_or([0; 4]));
    }
    Some(())
}
