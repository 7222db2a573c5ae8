//! Data: written, and cut off.
//!
//! Hooks (`security/security.c`):
//! - `file_permission(struct file *file, int mask)`: at every read and write, whichever call or ring asks, before anything is written. Used
//!   as an LSM hook only: a kprobe would burden every read. On the kprobe rung writes are seen where their syscalls begin.
//! - `inode_setattr`: `(struct dentry *dentry, struct iattr *attr)`, behind `struct mnt_idmap *idmap` in `bpf_lsm_inode_setattr` since
//!   6.9 and, as `struct user_namespace *` first, in `security_inode_setattr` since 6.0.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Detector, FileTamperTuning, Offset, WatchSlot, act_flags};
use edge_ebpf::detectors::bus_flood;
use edge_ebpf::detectors::file_tamper::{FileEvidence, FilesState};
use edge_ebpf::sample::{ByteSet, SAMPLE_BYTES, Sample};

use super::open::{Opened, file_mode};
use super::{Object, answer, argument, files, user, watched};
use crate::blur::blur_bool;
use crate::clock::now_ns;
use crate::emit::act::{Act, apply, enter};
use crate::emit::file_tamper::{self, Case, Of};
use crate::read::field;
use crate::sensors::drops;
use crate::sensors::net::has_bus;
use crate::sensors::paths::open_flag;
use crate::sensors::syscall;
use crate::sensors::write::{Buffer, larger_of_two, take};
use crate::{filter, globals, read, task};

/// `MAY_WRITE` (`include/linux/fs.h`).
const MAY_WRITE: u64 = 2;

/// `ATTR_MODE` of `include/linux/fs.h`.
const SETS_MODE: u32 = 1;
/// `ATTR_SIZE`, of `ia_valid` (`include/linux/fs.h`).
const SETS_SIZE: u32 = 1 << 3;
/// `ATTR_OPEN`: an open does it, which was judged.
const BY_OPEN: u32 = 1 << 15;

/// A file is about to be read or written.
#[lsm(hook = "file_permission")]
#[inline(always)]
pub(crate) fn file_permission(ctx: LsmContext) -> i32 {
    if argument(&ctx, 1) & MAY_WRITE == 0 {
        return 0;
    }
    let tgid = task::current_tgid();
    // Of no interest unless the process has changed files before.
    let Some(state) = file_tamper::known(tgid) else { return 0 };
    if !filter::in_scope() {
        return 0;
    }
    answer(written(argument(&ctx, 0), tgid, state).unwrap_or(false))
}

/// A process that changed files writes; whether to refuse that.
#[inline(always)]
fn written(file: u64, tgid: u32, state: &mut FilesState) -> Option<bool> {
    let opened = Opened::of(file);
    if !opened.object.is_regular() {
        if is_bus(opened.object.mode) && has_bus(tgid) {
            bus(tgid);
        }
        return None;
    }
    if opened.mode & file_mode::BELOW != 0 || !files::counts(&opened.object) {
        return None;
    }
    let tuning = file_tamper::tuning(Of::Process)?;
    let id = files::identity_of(&opened.object);
    let harms = overwrites(file, &opened);
    let mut refused = false;
    if harms && !state.is_opened(id) && state.is_first_write(id) {
        // Opened before others were, by another process, or for adding only at first.
        let evidence = FileEvidence::OpenWrite { file: id, create: false, exclusive: false, truncate: false };
        let case = Case { of: Of::Process, tgid, evidence, deniable: true, now_ns: now_ns() };
        refused = file_tamper::apply(&case, state, tuning, &opened.object);
    } else if harms {
        refused = file_tamper::is_barred(state, tuning, tgid);
    }
    let mut refused = blur_bool(refused, tgid);
    let harms = blur_bool(harms, tgid);
    let origin = file_tamper::known(file_tamper::origin_key(tgid));
    let whole = file_tamper::tuning(Of::Origin)?;
    if harms && let Some(origin) = origin.as_deref() {
        refused |= file_tamper::is_barred(origin, whole, tgid);
    }
    let wanted =
        state.wants_sample(tuning) || origin.as_ref().is_some_and(|origin| origin.wants_sample(whole));
    let sample = if wanted { sample(state, tuning).unwrap_or(Sample::None) } else { Sample::None };
    let refused = blur_bool(refused, tgid);
    file_tamper::note(state, tuning, tgid, sample);
    if let Some(origin) = origin {
        origin.note_write(sample);
    }
    Some(refused)
}

/// Whether a file of this mode can be a bus: a character device, or a socket.
#[inline(always)]
const fn is_bus(mode: u32) -> bool {
    /// `S_IFMT`, `S_IFCHR` and `S_IFSOCK` of `include/uapi/linux/stat.h`.
    const FORMAT: u32 = 0o170_000;
    const CHARACTER: u32 = 0o020_000;
    const SOCKET: u32 = 0o140_000;
    mode & FORMAT == CHARACTER || mode & FORMAT == SOCKET
}

