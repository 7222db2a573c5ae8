//! What the image is made of, as the agent has written it. One look-up for each question: a search in an array is cheaper in memory, but
//! the verifier of Linux 7.2 walks a million instructions through it.

use edge_abi::{LISTED_HEAD, listed_file, listed_kind, listed_state};
use edge_ebpf::listed::Listed;

use crate::maps::LISTED;

/// What the list says of a number; 0 when it is not in it.
#[inline(always)]
fn kind(number: u64) -> u8 {
    // SAFETY: a value of a preallocated map stays mapped; one that is replaced meanwhile is that of before or after.
    unsafe { LISTED.get(number) }.map_or(0, |kind| *kind)
}

/// Whether there is a list.
#[inline(always)]
pub(crate) fn is_active() -> bool {
    kind(LISTED_HEAD) & listed_state::ACTIVE != 0
}

/// Whether a file is of the image; `None` without a list, or where files are not known.
#[inline(always)]
pub(crate) fn file(device: u32, inode: u64) -> Option<bool> {
    if inode == 0 || kind(LISTED_HEAD) & listed_state::BY_FILE == 0 {
        return None;
    }
    Some(kind(listed_file(device, inode)) & listed_kind::FILE != 0)
}

/// What is known of a program by its file, which is nothing with an inode of 0, and by the hash of its path. There is a list.
#[inline(always)]
pub(crate) fn program(device: u32, inode: u64, path: u64) -> Listed {
    Listed { file: file(device, inode), path: kind(path) & listed_kind::PATH != 0 }
}
