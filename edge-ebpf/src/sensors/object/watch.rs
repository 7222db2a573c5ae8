//! Watched files on the upper rungs: by what they are, so that no name for them makes a difference.
//!
//! A file is looked for by its inode, by its name in whatever folder (`NAMES`), and by the folders above it, each with the path that
//! leads from there to the file. Filters of one bit per watched inode, folder and name make that cheap for what is not watched. A name
//! that is watched and leads to another file than before has that file watched from then on, whatever it is called later.
//! What is watched is registered by the agent, which opens it while [`told`] tells what that is (`edge-agent/src/load/register.rs`).

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use edge_abi::{
    ANY_FOLDER, Counter, Detector, FileId, Mode, Offset, PROC_DEV, Watch, WatchSlot, act_flags, device_key, filter_bit, folder_key,
    name_bit, tail_hash, watched_slot,
};
use edge_ebpf::detectors::process_injection::memory_of;
use edge_ebpf::name::hash_of_words;

use super::Object;
use crate::emit::act::{Act, DENIES, apply, enter, is_probe, rule};
use crate::emit::count;
use crate::emit::file_tamper::Named as _;
use crate::maps::{INODES, NAMES, PrefixKey, WATCH, WATCHED};
use crate::read::{self, field};
use crate::sensors::net::mark_bus;
use crate::{globals, task};

/// Folders above a file that are looked at: a tree is watched so deep.
const FOLDERS: usize = 4;

/// `PROC_SUPER_MAGIC` of `include/uapi/linux/magic.h`.
const PROC: u64 = 0x9fa0;

/// `S_IFMT`, `S_IFCHR`, `S_IFBLK` and `S_IFREG`.
const FORMAT: u32 = 0o170_000;
/// See [`FORMAT`].
const CHARACTER: u32 = 0o020_000;
/// See [`FORMAT`].
const BLOCK: u32 = 0o060_000;

/// `mem`, as the first bytes of a name.
const MEM: u64 = 0x6d_656d;

/// Bytes of a name that are hashed; no watched one is longer.
const NAME_BYTES: u32 = 32;

/// How a watched file was found.
#[derive(Clone, Copy)]
struct Found {
    /// What it means.
    watch: &'static Watch,
    /// By its own name: the file it leads to is watched from now on.
    named: bool,
}

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

/// Judges an access to `object`; whether the hook shall refuse it.
#[inline(always)]
pub(super) fn observe(object: &Object, slot: WatchSlot) -> bool {
    judge(object, slot, FileId::new(device(object), object.ino)).unwrap_or(false)
}

/// Judges that a name comes to lead to `source`, which has existed before.
#[inline(always)]
pub(super) fn arrives(object: &Object, source: &Object) -> bool {
    judge(object, WatchSlot::Write, FileId::new(device(source), source.ino)).unwrap_or(false)
}

/// Judges that an open is about to make a file. The open itself is judged when it is made, so that only what must not even come to be is
/// judged here.
#[inline(always)]
pub(super) fn creates(object: &Object) -> bool {
    if globals::denies() == 0 {
        return false;
    }
    let Some(found) = find(object, WatchSlot::Write) else { return false };
    let detector = found.watch.detectors.get(WatchSlot::Write as usize).copied().and_then(Detector::from_raw);
    let denied = |detector| rule(detector).is_some_and(|rule| matches!(Mode::from_raw(rule.mode), Mode::Deny));
    detector.is_some_and(denied) && observe(object, WatchSlot::Write)
}

/// Judges an access; `leads_to` is what the name leads to afterwards.
#[inline(always)]
fn judge(object: &Object, slot: WatchSlot, leads_to: FileId) -> Option<bool> {
    let tgid = task::current_tgid();
    let (detector, mut act) = if let Some(target) = injected(object, slot, tgid) {
        let mut act = Act::new(edge_abi::reason::PROC_MEM);
        act.target = target;
        (Detector::ProcessInjection, act)
    } else {
        let found = find(object, slot)?;
        if found.named && leads_to.ino != 0 && object.mode & FORMAT != CHARACTER && object.mode & FORMAT != BLOCK {
            renew(leads_to, found.watch);
        }
        let detector = Detector::from_raw(*found.watch.detectors.get(slot as usize)?)?;
        if matches!(detector, Detector::BusFlood) {
            // Opening a bus is no act: writing to it often is.
            if !is_probe(detector, tgid) {
                mark_bus(tgid);
            }
            return None;
        }
        let mut act = Act::new(*found.watch.reasons.get(slot as usize)?);
        if found.watch.by_name != 0 {
            act.flags = act_flags::CANDIDATE;
        }
        (detector, act)
    };
    let rule = enter(detector, tgid)?;
    act.flags |= if globals::denies() != 0 { act_flags::LSM | DENIES } else { act_flags::KPROBE };
    act.object = (object.ino as u32 ^ object.dev).wrapping_mul(0x9e37_79b1) >> 8 | 1;
    Some(apply(detector, rule, tgid, &act, Some(object.path())))
}

