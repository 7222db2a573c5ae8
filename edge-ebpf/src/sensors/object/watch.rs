//! Watched files on the upper rungs: by what they are, so that no name for them makes a difference.
//!
//! A file is looked for by its inode, by its name in whatever folder (`NAMES`), and by the folders above it, each with the path that
//! leads from there to the file. Filters of one bit per watched inode, folder and name make that cheap for what is not watched. A name
//! that is watched and leads to another file than before has that file watched from then on, whatever it is called later.
//! What is watched is registered by the agent, which opens it while [`told`] tells what that is (`edge-agent/src/load/register.rs`).

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use edge_abi::{
    Counter, Detector, FileId, Mode, Offset, Watch, WatchSlot, act_flags, filter_bit, watched_slot,
};
use edge_ebpf::detectors::process_injection::memory_of;

use super::Object;
use super::find::{Found, device, find, head, head_of_untyped, inode, is_node, set, word};
use super::slots::Slots;
use crate::blur::{blur, blur_bool, blur_long};
use crate::emit::act::{Act, DENIES, apply, enter, is_probe, rule};
use crate::emit::count;
use crate::emit::file_tamper::Named as _;
use crate::maps::{INODES, WATCHED};
use crate::sensors::net::mark_bus;
use crate::{globals, read, task};

/// `PROC_SUPER_MAGIC` of `include/uapi/linux/magic.h`.
pub(super) const PROC: u64 = 0x9fa0;

/// `OVERLAYFS_SUPER_MAGIC` of the same file.
const OVERLAY: u64 = 0x794c_7630;

/// `mem`, as the first bytes of a name.
const MEM: u64 = 0x6d_656d;

/// Tells the agent what it opens; whether it was that.
#[inline(always)]
pub(super) fn told(object: &Object) -> bool {
    let owner = WATCHED.get(watched_slot::OWNER).copied().unwrap_or(0);
    if owner == 0 || owner != bpf_get_current_pid_tgid() {
        return false;
    }
    if let Some(found) = WATCHED.get_ptr_mut(watched_slot::FOUND) {
        // SAFETY: a value of an array stays mapped; only this thread changes it while it asks.
        let found = unsafe { &mut *found };
        let place = *found as u32;
        if place < watched_slot::KEPT {
            set(watched_slot::IDS + 2 * place, u64::from(device(object)));
            set(watched_slot::IDS + 2 * place + 1, object.ino);
        }
        *found += 1;
    }
    true
}

/// What kind of look this is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// At an access.
    Access,
    /// At an open, which for a file of an overlay is followed by one of the layer below.
    Open,
    /// At what shall not even come to be: of no interest but to refuse it.
    Create,
}

/// What a name leads to after an access.
#[derive(Clone, Copy)]
enum Leads {
    /// Where it led before.
    There,
    /// To the file of another name, its `struct dentry`.
    To(u64),
    /// That is not known yet.
    Nowhere,
}

/// Judges an access to `object`; whether the hook shall refuse it.
#[inline(always)]
pub(super) fn observe(object: &Object, slots: Slots) -> bool {
    judge(object, slots, Leads::There, Kind::Access).unwrap_or(false)
}

/// The same of an open.
#[inline(always)]
pub(super) fn opens(object: &Object, slots: Slots) -> bool {
    judge(object, slots, Leads::There, Kind::Open).unwrap_or(false)
}

/// Whether the open of an overlay's file that led to this one of a layer was judged: what is watched through the overlay need not be told
/// twice, and what is watched without it, because the overlay was mounted later, has to be told here. Good for one time.
#[inline(always)]
pub(super) fn was_told() -> bool {
    let told = word(watched_slot::TOLD) == bpf_get_current_pid_tgid();
    if told {
        set(watched_slot::TOLD, 0);
    }
    told
}

/// Judges that a name comes to lead to what `source` leads to, which has existed before.
#[inline(always)]
pub(super) fn arrives(object: &Object, source: u64) -> bool {
    judge(object, Slots::of(WatchSlot::Write), Leads::To(source), Kind::Access).unwrap_or(false)
}

/// What a file is known by.
#[inline(always)]
fn id_of(object: &Object) -> FileId {
    FileId::new(device(object), object.ino)
}

