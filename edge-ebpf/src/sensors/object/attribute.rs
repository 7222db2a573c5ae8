//! Files given capabilities, on the upper rungs.
//!
//! Hook: `inode_setxattr(struct dentry *dentry, const char *name, const void *value, size_t size, int flags)` in 5.10;
//! `struct user_namespace *mnt_userns` stands before these since 5.12, `struct mnt_idmap *idmap` in its place since 6.3
//! (`include/linux/lsm_hook_defs.h`; `security_inode_setxattr` is the same). Which it is, the name tells: it is read at both places.
//!
//! The value is a `struct vfs_cap_data` (`include/uapi/linux/capability.h`), already copied into the kernel.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Detector, Offset, act_flags};
use edge_ebpf::detectors::privilege_jump;

use crate::emit::act::{Act, NO_PATH, apply, enter, of_hook};
use crate::read::{self, kernel, peek};
use crate::sensors::exec::scratch;
use crate::{filter, task};

/// `security.capability`, its NUL included, without the last four bytes.
const NAME: [u64; 2] = [u64::from_ne_bytes(*b"security"), u64::from_ne_bytes(*b".capabil")];

/// A file gets an extended attribute.
#[lsm(hook = "inode_setxattr")]
pub(crate) fn object_attribute(ctx: LsmContext) -> i32 {
    let words = [ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3)];
    super::answer(given(words).unwrap_or(false))
}

/// Judges what is given.
#[inline(always)]
fn given(words: [u64; 4]) -> Option<bool> {
    const DETECTOR: Detector = Detector::PrivilegeJump;
    let [first, second, third, fourth] = words;
    let (dentry, value) = if kernel::<[u64; 2]>(third) == Some(NAME) {
        (second, fourth)
    } else if kernel::<[u64; 2]>(second) == Some(NAME) {
        (first, third)
    } else {
        return None;
    };
    let [_, low, _, high] = kernel::<[u32; 4]>(value)?;
    let sighting = privilege_jump::given(u64::from(low) | u64::from(high) << 32)?;
    if !filter::in_scope() {
        return None;
    }
    let tgid = task::current_tgid();
    let rule = enter(DETECTOR, tgid)?;
    let scratch = scratch()?;
    let owner = bpf_get_current_pid_tgid();
    scratch.owner = owner;
    let name = peek::<u64>(dentry, Offset::DentryNameText)?;
    let length = read::kernel_path(name, &mut scratch.path).unwrap_or(0);
    let mut act = Act::new(sighting.reason);
    // Only what it is called in its folder is told.
    (act.flags, act.value) = (of_hook() | act_flags::RELATIVE, sighting.value);
    act.object = sighting.value as u32;
    let path = if scratch.owner == owner { (&scratch.path, length) } else { (&NO_PATH, 0) };
    Some(apply(DETECTOR, rule, tgid, &act, Some(path)))
}
