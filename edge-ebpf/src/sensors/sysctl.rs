//! Kernel settings as they are written, on the cgroup rung.
//!
//! Hook (`__cgroup_bpf_run_filter_sysctl` in `kernel/bpf/cgroup.c`, Linux 5.2): in the process that reads or writes a file below
//! `/proc/sys`, whatever path led there, after its bytes were copied and before they are used. Answering 0 makes `write` fail with
//! `EPERM`. `bpf_get_current_pid_tgid` there: Linux 6.1.

use core::mem::offset_of;

use aya_ebpf::helpers::generated::{
    bpf_sysctl_get_current_value, bpf_sysctl_get_name, bpf_sysctl_get_new_value,
};
use aya_ebpf::macros::cgroup_sysctl;
use aya_ebpf::programs::SysctlContext;
use edge_abi::{Detector, Mode, PREFIX_BYTES, WatchSlot, act_flags};
use edge_ebpf::detectors::sysctl_tamper::{
    NAME_BYTES, Name, VALUE_BYTES, Value, hash, number, weakens, weaker,
};
use edge_ebpf::path::PathBuffer;

use crate::emit::act::{Act, DENIES, enter, is_probe};
use crate::emit::place::{InCgroup, apply_to, mode, of_process};
use crate::maps::WATCH;
use crate::task;

/// Where settings lie.
const FOLDER: &[u8; 10] = b"/proc/sys/";

/// `BPF_F_SYSCTL_BASE_NAME`: the own name only.
const BASE_NAME: u64 = 1;

/// A setting's path, as a key of the prefix map. On the stack, since these programs can be preempted by each other.
#[repr(C)]
struct Setting {
    /// Paths are aligned to eight bytes, a key begins right before one.
    unused: u32,
    /// Bits to compare.
    bits: u32,
    /// The path.
    path: PathBuffer,
}

const _: () = assert!(offset_of!(Setting, path) == offset_of!(Setting, bits) + size_of::<u32>());

/// A setting is read or written.
#[cgroup_sysctl]
pub(crate) fn sysctl(ctx: SysctlContext) -> i32 {
    i32::from(!refuse(&ctx).unwrap_or(false))
}

/// Judges a write; whether it must be refused.
#[inline(always)]
fn refuse(ctx: &SysctlContext) -> Option<bool> {
    const DETECTOR: Detector = Detector::SysctlTamper;
    let tgid = task::current_tgid();
    // A read by the self-test shows that this is reached; a write would not be harmless.
    if is_probe(DETECTOR, tgid) {
        return None;
    }
    // SAFETY: the kernel passes a valid context for the length of the program.
    let write = unsafe { (*ctx.sysctl).write };
    // Killing is for the tracepoint; there is no signal here.
    if write == 0 || matches!(mode(DETECTOR), Mode::Off | Mode::Kill) {
        return None;
    }
    let mut setting =
        Setting { unused: 0, bits: (PREFIX_BYTES * 8) as u32, path: PathBuffer([[0; PREFIX_BYTES]; 2]) };
    let bytes = setting.path.bytes_mut();
    let (folder, name) = bytes.split_at_mut(FOLDER.len());
    folder.copy_from_slice(FOLDER);
    // SAFETY: the helper writes at most `name`, its NUL included.
    let length = unsafe { bpf_sysctl_get_name(ctx.sysctl, name.as_mut_ptr().cast(), name.len() as _, 0) };
    // SAFETY: both begin with a 32-bit length and 64 bytes of data without padding; theirs only asks for less alignment.
    let key = unsafe { &*(&raw const setting.bits).cast() };
    let watch = WATCH.get(key)?;
    let slot = WatchSlot::Write as usize;
    if *watch.detectors.get(slot)? != DETECTOR as u8 {
        return None;
    }
    let mut own: Name = [0; NAME_BYTES];
    // SAFETY: the helper writes at most `own`, its NUL included.
    unsafe { bpf_sysctl_get_name(ctx.sysctl, own.as_mut_ptr().cast(), NAME_BYTES as _, BASE_NAME) };
    let weaker = weaker(hash(&own));
    let (mut present, mut new): (Value, Value) = ([0; VALUE_BYTES], [0; VALUE_BYTES]);
    // SAFETY: the helper writes at most `present`, its NUL included.
    unsafe { bpf_sysctl_get_current_value(ctx.sysctl, present.as_mut_ptr().cast(), VALUE_BYTES as _) };
    // SAFETY: the helper writes at most `new`, its NUL included.
    unsafe { bpf_sysctl_get_new_value(ctx.sysctl, new.as_mut_ptr().cast(), VALUE_BYTES as _) };
    if !weakens(weaker, &present, &new) {
        return None;
    }
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(*watch.reasons.get(slot)?);
    act.flags = DENIES | act_flags::CGROUP;
    act.value = number(&new).unwrap_or(0).cast_unsigned();
    let mut key = of_process(DETECTOR, act.reason, tgid);
    key.object = hash(&own) as u8;
    let length = length.wrapping_add_unsigned(FOLDER.len() as u64).clamp(0, 127).cast_unsigned() as u32;
    let path = (&setting.path, length);
    Some(apply_to(&InCgroup { tgid }, DETECTOR, rule, &key, rule.threshold, &act, path).refused)
}
