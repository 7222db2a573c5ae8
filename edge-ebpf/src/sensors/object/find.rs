//! Whether a file is watched, and what that means: by its number as a device, by its inode, by its name in whatever folder, by the
//! folders above it.
//!
//! Written for the verifier, which walks everything behind a branch once for each way there: what a table says is one number from then on,
//! 0 for nothing, of which it knows nothing (see `blur.rs`), so that all ways meet again at once.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use edge_abi::{
    ANY_FOLDER, FileId, Offset, PREFIX_BYTES, PROC_DEV, Watch, WatchSlot, device_key, filter_bit, folder_key,
    name_bit, step_bit, tail_hash, tree_bit, watched_slot,
};
use edge_ebpf::name::hash_of_words;

use super::Object;
use super::slots::Slots;
use super::watch::PROC;
use crate::blur::{blur, blur_bool, blur_long};
use crate::maps::{INODES, NAMES, Trail, WATCH, WATCHED};
use crate::read::{self, field};
use crate::sensors::syscall::scratch;

/// Folders above a file that are looked at: a tree is watched so deep.
const FOLDERS: usize = 4;

/// `S_IFMT`, `S_IFCHR` and `S_IFBLK`.
const FORMAT: u32 = 0o170_000;
/// See [`FORMAT`].
const CHARACTER: u32 = 0o020_000;
/// See [`FORMAT`].
const BLOCK: u32 = 0o060_000;

/// Bytes of a name that are hashed; no watched one is longer.
const NAME_BYTES: u32 = 32;

/// The byte of a value of [`INODES`] that tells that it stands for what lies below.
const TREE: u64 = u64::from_ne_bytes([0, 0, 0, 0, 0, 0, 0, 0xff]);

/// How a watched file was found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// What it means.
    pub(super) watch: Watch,
    /// By its own name: the file it leads to is watched from now on.
    pub(super) named: bool,
}

/// What is known of a file for these kinds of access, the nearest first. `noise` is for [`blur`].
#[inline(always)]
pub(super) fn find(object: &Object, slots: Slots, noise: u32) -> Option<Found> {
    let mine = slots.mask();
    let (filter, by_name, steps) = if slots.reads() {
        (watched_slot::READ, watched_slot::NAME_READ, watched_slot::STEP_READ)
    } else {
        (watched_slot::WRITE, watched_slot::NAME_WRITE, watched_slot::STEP_WRITE)
    };
    let (filter, by_name, steps) = (blur(filter, noise), blur(by_name, noise), blur(steps, noise));
    let dev = device(object);
    let mut named = false;
    let mut found = if slots.reads() { 0 } else { node(object) };
    found = blur_long(found, noise);
    if found & mine == 0 && object.ino != 0 && is_marked(filter, dev, object.ino) {
        found = inode(dev, object.ino);
        if found & TREE != 0 && !slots.has(WatchSlot::Remove) {
            found = 0;
        }
    }
    found = blur_long(found, noise);
    if found & mine == 0 {
        found = anywhere(object, by_name);
        named = true;
    }
    found = blur_long(found, noise);
    let (mut dentry, mut level) = (object.dentry, 0);
    while found & mine == 0 && level < FOLDERS {
        let parent = field::<u64>(dentry, Offset::DentryParent);
        if parent == dentry {
            break;
        }
        // The folder of what there is exists, so that this is no null pointer, see `is_null`.
        let ino = field::<u64>(field::<u64>(parent, Offset::DentryInode), Offset::InodeIno);
        // What the sensor has added are files.
        if has_bit(filter, filter_bit(dev, ino)) {
            let folder = FileId::new(dev, ino);
            if has_bit(steps, step_bit(folder, step(dentry))) {
                found = blur_long(below(object.dentry, level, folder, noise), noise);
                named = level == 0;
            }
            if found & mine == 0 && has_bit(steps, tree_bit(folder)) {
                let tree = inode(dev, ino);
                found = blur_long(if tree & TREE == 0 { 0 } else { tree }, noise);
                named = false;
            }
        }
        dentry = parent;
        level += 1;
    }
    if found & mine == 0 {
        return None;
    }
    let [read, write, remove, of_read, of_write, of_remove, by_name, tree] = found.to_ne_bytes();
    let (detectors, reasons) = ([read, write, remove], [of_read, of_write, of_remove]);
    Some(Found { watch: Watch { detectors, reasons, by_name, tree }, named: blur_bool(named, noise) })
}

/// A value of a table as one number; 0 for none.
#[inline(always)]
#[expect(clippy::cast_ptr_alignment, reason = "the kernel aligns the values of maps to eight bytes")]
fn as_word(watch: Option<&Watch>) -> u64 {
    const _: () = assert!(size_of::<Watch>() == size_of::<u64>());
    let Some(watch) = watch else { return 0 };
    // SAFETY: a value of eight bytes in a map, which the kernel aligns; read as a whole, since the compiler would else go on reading there.
    unsafe { core::ptr::read_volatile(core::ptr::from_ref(watch).cast::<u64>()) }
}

