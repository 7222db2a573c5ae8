//! Names: made, given, taken away.
//!
//! Hooks (`security/security.c`); their arguments are the same in all versions from 5.10 to 7.2 unless said otherwise:
//! - `inode_rename(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir, struct dentry *new_dentry)`; an exchange passes
//!   an LSM program twice, once for each file, and `security_inode_rename` once.
//! - `inode_unlink(struct inode *dir, struct dentry *dentry)`: not of directories.
//! - `inode_link(struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry)`.
//! - `inode_symlink(struct inode *dir, struct dentry *dentry, const char *old_name)`.
//! - `inode_create(struct inode *dir, struct dentry *dentry, umode_t mode)`: files that an open, or a node of mode `S_IFREG`, makes.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::WatchSlot;

use super::{Object, answer, argument, files, watch, watched};
use crate::blur::blur_bool;
use crate::sensors::drops;
use crate::{filter, task};

/// A file gets another name.
#[lsm(hook = "inode_rename")]
#[inline(always)]
pub(crate) fn inode_rename(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let Some(old) = Object::existing(argument(&ctx, 1)) else { return 0 };
    let refused = blur_bool(watched(&old, WatchSlot::Remove), task::current_tgid());
    answer(refused | files::renamed(&old, argument(&ctx, 3)))
}

/// The name that it gets: a program of its own at the same hook, since both together need more than the 512 bytes of stack.
#[lsm(hook = "inode_rename")]
#[inline(always)]
pub(crate) fn inode_arrive(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let new = Object::named(argument(&ctx, 3), argument(&ctx, 2));
    answer(watch::arrives(&new, argument(&ctx, 1)))
}

/// A name is removed.
#[lsm(hook = "inode_unlink")]
#[inline(always)]
pub(crate) fn inode_unlink(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let object = Object::named(argument(&ctx, 1), argument(&ctx, 0));
    let refused = blur_bool(watched(&object, WatchSlot::Remove), task::current_tgid());
    answer(refused | files::unlinked(&object))
}

/// The same, for a process that unlinks what it runs: together the two would not fit on the stack.
#[lsm(hook = "inode_unlink")]
#[inline(always)]
pub(crate) fn inode_gone(ctx: LsmContext) -> i32 {
    if filter::in_scope() {
        drops::unlinked(&Object::named(argument(&ctx, 1), argument(&ctx, 0)));
    }
    0
}

/// A file gets a further name: whoever reads that one reads the file.
#[lsm(hook = "inode_link")]
#[inline(always)]
pub(crate) fn inode_link(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let Some(old) = Object::existing(argument(&ctx, 0)) else { return 0 };
    let new = Object::named(argument(&ctx, 2), argument(&ctx, 1));
    let refused = blur_bool(watched(&old, WatchSlot::Read), task::current_tgid());
    answer(refused | watch::arrives(&new, argument(&ctx, 0)))
}

/// A symbolic link is made.
#[lsm(hook = "inode_symlink")]
#[inline(always)]
pub(crate) fn inode_symlink(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let object = Object::named(argument(&ctx, 1), argument(&ctx, 0));
    answer(watched(&object, WatchSlot::Write))
}

/// A file is made. What is no file is not watched: a device node says nothing until it is opened, and then by its number.
#[lsm(hook = "inode_create")]
#[inline(always)]
pub(crate) fn inode_create(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    answer(watch::creates(&Object::named(argument(&ctx, 1), argument(&ctx, 0))))
}
