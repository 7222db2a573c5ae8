//! A program's file, read from the kernel's own objects: where no path is involved, none can deceive.

use aya_ebpf::helpers::bpf_get_current_task;
use edge_abi::{FOLDER_PREFIX_BYTES, Offset, PREFIX_BYTES, PrefixData, filter_bit, watched_slot};
use edge_ebpf::image::{DEPTH, Image};

use super::find::has_bit;
use crate::blur::blur;
use crate::maps::PREFIXES;
use crate::read::{Number, field, glance, kernel};

/// A folder as a key of [`PREFIXES`]: `struct bpf_lpm_trie_key` with `edge_abi::folder_prefix`. On the stack, since an LSM program can be
/// preempted by another one of this CPU.
#[repr(C)]
struct FolderKey {
    /// Bits to compare.
    bits: u32,
    /// What no path begins with.
    kind: [u8; 4],
    /// `s_dev`.
    device: u32,
    /// Both halves of `i_ino`, as they lie in memory.
    inode: [u32; 2],
    /// Not compared, but part of a key.
    rest: [u32; (PREFIX_BYTES - FOLDER_PREFIX_BYTES) / 4],
}

const _: () = assert!(size_of::<FolderKey>() == 4 + size_of::<PrefixData>());

/// How members of kernel structs are read.
pub(crate) trait Look {
    /// One member; 0 when it cannot be read.
    fn get<T: Number + Default>(object: u64, member: Offset) -> T;
}

/// In programs at security hooks, see [`field`].
pub(crate) struct AtHook;

/// Anywhere, see [`glance`].
pub(crate) struct Anywhere;

impl Look for AtHook {
    #[inline(always)]
    fn get<T: Number + Default>(object: u64, member: Offset) -> T {
        field(object, member)
    }
}

impl Look for Anywhere {
    #[inline(always)]
    fn get<T: Number + Default>(object: u64, member: Offset) -> T {
        glance(object, member)
    }
}

/// A file that was looked at.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// Its `struct dentry`.
    pub(crate) dentry: u64,
    /// `s_dev` of its file system.
    pub(crate) device: u32,
    /// `i_ino`.
    pub(crate) inode: u64,
    /// What is judged; nothing is known yet of where it lies.
    pub(crate) image: Image,
}

/// Looks at a `struct file`. What cannot be read is 0; a file without an inode is no file.
#[inline(always)]
pub(crate) fn look<L: Look>(file: u64) -> Found {
    let inode = L::get::<u64>(file, Offset::FileInode);
    let sb = L::get::<u64>(inode, Offset::InodeSb);
    Found {
        dentry: L::get(file, Offset::FileDentry),
        device: L::get(sb, Offset::SuperDev),
        inode: L::get(inode, Offset::InodeIno),
        image: Image {
            // What cannot be looked at has a name, like most.
            links: if inode == 0 { 1 } else { L::get(inode, Offset::InodeNlink) },
            mode: u32::from(L::get::<u16>(inode, Offset::InodeMode)),
            owner: L::get(inode, Offset::InodeUid),
            magic: L::get(sb, Offset::SuperMagic),
            verdict: 0,
        },
    }
}

/// Looks at the file that the current process runs.
#[inline(always)]
pub(crate) fn own() -> Found {
    let mm = glance::<u64>(current(), Offset::TaskMm);
    look::<Anywhere>(glance(mm, Offset::MmExeFile))
}

/// The current `struct task_struct`.
#[inline(always)]
pub(crate) fn current() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_current_task() }
}

/// The first eight bytes of what a file is called.
#[inline(always)]
pub(crate) fn name(dentry: u64) -> u64 {
    kernel(field::<u64>(dentry, Offset::DentryNameText)).unwrap_or(0)
}

/// What the agent told of the nearest folder above, or of the file itself; 0 for nothing. A mount ends the way up: what lies above it is
/// another file system, and the agent tells of the roots of all that matter.
#[inline(always)]
pub(crate) fn verdict(dentry: u64, device: u32) -> u8 {
    let (mut dentry, mut found, mut step) = (dentry, 0_u8, 0_u32);
    while step < DEPTH {
        step += 1;
        // What is executed, and the folders above it, exist: no null pointer, see `is_null`.
        let ino = field::<u64>(field::<u64>(dentry, Offset::DentryInode), Offset::InodeIno);
        if has_bit(watched_slot::FOLDERS, filter_bit(device, ino)) {
            let key = FolderKey {
                bits: (PREFIX_BYTES * 8) as u32,
                kind: [1, 0, 0, 0],
                device,
                inode: [ino as u32, (ino >> 32) as u32],
                rest: [0; (PREFIX_BYTES - FOLDER_PREFIX_BYTES) / 4],
            };
            // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
            let asked = unsafe { &*core::ptr::from_ref(&key).cast() };
            if let Some(verdict) = PREFIXES.get(asked) {
                found = *verdict;
                break;
            }
        }
        let parent = field::<u64>(dentry, Offset::DentryParent);
        if parent == dentry {
            break;
        }
        dentry = parent;
    }
    blur(u32::from(found), device) as u8
}
