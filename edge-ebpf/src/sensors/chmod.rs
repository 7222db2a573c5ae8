//! Modes that make a set-uid or set-gid file, as syscalls begin: by a change of mode, by an open that creates, by `mknod`.

use edge_abi::{Detector, act_flags, reason};

use super::syscall::rung;
use super::watch::AT_SHIFT;
use crate::emit::act::{Act, apply, enter};
use crate::maps::Scratch;
use crate::task;

/// `S_ISUID`.
const SET_UID: u32 = 0o4000;

/// `S_ISGID` with the group's execute bit: without it, set-gid means mandatory locking.
const SET_GID: u32 = 0o2010;

/// Whether a file of this mode runs as somebody else.
#[inline(always)]
pub(super) fn matters(mode: u32) -> bool {
    special(mode) != 0
}

/// The bits that make it so.
#[inline(always)]
pub(super) fn special(mode: u32) -> u32 {
    (mode & SET_UID) | if mode & SET_GID == SET_GID { SET_GID } else { 0 }
}

/// A mode is about to be set. Set-gid alone is ordinary for a directory, which the agent can tell from a file.
#[inline(always)]
pub(super) fn observe(scratch: &Scratch) -> Option<()> {
    const DETECTOR: Detector = Detector::PrivilegeJump;
    let tgid = task::current_tgid();
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(reason::SETUID_FILE);
    act.value = u64::from(scratch.mode & 0o7777);
    act.object = scratch.facts.identity;
    act.flags = rung();
    if scratch.mode & SET_UID == 0 {
        act.flags |= act_flags::CANDIDATE;
        act.value |= u64::from(scratch.folder) << AT_SHIFT;
    }
    if scratch.path.first() != b'/' {
        act.flags |= act_flags::RELATIVE;
    }
    let [length, _] = scratch.lengths;
    apply(DETECTOR, rule, tgid, &act, Some((&scratch.path, length)));
    Some(())
}
