//! What the image is made of, as the agent has written it.

use edge_abi::{listed_file, listed_slot, listed_state};
use edge_ebpf::listed::{Listed, is_in};

use crate::blur::blur;
use crate::maps::LISTED;

/// How many files are listed, and the state of the list; `None` without one.
#[inline(always)]
fn files() -> Option<(u32, u32)> {
    let head = *LISTED.get(listed_slot::FILES)?;
    let state = (head >> 32) as u32;
    (state & listed_state::ACTIVE != 0).then_some((head as u32, state))
}

/// Looks for a number among `count`, the first of which stands at `first`.
#[inline(always)]
fn search(first: u32, count: u32, number: u64, noise: u32) -> bool {
    is_in(count, number, |at| LISTED.get(first + at).copied(), |at| blur(at, noise))
}

/// Whether there is a list.
#[inline(always)]
pub(crate) fn is_active() -> bool {
    files().is_some()
}

/// Whether a file is of the image; `None` without a list, or where files are not known. `noise`: see [`blur`].
#[inline(always)]
pub(crate) fn file(device: u32, inode: u64, noise: u32) -> Option<bool> {
    let (count, state) = files()?;
    if state & listed_state::BY_FILE == 0 || inode == 0 {
        return None;
    }
    Some(search(listed_slot::FIRST, count, listed_file(device, inode), noise))
}

/// What is known of a program by its file, which is nothing with an inode of 0, and by the hash of its path.
#[inline(always)]
pub(crate) fn program(device: u32, inode: u64, path: u64, noise: u32) -> Option<Listed> {
    let (count, _) = files()?;
    let paths = *LISTED.get(listed_slot::PATHS)? as u32;
    let path = search(listed_slot::FIRST + count, paths, path, noise);
    Some(Listed { file: file(device, inode, noise), path })
}
