//! Syscalls judged by their registers on the tracepoint rung: nothing that could change after the look.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{Detector, SyscallClass};
use edge_ebpf::detectors::{Sighting, process_injection};

use super::syscall::{argument, class, registers};
use crate::emit::act::{Act, apply, enter};
use crate::{globals, task};

/// A syscall judged by its registers begins.
#[raw_tracepoint]
pub(crate) fn sys_acts(ctx: RawTracePointContext) -> i32 {
    let _ = observe(&ctx);
    0
}

/// Judges and reports one.
#[inline(always)]
fn observe(ctx: &RawTracePointContext) -> Option<()> {
    let (class, registers) = (class(ctx), registers(ctx));
    let tgid = task::current_tgid();
    let first = argument(registers, globals::first_argument());
    let second = argument(registers, globals::second_argument());
    let (detector, sighting) = judge(class, tgid, first, second)?;
    let rule = enter(detector, tgid)?;
    let mut act = Act::new(sighting.reason);
    act.value = sighting.value;
    act.target = sighting.target;
    act.object = sighting.target ^ sighting.value as u32;
    apply(detector, rule, tgid, &act, None);
    Some(())
}

/// Whose business a syscall is; one arm per class.
#[inline(always)]
fn judge(class: u8, tgid: u32, first: u64, second: u64) -> Option<(Detector, Sighting)> {
    if class == SyscallClass::Ptrace as u8 {
        Some((Detector::ProcessInjection, process_injection::ptrace(first, second as u32)?))
    } else if class == SyscallClass::RemoteWrite as u8 {
        Some((Detector::ProcessInjection, process_injection::remote_write(tgid, first as u32)?))
    } else {
        None
    }
}