/// Judges that an open is about to make a file. The open itself is judged when it is made, so that only what must not even come to be is
/// judged here.
#[inline(always)]
pub(super) fn creates(object: &Object) -> bool {
    globals::denies() != 0
        && judge(object, Slots::of(WatchSlot::Write), Leads::Nowhere, Kind::Create).unwrap_or(false)
}

/// Judges an access; `leads` is what the name leads to afterwards.
#[inline(always)]
fn judge(object: &Object, slots: Slots, leads: Leads, kind: Kind) -> Option<bool> {
    let tgid = task::current_tgid();
    // Which kinds of access these are was found by branches.
    let slots = slots.blurred(tgid);
    let (detector, reason, flags, target) = if let Some(target) = injected(object, slots, tgid) {
        (Detector::ProcessInjection as u8, edge_abi::reason::PROC_MEM, 0, target)
    } else {
        let Found { watch, named } = find(object, slots, tgid)?;
        if named && !blur_bool(is_node(object), tgid) {
            match leads {
                Leads::There => renew(id_of(object), &watch),
                Leads::To(source) => {
                    if let Some(source) = Object::existing(source) {
                        renew(id_of(&source), &watch);
                    }
                }
                Leads::Nowhere => {}
            }
        }
        if kind == Kind::Open && object.magic == OVERLAY {
            set(watched_slot::TOLD, bpf_get_current_pid_tgid());
        }
        let (detector, reason) = slots.of_watch(&watch)?;
        let flags = if watch.by_name != 0 { act_flags::CANDIDATE } else { 0 };
        (detector, reason, flags, 0)
    };
    let detector = Detector::from_raw(blur(detector.into(), tgid) as u8)?;
    if matches!(detector, Detector::BusFlood) {
        // Opening a bus is no act: writing to it often is.
        if !is_probe(detector, tgid) {
            mark_bus(tgid);
        }
        return None;
    }
    let mut act = Act::new(blur(reason.into(), tgid) as u8);
    (act.flags, act.target) = (blur(flags.into(), tgid) as u8, target);
    if kind == Kind::Create && !matches!(Mode::from_raw(rule(detector)?.mode), Mode::Deny) {
        return None;
    }
    let rule = enter(detector, tgid)?;
    act.flags |= if globals::denies() != 0 { act_flags::LSM | DENIES } else { act_flags::KPROBE };
    act.device = object.dev;
    act.object = (object.ino as u32 ^ object.dev).wrapping_mul(0x9e37_79b1) >> 8 | 1;
    Some(apply(detector, rule, tgid, &act, Some(object.path())))
}

/// The other process, when its memory is opened for writing: `/proc/PID/mem`, or that of one of its threads, in any procfs.
#[inline(always)]
fn injected(object: &Object, slots: Slots, tgid: u32) -> Option<u32> {
    if object.magic != PROC || slots.reads() {
        return None;
    }
    let (head, length) = head(object.dentry)?;
    if length != 3 || head & 0xff_ffff != MEM {
        return None;
    }
    let above = read::untyped::<u64>(object.dentry, Offset::DentryParent);
    let folder = read::untyped::<u64>(above, Offset::DentryParent);
    let process = read::untyped::<u64>(folder, Offset::DentryParent);
    // Not blurred, they are nothing but 0 to the verifier of 5.10, which then drops what such an open leads to.
    let number = |dentry| blur_long(head_of_untyped(dentry).unwrap_or((0, 0)).0, tgid);
    memory_of(number(above), number(folder), number(process), tgid)
}

/// Has the file that a watched name leads to watched as well.
#[inline(always)]
fn renew(id: FileId, watch: &Watch) {
    if id.ino == 0 || inode(id.dev, id.ino) != 0 {
        return;
    }
    let watch = Watch { tree: 0, ..*watch };
    if INODES.insert(id, watch, u64::from(BPF_NOEXIST)).is_err() {
        let [read, write, remove] = watch.detectors;
        if let Some(detector) = Detector::from_raw(read | write | remove) {
            count(detector, Counter::MapFull);
        }
        return;
    }
    let bit = filter_bit(id.dev, id.ino);
    let slot = watched_slot::FRESH + (bit >> 6);
    // Two that do this at the same time may lose one bit, until the agent next looks.
    set(slot, word(slot) | 1 << (bit & 63));
}
