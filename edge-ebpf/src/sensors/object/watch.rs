//! Watched files on the upper rungs: by what they are, so that no name for them makes a difference.
//!
//! A file is looked for by its inode, by its name in whatever folder (`NAMES`), and by the folders above it, each with the path that
//! leads from there to the file. Filters of one bit per watched inode, folder and name make that cheap for what is not watched. A name
//! that is watched and leads to another file than before has that file watched from then on, whatever it is called later.
//! What is watched is registered by the agent, which opens it while [`told`] tells what that is (`edge-agent/src/load/register.rs`).

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use edge_abi::{
    ANY_FOLDER, Counter, Detector, FileId, Mode, Offset, PREFIX_BYTES, PROC_DEV, Watch, WatchSlot, act_flags,
    device_key, filter_bit, folder_key, name_bit, tail_hash, watched_slot,
};
use edge_ebpf::detectors::process_injection::memory_of;
use edge_ebpf::name::hash_of_words;

use super::Object;
use super::slots::Slots;
use crate::emit::act::{Act, DENIES, apply, enter, is_probe, rule};
use crate::emit::count;
use crate::emit::file_tamper::Named as _;
use crate::maps::{INODES, NAMES, Trail, WATCH, WATCHED};
use crate::read::{self, field};
use crate::sensors::net::mark_bus;
use crate::sensors::syscall::scratch;
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
    /// What it means. A copy: from here on the verifier need not know which table it was found in, and walks the rest once.
    watch: Watch,
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

impl Found {
    /// What was found, read as one number.
    #[inline(always)]
    #[expect(clippy::cast_ptr_alignment, reason = "the kernel aligns the values of maps to eight bytes")]
    fn new(watch: &Watch, named: bool) -> Self {
        const _: () = assert!(size_of::<Watch>() == size_of::<u64>());
        let word = core::ptr::from_ref(watch).cast::<u64>();
        // SAFETY: a value of eight bytes in a map, which the kernel aligns; needed, since the compiler would else go on reading there.
        let word = unsafe { core::ptr::read_volatile(word) };
        let [read, write, remove, of_read, of_write, of_remove, by_name, tree] = word.to_ne_bytes();
        let (detectors, reasons) = ([read, write, remove], [of_read, of_write, of_remove]);
        Self { watch: Watch { detectors, reasons, by_name, tree }, named }
    }
}

/// Judges an access to `object`; whether the hook shall refuse it.
#[inline(always)]
pub(super) fn observe(object: &Object, slots: Slots) -> bool {
    judge(object, slots, FileId::new(device(object), object.ino)).unwrap_or(false)
}

/// Judges that a name comes to lead to `source`, which has existed before.
#[inline(always)]
pub(super) fn arrives(object: &Object, source: &Object) -> bool {
    judge(object, Slots::of(WatchSlot::Write), FileId::new(device(source), source.ino)).unwrap_or(false)
}

/// Judges that an open is about to make a file. The open itself is judged when it is made, so that only what must not even come to be is
/// judged here.
#[inline(always)]
pub(super) fn creates(object: &Object) -> bool {
    let nothing = FileId::new(0, 0);
    globals::denies() != 0 && judge_if(object, Slots::of(WatchSlot::Write), nothing, true).unwrap_or(false)
}

/// Judges an access; `leads_to` is what the name leads to afterwards.
#[inline(always)]
fn judge(object: &Object, slots: Slots, leads_to: FileId) -> Option<bool> {
    judge_if(object, slots, leads_to, false)
}

