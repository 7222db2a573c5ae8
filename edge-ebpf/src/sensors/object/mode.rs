//! Set-uid and set-gid files, on the upper rungs: made so by a change of mode, or made with it.
//!
//! Hooks (`security/security.c`):
//! - `inode_setattr`: see `write.rs`.
//! - `inode_create(struct inode *dir, struct dentry *dentry, umode_t mode)`, the same from 5.10 to 7.2: a file that an open, or `mknod` of an
//!   ordinary file, makes; the umask is off already.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Detector, Offset, reason};

use super::write::attributes;
use super::{FORMAT, Object, REGULAR, answer, argument, files};
use crate::emit::act::{Act, apply, enter, of_hook};
use crate::emit::file_tamper::Named as _;
use crate::read::field;
use crate::sensors::chmod::{matters, special};
use crate::{filter, task};

/// `ATTR_MODE` (`include/linux/fs.h`).
const SETS_MODE: u32 = 1;

/// The mode of a file is about to be set.
#[lsm(hook = "inode_setattr")]
pub(crate) fn object_mode(ctx: LsmContext) -> i32 {
    let (dentry, set) = attributes(&ctx);
    if field::<u32>(set, Offset::IattrValid) & SETS_MODE == 0 {
        return 0;
    }
    let mode = u32::from(field::<u16>(set, Offset::IattrMode));
    if !matters(mode) {
        return 0;
    }
    let Some(object) = Object::existing(dentry) else { return 0 };
    answer(judge(mode, &object).unwrap_or(false))
}

/// A file is about to be made.
#[lsm(hook = "inode_create")]
pub(crate) fn object_make(ctx: LsmContext) -> i32 {
    let mode = argument(&ctx, 2) as u32;
    answer(
        matters(mode) && judge(mode, &Object::named(argument(&ctx, 1), argument(&ctx, 0))).unwrap_or(false),
    )
}

/// Judges a mode that runs a program as somebody else. What has it already only keeps it; set-gid is ordinary for a directory.
#[inline(always)]
fn judge(mode: u32, object: &Object) -> Option<bool> {
    const DETECTOR: Detector = Detector::PrivilegeJump;
    if mode & FORMAT != REGULAR || special(mode) & !special(object.mode) == 0 || !filter::in_scope() {
        return None;
    }
    let tgid = task::current_tgid();
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(reason::SETUID_FILE);
    act.value = u64::from(mode & 0o7777);
    act.device = object.dev;
    act.object = files::identity_of(object);
    act.flags = of_hook();
    Some(apply(DETECTOR, rule, tgid, &act, Some(object.path())))
}
