//! Notes what happened into the map of the last events, which the agent reads when it is asked to. Wakes nobody.
//!
//! Two processors that note at the same moment may take the same entry, and one event is then missing: there are no atomics on
//! 32-bit ARM.

use aya_ebpf::helpers::bpf_get_current_uid_gid;
use edge_abi::{HISTORY_SLOTS, HistoryEntry, history_kind};
use edge_ebpf::path::PathBuffer;

use crate::clock::now_ns;
use crate::maps::{HISTORY, HISTORY_NEXT};
use crate::{read, task};

/// The oldest entry, to be written over.
#[inline(always)]
fn next() -> Option<&'static mut HistoryEntry> {
    let next = HISTORY_NEXT.get_ptr_mut(0)?;
    // SAFETY: a value of an array stays mapped; a count lost between processors is accepted.
    let next = unsafe { &mut *next };
    let index = *next & (HISTORY_SLOTS - 1);
    *next = index + 1;
    let entry = HISTORY.get_ptr_mut(index)?;
    // SAFETY: the same.
    let entry = unsafe { &mut *entry };
    entry.time_ns = now_ns();
    entry.tgid = task::current_tgid();
    entry.uid = bpf_get_current_uid_gid() as u32;
    Some(entry)
}

/// Notes that the current process has executed `path`.
#[inline(always)]
pub(crate) fn executed(path: &PathBuffer, parent: u32) {
    if let Some(entry) = next() {
        (entry.kind, entry.family, entry.port, entry.parent) = (history_kind::EXEC, 0, 0, parent);
        read::head(&mut entry.text, path);
    }
}

/// Notes that the current process wants to connect.
#[inline(always)]
pub(crate) fn connected(family: u8, port: u16, address: [u32; 4]) {
    if let Some(entry) = next() {
        (entry.kind, entry.family, entry.port, entry.parent) = (history_kind::CONNECT, family, port, 0);
        let words: [[u8; 4]; 4] = address.map(u32::to_ne_bytes);
        for (to, from) in entry.text.iter_mut().zip(words.as_flattened()) {
            *to = *from;
        }
    }
}