/// Counts a write to one.
#[inline(always)]
fn bus(tgid: u32) {
    const DETECTOR: Detector = Detector::BusFlood;
    let Some(rule) = enter(DETECTOR, tgid) else { return };
    let sighting = bus_flood::write(user::first_argument() as u32);
    let mut act = Act::new(sighting.reason);
    (act.flags, act.value) = (act_flags::LSM, sighting.value);
    act.object = sighting.value as u32;
    apply(DETECTOR, rule, tgid, &act, None);
}

/// Whether what is written may replace what was there: not in a file that this process's open made, and not at its end.
#[inline(always)]
fn overwrites(file: u64, opened: &Opened) -> bool {
    opened.mode & file_mode::CREATED == 0
        && opened.flags & open_flag::APPEND == 0
        && field::<u64>(file, Offset::FilePos) < field::<u64>(opened.object.inode, Offset::InodeSize)
}

/// Samples the buffer of the call that writes, by the registers the process entered the kernel with (`bpf_task_pt_regs`, Linux 5.15). A ring
/// has no buffer there, nor has what moves data between descriptors: such writes are counted, not sampled.
#[inline(always)]
fn sample(state: &FilesState, tuning: &FileTamperTuning) -> Option<Sample> {
    // SAFETY: a helper without arguments; unsafe only because it is a raw kernel call.
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: the helper takes a task, and this is one.
    let registers = unsafe { bpf_task_pt_regs(task) }.cast_unsigned();
    let buffer = buffer(registers)?;
    let mut bytes = [0; SAMPLE_BYTES];
    let mut values = ByteSet::default();
    Some(take((&mut bytes, &mut values), state, tuning, buffer))
}

/// Where a call that writes has its data.
#[inline(always)]
fn buffer(registers: u64) -> Option<Buffer> {
    /// Where `struct pt_regs` has the number of the call: `syscallno` on arm64, `orig_ax` on `x86_64`.
    const NUMBER_ARM64: u64 = 280;
    /// See [`NUMBER_ARM64`].
    const NUMBER_X86: u64 = 120;
    let second = syscall::argument(registers, globals::second_argument());
    let third = syscall::argument(registers, globals::third_argument());
    let width = syscall::pointer_bytes(registers);
    // `write` and `pwrite64`; `writev`, `pwritev` and `pwritev2`.
    let (plain, vector) = if globals::compat_offset() == 0 {
        let number: u32 = read::kernel(registers + NUMBER_X86)?;
        (matches!(number, 1 | 18), matches!(number, 20 | 296 | 328))
    } else {
        let number: u32 = read::kernel(registers + NUMBER_ARM64)?;
        if width == 4 {
            (matches!(number, 4 | 181), matches!(number, 146 | 362 | 393))
        } else {
            (matches!(number, 64 | 68), matches!(number, 66 | 70 | 287))
        }
    };
    if plain {
        Some(Buffer { address: second, length: third })
    } else if vector {
        Some(larger_of_two(second, third, width))
    } else {
        None
    }
}

/// Name and `struct iattr` of `inode_setattr`. Where they are differs, see above.
#[inline(always)]
pub(super) fn attributes(ctx: &LsmContext) -> (u64, u64) {
    // Behind the last argument an LSM program finds what the one before it answered, so that there always is a third word.
    let [first, second, third] = [argument(ctx, 0), argument(ctx, 1), argument(ctx, 2)];
    if globals::setattr_dentry() == 0 { (first, second) } else { (second, third) }
}

/// The attributes of a file are about to be set.
#[lsm(hook = "inode_setattr")]
#[inline(always)]
pub(crate) fn inode_setattr(ctx: LsmContext) -> i32 {
    let (dentry, set) = attributes(&ctx);
    let valid = field::<u32>(set, Offset::IattrValid);
    if valid & SETS_MODE != 0
        && drops::is_executable(u32::from(field::<u16>(set, Offset::IattrMode)))
        && filter::in_scope()
        && let Some(object) = Object::existing(dentry)
    {
        drops::note_object(&object);
    }
    if valid & SETS_SIZE == 0 || valid & BY_OPEN != 0 || !filter::in_scope() {
        return 0;
    }
    let Some(object) = Object::existing(dentry) else { return 0 };
    let size = field::<u64>(object.inode, Offset::InodeSize);
    let refused = blur_bool(watched(&object, WatchSlot::Remove), task::current_tgid());
    // What loses half of itself is lost.
    let empties = size != 0 && field::<u64>(set, Offset::IattrSize) <= size >> 1;
    answer(refused | (empties && files::emptied(&object)))
}
