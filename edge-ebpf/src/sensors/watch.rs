//! Watched paths as syscalls name them: whose business an access is.
//!
//! A path is compared as text, joined to the working directory when that is known. What only the name tells (`//`, `..`, an
//! unknown directory, another root) is a candidate that the agent resolves.

use edge_abi::{
    CWD_BYTES, Detector, PREFIX_BYTES, PrefixData, Task, Watch, WatchSlot, act_flags, name_hash, reason,
    rule_option, watched_slot,
};
use edge_ebpf::detectors::process_injection::proc_mem;
use edge_ebpf::path::PathBuffer;

use super::net;
use super::paths::AT_FDCWD;
use super::syscall::rung;
use crate::emit::act::{Act, apply, enter, is_probe};
use crate::maps::{NAMES, PrefixKey, Scratch, WATCH, WATCHED};
use crate::{read, task};

/// Which path of a syscall.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The first.
    First,
    /// The second.
    Second,
}

/// Above this bit of [`Act::value`], a candidate tells the descriptor that its relative path starts from.
pub(super) const AT_SHIFT: u32 = 32;

/// What `sysctl_tamper` watches outside `/proc/sys`.
const SYSRQ: u32 = name_hash(b"sysrq-trigger");
const ENFORCE: u32 = name_hash(b"enforce");
const REMOVE: u32 = name_hash(b".remove");

/// A process's memory, in /proc.
const MEM: u32 = name_hash(b"mem");

/// Looks one path up and judges the access.
#[inline(always)]
pub(super) fn observe(scratch: &mut Scratch, which: Which, slot: WatchSlot) -> Option<()> {
    let tgid = task::current_tgid();
    let Scratch { path, new_path, facts, new_facts, lengths, prefix, folder, .. } = scratch;
    let [first, second] = *lengths;
    let (path, facts, length) = match which {
        Which::First => (&*path, &*facts, first),
        Which::Second => (&*new_path, &*new_facts, second),
    };
    let relative = path.first() != b'/';
    let known = if relative {
        match task::lookup(tgid) {
            Some(task) if task.cwd_len != 0 && *folder == AT_FDCWD => {
                join(prefix, task, path);
                true
            }
            _ => false,
        }
    } else {
        let PathBuffer([head, _]) = path;
        prefix.data = *head;
        true
    };
    let injected =
        if facts.name == MEM && known && slot != WatchSlot::Read && reads_paths(Detector::ProcessInjection) {
            proc_mem(&prefix.data, tgid)
        } else {
            None
        };
    let (detector, mut act) = if let Some(sighting) = injected {
        let mut act = Act::new(sighting.reason);
        act.target = sighting.target;
        (Detector::ProcessInjection, act)
    } else {
        let slot = slot as usize;
        let mine = |watch: &&Watch| watch.detectors.get(slot).is_some_and(|detector| *detector != 0);
        let mut found = if known { look_up(prefix).filter(mine) } else { None };
        if found.is_none() {
            // SAFETY: a value of a preallocated map stays mapped; the agent replaces whole entries.
            found = unsafe { NAMES.get(facts.tail) }.filter(mine);
        }
        if found.is_none() {
            // SAFETY: as above.
            found = unsafe { NAMES.get(facts.name) }.filter(mine);
        }
        let watch = found?;
        let detector = Detector::from_raw(*watch.detectors.get(slot)?)?;
        if matches!(detector, Detector::BusFlood) {
            // Opening a bus is no act: writing to it often is.
            if !is_probe(detector, tgid) {
                net::mark_bus(tgid);
            }
            return None;
        }
        let mut act = Act::new(*watch.reasons.get(slot)?);
        if watch.by_name != 0 {
            act.flags = act_flags::CANDIDATE;
            act.value = u64::from(*folder) << AT_SHIFT;
        }
        (detector, act)
    };
    let rule = enter(detector, tgid)?;
    if rule.option & rule_option::ELSEWHERE != 0 && is_elsewhere(detector, &act, facts.name, &prefix.data) {
        return None;
    }
    act.object = facts.identity;
    act.flags |= rung();
    if relative {
        act.flags |= act_flags::RELATIVE;
    }
    apply(detector, rule, tgid, &act, Some((path, length)));
    Some(())
}

/// Whether a detector reads paths; else another sensor sees the same files.
#[inline(always)]
fn reads_paths(detector: Detector) -> bool {
    WATCHED.get(watched_slot::BY_PATH).is_some_and(|detectors| *detectors & u64::from(detector.bit()) != 0)
}

/// Whether a cgroup program judges it: it knows devices by their numbers and settings by their names, whatever path leads there.
#[inline(always)]
fn is_elsewhere(detector: Detector, act: &Act, name: u32, path: &PrefixData) -> bool {
    if matches!(detector, Detector::DeviceTamper) {
        // What the configuration adds is known by its path alone.
        return act.reason != reason::SOLE;
    }
    if act.flags & act_flags::CANDIDATE != 0 {
        // Of what is watched only these are no settings.
        return name != SYSRQ && name != ENFORCE && name != REMOVE;
    }
    matches!(detector, Detector::SysctlTamper) && path.first_chunk() == Some(b"/proc/sys/")
}

/// What is known of the path in `key`. Bytes behind its NUL do no harm: no entry holds one but as its last byte.
#[inline(always)]
fn look_up(key: &mut PrefixKey) -> Option<&'static Watch> {
    key.bits = (PREFIX_BYTES * 8) as u32;
    // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
    let key = unsafe { &*core::ptr::from_ref(key).cast() };
    WATCH.get(key)
}

/// Writes directory, slash and relative path into `key`.
#[inline(always)]
fn join(key: &mut PrefixKey, task: &Task, path: &PathBuffer) {
    key.data = task.cwd;
    let length = task.cwd_len as usize & (CWD_BYTES - 1);
    if let Some(slash) = key.data.get_mut(length) {
        *slash = b'/';
    }
    read::append(key, length + 1, path);
}