/// The same; with `refusing` only where it is to be refused.
#[inline(always)]
fn judge_if(object: &Object, slots: Slots, leads_to: FileId, refusing: bool) -> Option<bool> {
    let tgid = task::current_tgid();
    let (detector, mut act) = if let Some(target) = injected(object, slots, tgid) {
        let mut act = Act::new(edge_abi::reason::PROC_MEM);
        act.target = target;
        (Detector::ProcessInjection, act)
    } else {
        let found = find(object, slots)?;
        if found.named && leads_to.ino != 0 && !is_node(object) {
            renew(leads_to, &found.watch);
        }
        let (detector, reason) = slots.of_watch(&found.watch)?;
        let detector = Detector::from_raw(detector)?;
        if matches!(detector, Detector::BusFlood) {
            // Opening a bus is no act: writing to it often is.
            if !is_probe(detector, tgid) {
                mark_bus(tgid);
            }
            return None;
        }
        let mut act = Act::new(reason);
        if found.watch.by_name != 0 {
            act.flags = act_flags::CANDIDATE;
        }
        (detector, act)
    };
    if refusing && !matches!(Mode::from_raw(rule(detector)?.mode), Mode::Deny) {
        return None;
    }
    let rule = enter(detector, tgid)?;
    act.flags |= if globals::denies() != 0 { act_flags::LSM | DENIES } else { act_flags::KPROBE };
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
    let number = |dentry| head_of_untyped(dentry).unwrap_or((0, 0)).0;
    memory_of(number(above), number(folder), number(process), tgid)
}

/// What is known of a file for these kinds of access, the nearest first.
#[inline(always)]
fn find(object: &Object, slots: Slots) -> Option<Found> {
    let mine = |watch: &&Watch| slots.of_watch(watch).is_some();
    let reads = slots.reads();
    let filter = if reads { watched_slot::READ } else { watched_slot::WRITE };
    let dev = device(object);
    if !reads && let Some(watch) = node(object).filter(mine) {
        return Some(Found::new(watch, false));
    }
    if object.ino != 0
        && is_marked(filter, dev, object.ino)
        && let Some(watch) = inode(dev, object.ino).filter(mine)
        && (watch.tree == 0 || slots.has(WatchSlot::Remove))
    {
        return Some(Found::new(watch, false));
    }
    if let Some(watch) = anywhere(object, reads).filter(mine) {
        return Some(Found::new(watch, true));
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
            if let Some(watch) = below(object.dentry, level, FileId::new(dev, ino)).filter(mine) {
                return Some(Found::new(watch, level == 0));
            }
            if let Some(watch) = inode(dev, ino).filter(|watch| watch.tree != 0).filter(mine) {
                return Some(Found::new(watch, false));
            }
        }
        dentry = parent;
        level += 1;
    }
    None
}

/// Whether it is a device node.
#[inline(always)]
fn is_node(object: &Object) -> bool {
    let kind = object.mode & FORMAT;
    kind == CHARACTER || kind == BLOCK
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

/// Room for a key, for as long as nobody else begins one here.
#[inline(always)]
fn trail() -> Option<&'static mut Trail> {
    let trail = &mut scratch()?.trail;
    trail.owner = bpf_get_current_pid_tgid();
    Some(trail)
}

/// The longest entry that begins the key; nothing when another task has written here meanwhile.
#[inline(always)]
fn look_up(trail: &mut Trail) -> Option<&'static Watch> {
    trail.key.bits = (PREFIX_BYTES * 8) as u32;
    // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
    let key = unsafe { &*core::ptr::from_ref(&trail.key).cast() };
    let found = WATCH.get(key);
    // SAFETY: a value of our own. Volatile, since the compiler knows nothing of other tasks.
    let owner = unsafe { core::ptr::read_volatile(&raw const trail.owner) };
    if owner == bpf_get_current_pid_tgid() { found } else { None }
}

/// What is known of a device by its number.
#[inline(always)]
fn node(object: &Object) -> Option<&'static Watch> {
    if !is_node(object) {
        return None;
    }
    let number = field::<u32>(object.inode, Offset::InodeRdev);
    let trail = trail()?;
    trail.key.data = device_key(((object.mode & FORMAT) >> 12) as u8, number >> 20, number & 0xf_ffff);
    look_up(trail)
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
    let trail = trail()?;
    let mut dentry = dentry;
    for (index, name) in trail.names.iter_mut().enumerate() {
        *name = if index > level { 0 } else { read::untyped::<u64>(dentry, Offset::DentryNameText) };
        dentry = read::untyped::<u64>(dentry, Offset::DentryParent);
    }
    trail.key.data = folder_key(folder);
    let Trail { names, key, .. } = trail;
    let mut at = 0;
    for name in names.iter().rev() {
        if *name != 0 {
            at = read::append_name(key, at, *name);
        }
    }
    look_up(trail)
}