/// The other process, when its memory is opened for writing: `/proc/PID/mem`, or that of one of its threads, in any procfs.
#[inline(always)]
fn injected(object: &Object, slot: WatchSlot, tgid: u32) -> Option<u32> {
    if object.magic != PROC || slot as u8 == WatchSlot::Read as u8 {
        return None;
    }
    let (head, length) = head(object.dentry)?;
    if length != 3 || head & 0xff_ffff != MEM {
        return None;
    }
    let above = read::untyped::<u64>(object.dentry, Offset::DentryParent);
    let folder = read::untyped::<u64>(above, Offset::DentryParent);
    let process = read::untyped::<u64>(folder, Offset::DentryParent);
    let number = |dentry| head_of_untyped(dentry).unwrap_or((0, 0)).0;
    memory_of(number(above), number(folder), number(process), tgid)
}

/// What is known of a file for this kind of access, the nearest first.
#[inline(always)]
fn find(object: &Object, slot: WatchSlot) -> Option<Found> {
    let reads = slot as u8 == WatchSlot::Read as u8;
    let filter = if reads { watched_slot::READ } else { watched_slot::WRITE };
    let dev = device(object);
    if !reads && let Some(watch) = node(object).filter(|watch| is_mine(watch, slot)) {
        return Some(Found { watch, named: false });
    }
    if object.ino != 0
        && is_marked(filter, dev, object.ino)
        && let Some(watch) = inode(dev, object.ino).filter(|watch| is_mine(watch, slot))
        && (watch.tree == 0 || slot as u8 == WatchSlot::Remove as u8)
    {
        return Some(Found { watch, named: false });
    }
    if let Some(watch) = anywhere(object, reads).filter(|watch| is_mine(watch, slot)) {
        return Some(Found { watch, named: true });
    }
    let mut dentry = object.dentry;
    let mut level = 0;
    while level < FOLDERS {
        let parent = field::<u64>(dentry, Offset::DentryParent);
        if parent == dentry {
            return None;
        }
        let ino = field::<u64>(field::<u64>(parent, Offset::DentryInode), Offset::InodeIno);
        if is_marked(filter, dev, ino) {
            if let Some(watch) = below(object.dentry, level, FileId::new(dev, ino)).filter(|watch| is_mine(watch, slot)) {
                return Some(Found { watch, named: level == 0 });
            }
            if let Some(watch) = inode(dev, ino).filter(|watch| watch.tree != 0 && is_mine(watch, slot)) {
                return Some(Found { watch, named: false });
            }
        }
        dentry = parent;
        level += 1;
    }
    None
}

/// Whether somebody watches for this kind of access.
#[inline(always)]
fn is_mine(watch: &Watch, slot: WatchSlot) -> bool {
    watch.detectors.get(slot as usize).is_some_and(|detector| *detector != 0)
}

/// The file system of an object, see [`PROC_DEV`].
#[inline(always)]
fn device(object: &Object) -> u32 {
    if object.magic == PROC { PROC_DEV } else { object.dev }
}

/// Whether a filter, or what the sensor has added to it, knows an inode.
#[inline(always)]
fn is_marked(filter: u32, dev: u32, ino: u64) -> bool {
    let bit = filter_bit(dev, ino);
    let words = word(filter + (bit >> 6)) | word(watched_slot::FRESH + (bit >> 6));
    words >> (bit & 63) & 1 != 0
}

/// A word of the filters.
#[inline(always)]
fn word(slot: u32) -> u64 {
    WATCHED.get(slot).copied().unwrap_or(0)
}

/// Writes a word.
#[inline(always)]
fn set(slot: u32, value: u64) {
    if let Some(word) = WATCHED.get_ptr_mut(slot) {
        // SAFETY: a value of an array stays mapped.
        unsafe { *word = value };
    }
}

