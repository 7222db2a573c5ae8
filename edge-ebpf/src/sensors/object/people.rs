//! Acts upon other processes at the hooks where the kernel asks whether they may happen, on the LSM rung.
//!
//! Hooks (`include/linux/lsm_hook_defs.h`; their arguments are the same from 5.10 to 7.2):
//! - `task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred)`: in the sender, for every signal that
//!   a process asks for, after the check of permission and before it is known whether the target ignores it.
//! - `ptrace_access_check(struct task_struct *child, unsigned int mode)`: by whatever wants at another process's memory or descriptors, to
//!   read them as well; which call it is tell the registers.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Detector, Mode, Offset, SyscallClass, reason, task_flags};
use edge_ebpf::count::Weight;
use edge_ebpf::detectors::{mass_kill, process_injection};

use super::user;
use crate::emit::act::{Act, apply, enter, is_probe, of_hook};
use crate::emit::place::mode;
use crate::read::{kernel, peek};
use crate::{filter, task};

/// `PTRACE_MODE_ATTACH` and `PTRACE_MODE_FSCREDS` (`include/linux/ptrace.h`); files below /proc ask with the latter.
const ATTACH: u64 = 2;
/// See [`ATTACH`].
const BY_FILE: u64 = 8;

/// Where a signal's code lies in `struct kernel_siginfo`: behind its number and an error (`include/uapi/asm-generic/siginfo.h`).
const CODE: u64 = 8;

/// A signal is about to be sent.
#[lsm(hook = "task_kill")]
pub(crate) fn object_kill(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    let number = ctx.arg::<u64>(2) as u32;
    super::answer(signalled(ctx.arg::<u64>(0), ctx.arg::<u64>(1), number).unwrap_or(false))
}

/// Another process's memory is wanted.
#[lsm(hook = "ptrace_access_check")]
pub(crate) fn object_trace(ctx: LsmContext) -> i32 {
    let wanted = ctx.arg::<u64>(1);
    if wanted & ATTACH == 0 || wanted & BY_FILE != 0 || !filter::in_scope() {
        return 0;
    }
    super::answer(traced(ctx.arg::<u64>(0)).unwrap_or(false))
}

/// Judges a signal from one process to another, as `sensors/signal.rs` does where it is made.
#[inline(always)]
fn signalled(target: u64, info: u64, number: u32) -> Option<bool> {
    let tgid = task::current_tgid();
    if is_probe(Detector::ImpairDefenses, tgid) {
        is_probe(Detector::MassKill, tgid);
        return None;
    }
    // Numbers instead of an address stand for the kernel itself, and for a process that said nothing more.
    let code = if info > 1 { kernel::<i32>(info + CODE)? } else { 0 };
    if !mass_kill::matters(number, code) {
        return None;
    }
    // Asked of the kernel: a child that has ended and not been waited for is in no table, and is signalled all the same.
    let parent =
        peek::<u64>(target, Offset::TaskParent).and_then(|parent| peek::<u32>(parent, Offset::TaskTgid))?;
    let target = peek::<u32>(target, Offset::TaskTgid)?;
    if tgid <= 1 || target == tgid || parent == tgid {
        return None;
    }
    let guard = task::lookup(target).is_some_and(|task| task.flags & task_flags::GUARD != 0);
    let (detector, mut act) = if guard {
        (Detector::ImpairDefenses, Act::new(reason::GUARD_SIGNALLED))
    } else {
        let mut act = Act::new(reason::SOLE);
        act.weight = Weight::Distinct(target);
        (Detector::MassKill, act)
    };
    let rule = enter(detector, tgid)?;
    (act.flags, act.value, act.target, act.object) = (of_hook(), u64::from(number), target, target);
    Some(apply(detector, rule, tgid, &act, None))
}

/// Judges what reaches into another process, to refuse it; what is only told is told by the syscall, with all its registers.
#[inline(always)]
fn traced(child: u64) -> Option<bool> {
    const DETECTOR: Detector = Detector::ProcessInjection;
    if !matches!(mode(DETECTOR), Mode::Deny) {
        return None;
    }
    let tgid = task::current_tgid();
    if is_probe(DETECTOR, tgid) {
        return None;
    }
    let target = peek::<u32>(child, Offset::TaskTgid)?;
    let class = user::class();
    let sighting = if class == SyscallClass::Ptrace as u8 {
        process_injection::ptrace(user::first_argument(), target)?
    } else if class == SyscallClass::RemoteWrite as u8 {
        process_injection::remote_write(tgid, target)?
    } else {
        return None;
    };
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(sighting.reason);
    (act.flags, act.value, act.target) = (of_hook(), sighting.value, target);
    act.object = target ^ sighting.value as u32;
    Some(apply(DETECTOR, rule, tgid, &act, None))
}
