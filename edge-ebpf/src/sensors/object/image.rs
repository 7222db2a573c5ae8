//! A program's file, read from the kernel's own objects: where no path is involved, none can deceive.

use aya_ebpf::helpers::bpf_get_current_task;
use edge_abi::{FOLDER_PREFIX_BYTES, Offset, PREFIX_BYTES, PrefixData};
use edge_ebpf::image::{DEPTH, Image};

use crate::maps::PREFIXES;
use crate::read::{forget, glance, kernel};

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
pub(crate) fn look(file: u64) -> Found {
    let inode = glance::<u64>(file, Offset::FileInode);
    let sb = glance::<u64>(inode, Offset::InodeSb);
    Found {
        dentry: glance(file, Offset::FileDentry),
        device: glance(sb, Offset::SuperDev),
        inode: glance(inode, Offset::InodeIno),
        image: Image {
            // What cannot be looked at has a name, like most.
            links: if inode == 0 { 1 } else { glance(inode, Offset::InodeNlink) },
            mode: u32::from(glance::<u16>(inode, Offset::InodeMode)),
            owner: glance(inode, Offset::InodeUid),
            magic: glance(sb, Offset::SuperMagic),
            verdict: 0,
        },
    }
}

/// Looks at the file that the current process runs.
#[inline(always)]
pub(crate) fn own() -> Found {
    let mm = glance::<u64>(current(), Offset::TaskMm);
    look(glance(mm, Offset::MmExeFile))
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
    kernel(glance::<u64>(dentry, Offset::DentryNameText)).unwrap_or(0)
}

/// What the agent told of the nearest folder above, or of the file itself; 0 for nothing. A mount ends the way up: what lies above it is
/// another file system, and the agent tells of the roots of all that matter.
#[inline(always)]
pub(crate) fn verdict(dentry: u64, device: u32) -> u8 {
    let (mut dentry, mut found, mut step) = (dentry, 0_u8, 0_u32);
    let mut key = FolderKey {
        bits: (PREFIX_BYTES * 8) as u32,
        kind: [1, 0, 0, 0],
        device,
        inode: [0; 2],
        rest: [0; (PREFIX_BYTES - FOLDER_PREFIX_BYTES) / 4],
    };
    while step < DEPTH {
        step += 1;
        let inode = glance::<u64>(dentry, Offset::DentryInode);
        key.inode = glance(inode, Offset::InodeIno);
        // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
        let asked = unsafe { &*core::ptr::from_ref(&key).cast() };
        if let Some(verdict) = PREFIXES.get(asked) {
            found = *verdict;
            break;
        }
        let parent = glance::<u64>(dentry, Offset::DentryParent);
        if parent == dentry {
            break;
        }
        dentry = parent;
    }
    forget(u64::from(found)) as u8
}