/// What is known of an inode.
#[inline(always)]
fn inode(dev: u32, ino: u64) -> Option<&'static Watch> {
    // SAFETY: a value of a preallocated map stays mapped; entries are written whole.
    unsafe { INODES.get(FileId::new(dev, ino)) }
}

/// Has the file that a watched name leads to watched as well.
#[inline(always)]
fn renew(id: FileId, watch: &Watch) {
    if inode(id.dev, id.ino).is_some() {
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

/// What is known of a device by its number.
#[inline(always)]
fn node(object: &Object) -> Option<&'static Watch> {
    let kind = object.mode & FORMAT;
    if kind != CHARACTER && kind != BLOCK {
        return None;
    }
    let number = field::<u32>(object.inode, Offset::InodeRdev);
    let mut key = PrefixKey { bits: KEY_BITS, data: device_key((kind >> 12) as u8, number >> 20, number & 0xf_ffff), spill: [0; 64] };
    look_up(&mut key)
}

/// All bits of a key.
const KEY_BITS: u32 = (edge_abi::PREFIX_BYTES * 8) as u32;

/// The longest entry that begins `key`.
#[inline(always)]
fn look_up(key: &mut PrefixKey) -> Option<&'static Watch> {
    // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
    let key = unsafe { &*core::ptr::from_mut(key).cast() };
    WATCH.get(key)
}

/// The first eight bytes of a name and its length.
#[inline(always)]
fn head(dentry: u64) -> Option<(u64, u32)> {
    let text = field::<u64>(dentry, Offset::DentryNameText);
    Some((read::kernel::<u64>(text)?, field::<u32>(dentry, Offset::DentryNameLen)))
}

/// The same of what the verifier does not know.
#[inline(always)]
fn head_of_untyped(dentry: u64) -> Option<(u64, u32)> {
    let text = read::untyped::<u64>(dentry, Offset::DentryNameText);
    Some((read::kernel::<u64>(text)?, read::untyped::<u32>(dentry, Offset::DentryNameLen)))
}

/// What is known of a name in whatever folder: of it and that of its folder, else of it alone.
#[inline(always)]
fn anywhere(object: &Object, reads: bool) -> Option<&'static Watch> {
    let (head, length) = head(object.dentry)?;
    let filter = if reads { watched_slot::NAME_READ } else { watched_slot::NAME_WRITE };
    let bit = name_bit(head, length);
    if word(filter + (bit >> 6)) >> (bit & 63) & 1 == 0 {
        return None;
    }
    let name = hash(object.dentry)?;
    let folder = hash(read::untyped::<u64>(object.dentry, Offset::DentryParent)).unwrap_or(0);
    // SAFETY: a value of a preallocated map stays mapped; the agent replaces whole entries.
    let both = unsafe { NAMES.get(tail_hash(folder, name) ^ ANY_FOLDER) };
    // SAFETY: as above.
    both.or_else(|| unsafe { NAMES.get(name ^ ANY_FOLDER) })
}

/// Hash of a name of at most [`NAME_BYTES`]; as many are there, whatever its length.
#[inline(always)]
fn hash(dentry: u64) -> Option<u32> {
    let length = read::untyped::<u32>(dentry, Offset::DentryNameLen);
    if length > NAME_BYTES {
        return None;
    }
    let words = read::kernel::<[u64; 4]>(read::untyped::<u64>(dentry, Offset::DentryNameText))?;
    Some(hash_of_words(words, length))
}

/// What is known of the path that leads from a folder to `dentry`, which lies `level` folders deeper.
#[inline(always)]
fn below(dentry: u64, level: usize, folder: FileId) -> Option<&'static Watch> {
    let mut names = [0_u64; FOLDERS];
    let mut dentry = dentry;
    for (index, name) in names.iter_mut().enumerate() {
        if index > level {
            break;
        }
        *name = read::untyped::<u64>(dentry, Offset::DentryNameText);
        dentry = read::untyped::<u64>(dentry, Offset::DentryParent);
    }
    let mut key = PrefixKey { bits: KEY_BITS, data: folder_key(folder), spill: [0; 64] };
    let mut at = 0;
    for name in names.iter().rev() {
        if *name != 0 {
            at = read::append_name(&mut key, at, *name);
        }
    }
    look_up(&mut key)
}
