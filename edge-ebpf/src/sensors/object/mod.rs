//! Files as the kernel knows them: the upper rungs of every detector of files.
//!
//! One program per hook of the kernel's security interface (`include/linux/lsm_hook_defs.h`), which every way to a file passes: native and
//! 32-bit calls, rings, threads, descriptors, any name. The same program serves two rungs: it is loaded as an LSM program (`bpf_lsm_X`,
//! Linux 6.4 on arm64), where it can refuse, or attached by a kprobe to the function that calls the hook (`security_X`), where it cannot.
//! In both, word n of the context is argument n. The prototypes stand with the programs; `mnt_userns` and `mnt_idmap` are
//! arguments of the file systems' functions, not of these hooks, but for `inode_setattr`.
//!
//! A file is its device and inode number, so that no other name for it can hide it. Names are looked at where they are what matters:
//! the ending that a file gets, and what a person reads in a record.

mod acts;
mod attribute;
mod dentry;
mod exec;
mod files;
mod find;
pub(super) mod image;
mod mode;
mod open;
mod path;
mod people;
mod slots;
pub(super) mod stdio;
mod user;
mod watch;
mod write;

use aya_ebpf::EbpfContext as _;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Offset, WatchSlot};

use crate::read::field;
use crate::{globals, task};

/// What a program answers when a hook shall refuse: `-EPERM`. Only an LSM program is listened to.
const REFUSE: i32 = -1;

/// A file, as far as a hook tells it. Pointers are addresses, to be read with [`field`]; 0 is none.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    /// Its `struct inode`; 0 when it does not exist yet.
    pub(crate) inode: u64,
    /// Its `struct dentry`: the name it is reached by.
    pub(crate) dentry: u64,
    /// `s_dev` of its file system, as the kernel packs it: 12 bits of major number, 20 of minor.
    pub(crate) dev: u32,
    /// `i_mode`; 0 when it does not exist yet.
    pub(crate) mode: u32,
    /// `i_ino`; 0 when it does not exist yet.
    pub(crate) ino: u64,
    /// `s_magic` of its file system.
    pub(crate) magic: u64,
}

/// `S_IFMT` and `S_IFREG`.
const FORMAT: u32 = 0o170_000;
/// See [`FORMAT`].
const REGULAR: u32 = 0o100_000;

/// Addresses below this are no object's: the kernel never maps the first page.
const FIRST: u64 = 4096;

/// Whether a pointer is null, or an error instead of an address. To be asked before the comparison with null, which stays needed.
///
/// Linux before 6.16 takes arguments of hooks and the `d_inode` of every name for pointers that are never null. A comparison with null it then
/// decides by itself and drops the branch behind it, and the null pointer that there is after all is followed: an oops. It leaves
/// comparisons with other numbers alone. Later kernels accept nothing but the comparison with null.
#[inline(always)]
fn is_null(pointer: u64) -> bool {
    globals::denies() != 0 && pointer < FIRST
}

/// The inode that a name leads to; 0 when it leads to nothing yet. Loaded twice, or the compiler makes one of the two questions.
#[inline(always)]
fn inode_of(dentry: u64) -> u64 {
    if is_null(field::<u64>(dentry, Offset::DentryInode)) {
        return 0;
    }
    field::<u64>(dentry, Offset::DentryInode)
}

impl Object {
    /// What an existing inode is, reached by a name.
    #[inline(always)]
    pub(crate) fn of_inode(inode: u64, dentry: u64) -> Self {
        let sb = field::<u64>(inode, Offset::InodeSb);
        Self {
            inode,
            dentry,
            dev: field::<u32>(sb, Offset::SuperDev),
            mode: u32::from(field::<u16>(inode, Offset::InodeMode)),
            ino: field::<u64>(inode, Offset::InodeIno),
            magic: field::<u64>(sb, Offset::SuperMagic),
        }
    }

    /// What a name leads to that leads to something.
    #[inline(always)]
    pub(crate) fn existing(dentry: u64) -> Option<Self> {
        let inode = inode_of(dentry);
        if inode == 0 {
            return None;
        }
        Some(Self::of_inode(inode, dentry))
    }

    /// What a name in a folder leads to, which may be nothing yet: it then lies on the folder's file system.
    #[inline(always)]
    pub(crate) fn named(dentry: u64, folder: u64) -> Self {
        if let Some(object) = Self::existing(dentry) {
            return object;
        }
        let sb = field::<u64>(folder, Offset::InodeSb);
        Self {
            inode: 0,
            dentry,
            dev: field::<u32>(sb, Offset::SuperDev),
            mode: 0,
            ino: 0,
            magic: field::<u64>(sb, Offset::SuperMagic),
        }
    }

    /// Whether it is an ordinary file.
    #[inline(always)]
    pub(crate) fn is_regular(&self) -> bool {
        self.mode & FORMAT == REGULAR
    }
}

/// Whether the kernel does this for a file system above (an overlay's layers), which a sensor has seen already: it then borrows
/// the credentials of whoever mounted that.
#[inline(always)]
fn is_below() -> bool {
    let task = task::current();
    // Both are pointers of `struct task_struct`.
    field::<u64>(task, Offset::TaskCred) != field::<u64>(task, Offset::TaskRealCred)
}

/// One argument of the hook. Volatile, since the compiler would else make one load at a computed place of two, which the verifier
/// refuses.
#[inline(always)]
fn argument(ctx: &LsmContext, index: usize) -> u64 {
    let words = ctx.as_ptr().cast::<u64>();
    // SAFETY: the context holds a word for each argument of the hook.
    let word = unsafe { words.add(index) };
    // SAFETY: the same; the verifier knows how many there are.
    unsafe { word.read_volatile() }
}

/// What a hook answers.
#[inline(always)]
fn answer(refused: bool) -> i32 {
    // Through memory, or the compiler makes it a calculation with a number that the verifier does not know to be 0 or 1.
    let no = i64::from(REFUSE);
    // SAFETY: a value of our own.
    if refused { unsafe { core::ptr::read_volatile(&raw const no) as i32 } } else { 0 }
}

/// Shows an access to whoever watches that file or name.
#[inline(always)]
fn watched(object: &Object, slot: WatchSlot) -> bool {
    watch::observe(object, slots::Slots::of(slot))
}
