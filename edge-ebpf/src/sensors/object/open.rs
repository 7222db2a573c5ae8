//! Opens and mappings.
//!
//! Hooks (`security/security.c`; the arguments are the same in all versions from 5.10 to 7.2):
//! - `file_open(struct file *file)`: within every open that succeeds so far, `io_uring` and `open_by_handle_at` included, not those with
//!   `O_PATH`. A file that this very open made bears `FMODE_CREATED`.
//! - `mmap_file(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)`, but
//!   `security_mmap_file(struct file *file, unsigned long prot, unsigned long flags)`: of anonymous memory, `file` is null.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Offset, WatchSlot};

use super::slots::Slots;
use super::{Object, answer, argument, files, is_null, watch};
use crate::blur::{blur, blur_bool};
use crate::read::field;
use crate::sensors::drops;
use crate::sensors::paths::open_flag;
use crate::{filter, globals, task};

/// Bits of `f_mode` (`include/linux/fs.h`), in the same places in all versions from 5.10 to 7.2.
pub(super) mod file_mode {
    /// `FMODE_WRITE`.
    pub(crate) const WRITE: u32 = 1 << 1;
    /// `FMODE_CREATED`: this open made the file (Linux 4.19).
    pub(crate) const CREATED: u32 = 1 << 20;
    /// `FMODE_NOACCOUNT`: the file below one of an overlay, which was opened itself (Linux 5.0).
    pub(crate) const BELOW: u32 = 1 << 29;
}

/// `__FMODE_EXEC`, among the flags of an open: the file is to be executed.
const EXECUTES: u32 = 0o40;

/// `PROT_WRITE` and `MAP_SHARED`, the same everywhere (`include/uapi/asm-generic/mman-common.h`).
const PROT_WRITE: u64 = 2;
/// See [`PROT_WRITE`].
const MAP_SHARED: u64 = 1;

/// A file that a hook was given open.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    /// The file.
    pub(super) object: Object,
    /// Bits of [`file_mode`].
    pub(super) mode: u32,
    /// Flags of the open. Those that matter only to it (`O_CREAT`, `O_TRUNC`) are there during it alone.
    pub(super) flags: u32,
}

impl Opened {
    /// What a `struct file` is.
    #[inline(always)]
    pub(super) fn of(file: u64) -> Self {
        let inode = field::<u64>(file, Offset::FileInode);
        let dentry = field::<u64>(file, Offset::FileDentry);
        Self {
            object: Object::of_inode(inode, dentry),
            mode: field::<u32>(file, Offset::FileMode),
            flags: field::<u32>(file, Offset::FileFlags),
        }
    }
}

/// A file is being opened.
#[lsm(hook = "file_open")]
#[inline(always)]
pub(crate) fn file_open(ctx: LsmContext) -> i32 {
    let mut opened = Opened::of(argument(&ctx, 0));
    if watch::told(&opened.object) || !filter::in_scope() {
        return 0;
    }
    let below = opened.mode & file_mode::BELOW != 0;
    if opened.flags & EXECUTES != 0 || (below && watch::was_told()) {
        return 0;
    }
    if opened.mode & file_mode::CREATED != 0 && drops::is_executable(opened.object.mode) {
        drops::note_object(&opened.object);
    }
    let writes = opened.mode & file_mode::WRITE != 0;
    let empties = writes && opened.flags & open_flag::TRUNCATE != 0;
    let mut slots = Slots::of(if writes { WatchSlot::Write } else { WatchSlot::Read });
    if empties {
        slots = slots.with(WatchSlot::Remove);
    }
    let refused = watch::opens(&opened.object, slots);
    // What the branches above have told of them would be followed through everything below.
    let noise = task::current_tgid();
    opened.mode = blur(opened.mode, noise);
    opened.flags = blur(opened.flags, noise);
    opened.object.mode = blur(opened.object.mode, noise);
    // What is done to a layer was counted at the file above it.
    answer(blur_bool(refused, noise) | (opened.mode & file_mode::BELOW == 0 && files::opened(&opened)))
}

/// A file is being mapped.
#[lsm(hook = "mmap_file")]
#[inline(always)]
pub(crate) fn mmap_file(ctx: LsmContext) -> i32 {
    let file = argument(&ctx, 0);
    let (first, second, third) = (argument(&ctx, 1), argument(&ctx, 2), argument(&ctx, 3));
    // The function that asks has no `reqprot` yet.
    let (protection, flags) = if globals::denies() != 0 { (second, third) } else { (first, second) };
    if is_null(file) || protection & PROT_WRITE == 0 || flags & MAP_SHARED == 0 {
        return 0;
    }
    if !filter::in_scope() {
        return 0;
    }
    // Once more, see `is_null`.
    let file = argument(&ctx, 0);
    if file == 0 {
        return 0;
    }
    let opened = Opened::of(file);
    // Pages of a file that is not open for writing cannot be written to.
    answer(opened.mode & file_mode::WRITE != 0 && files::mapped(&opened))
}
