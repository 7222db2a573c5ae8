//! Changes of mode on the tracepoint rung: only those that make a set-uid or set-gid file.

use edge_abi::{Detector, reason};

use crate::emit::act::{Act, apply, enter};
use crate::maps::Scratch;
use crate::task;

/// `S_ISUID` and `S_ISGID` with the group's execute bit: without it, set-gid means mandatory locking.
#[inline(always)]
pub(super) fn matters(mode: u32) -> bool {
    mode & 0o4000 != 0 || mode & 0o2010 == 0o2010
}

/// A mode is about to be set.
#[inline(always)]
pub(super) fn observe(scratch: &Scratch) -> Option<()> {
    const DETECTOR: Detector = Detector::PrivilegeJump;
    let tgid = task::current_tgid();
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(reason::SETUID_FILE);
    act.value = u64::from(scratch.open_flags & 0o7777);
    act.object = scratch.facts.identity;
    let [length, _] = scratch.lengths;
    apply(DETECTOR, rule, tgid, &act, Some((&scratch.path, length)));
    Some(())
}