/// Whether it is a device node.
#[inline(always)]
pub(super) fn is_node(object: &Object) -> bool {
    let kind = object.mode & FORMAT;
    kind == CHARACTER || kind == BLOCK
}

/// The file system of an object, see [`PROC_DEV`].
#[inline(always)]
pub(super) fn device(object: &Object) -> u32 {
    if object.magic == PROC { PROC_DEV } else { object.dev }
}

/// Whether a filter, or what the sensor has added to it, knows an inode.
#[inline(always)]
fn is_marked(filter: u32, dev: u32, ino: u64) -> bool {
    let bit = filter_bit(dev, ino);
    let words = word(filter + (bit >> 6)) | word(watched_slot::FRESH + (bit >> 6));
    words >> (bit & 63) & 1 != 0
}

/// Whether a filter that begins at a slot has a bit.
#[inline(always)]
pub(super) fn has_bit(filter: u32, bit: u32) -> bool {
    word(filter + (bit >> 6)) >> (bit & 63) & 1 != 0
}

/// The first two bytes of a name, a zero behind its end. It ends with a NUL, so that there is a second byte unless it is empty.
#[inline(always)]
fn step(dentry: u64) -> u16 {
    read::kernel_or_zero(field::<u64>(dentry, Offset::DentryNameText))
}

/// A word of the filters.
#[inline(always)]
pub(super) fn word(slot: u32) -> u64 {
    WATCHED.get(slot).copied().unwrap_or(0)
}

/// Writes a word.
#[inline(always)]
pub(super) fn set(slot: u32, value: u64) {
    if let Some(word) = WATCHED.get_ptr_mut(slot) {
        // SAFETY: a value of an array stays mapped.
        unsafe { *word = value };
    }
}

/// What is known of an inode.
#[inline(always)]
pub(super) fn inode(dev: u32, ino: u64) -> u64 {
    // SAFETY: a value of a preallocated map stays mapped; entries are written whole.
    as_word(unsafe { INODES.get(FileId::new(dev, ino)) })
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
fn look_up(trail: &mut Trail) -> u64 {
    trail.key.bits = (PREFIX_BYTES * 8) as u32;
    // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
    let key = unsafe { &*core::ptr::from_ref(&trail.key).cast() };
    let found = as_word(WATCH.get(key));
    // SAFETY: a value of our own. Volatile, since the compiler knows nothing of other tasks.
    let owner = unsafe { core::ptr::read_volatile(&raw const trail.owner) };
    if owner == bpf_get_current_pid_tgid() { found } else { 0 }
}

/// What is known of a device by its number.
#[inline(always)]
fn node(object: &Object) -> u64 {
    if !is_node(object) {
        return 0;
    }
    let number = field::<u32>(object.inode, Offset::InodeRdev);
    let Some(trail) = trail() else { return 0 };
    trail.key.data = device_key(((object.mode & FORMAT) >> 12) as u8, number >> 20, number & 0xf_ffff);
    look_up(trail)
}

/// The first eight bytes of a name and its length.
#[inline(always)]
pub(super) fn head(dentry: u64) -> Option<(u64, u32)> {
    let text = field::<u64>(dentry, Offset::DentryNameText);
    Some((read::kernel::<u64>(text)?, field::<u32>(dentry, Offset::DentryNameLen)))
}

/// The same of what the verifier does not know.
#[inline(always)]
pub(super) fn head_of_untyped(dentry: u64) -> Option<(u64, u32)> {
    let text = read::untyped::<u64>(dentry, Offset::DentryNameText);
    Some((read::kernel::<u64>(text)?, read::untyped::<u32>(dentry, Offset::DentryNameLen)))
}

/// What is known of a name in whatever folder: of it and that of its folder, else of it alone.
#[inline(always)]
fn anywhere(object: &Object, filter: u32) -> u64 {
    let Some((head, length)) = head(object.dentry) else { return 0 };
    let bit = name_bit(head, length);
    if word(filter + (bit >> 6)) >> (bit & 63) & 1 == 0 {
        return 0;
    }
    let Some(name) = hash(object.dentry) else { return 0 };
    let folder = hash(read::untyped::<u64>(object.dentry, Offset::DentryParent)).unwrap_or(0);
    // SAFETY: a value of a preallocated map stays mapped; the agent replaces whole entries.
    let both = as_word(unsafe { NAMES.get(tail_hash(folder, name) ^ ANY_FOLDER) });
    if both != 0 {
        return both;
    }
    // SAFETY: as above.
    as_word(unsafe { NAMES.get(name ^ ANY_FOLDER) })
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
fn below(dentry: u64, level: usize, folder: FileId, noise: u32) -> u64 {
    let Some(trail) = trail() else { return 0 };
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
            at = read::append_name(key, at, *name, noise);
        }
        at = blur(at, noise);
    }
    look_up(trail)
}
