//! A program's file, read from the kernel's own objects: where no path is involved, none can deceive.

use aya_ebpf::helpers::bpf_get_current_task;
use edge_abi::{FOLDER_PREFIX_BYTES, Offset, PREFIX_BYTES, PrefixData};
use edge_ebpf::image::{DEPTH, Image};

use crate::maps::PREFIXES;
use crate::read::{forget, kernel, peek};

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

/// Looks at a `struct file`.
#[inline(always)]
pub(crate) fn look(file: u64) -> Option<Found> {
    let inode = peek::<u64>(file, Offset::FileInode)?;
    let sb = peek::<u64>(inode, Offset::InodeSb)?;
    Some(Found {
        dentry: peek(file, Offset::FileDentry)?,
        device: peek(sb, Offset::SuperDev)?,
        inode: peek(inode, Offset::InodeIno)?,
        image: Image {
            links: peek(inode, Offset::InodeNlink)?,
            mode: u32::from(peek::<u16>(inode, Offset::InodeMode)?),
            owner: peek(inode, Offset::InodeUid)?,
            magic: peek(sb, Offset::SuperMagic)?,
            verdict: 0,
        },
    })
}

/// Looks at the file that the current process runs.
#[inline(always)]
pub(crate) fn own() -> Option<Found> {
    let mm = peek::<u64>(current(), Offset::TaskMm)?;
    look(peek(mm, Offset::MmExeFile)?)
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
    peek::<u64>(dentry, Offset::DentryNameText).and_then(kernel).unwrap_or(0)
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
        let Some(inode) = peek::<u64>(dentry, Offset::DentryInode) else { break };
        let Some(number) = peek::<[u32; 2]>(inode, Offset::InodeIno) else { break };
        key.inode = number;
        // SAFETY: both begin with a 32-bit length and the same data without padding; theirs only asks for less alignment.
        let asked = unsafe { &*core::ptr::from_ref(&key).cast() };
        if let Some(verdict) = PREFIXES.get(asked) {
            found = *verdict;
            break;
        }
        let Some(parent) = peek::<u64>(dentry, Offset::DentryParent) else { break };
        if parent == dentry {
            break;
        }
        dentry = parent;
    }
    forget(u64::from(found)) as u8
}
