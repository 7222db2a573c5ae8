//! Syscalls judged by their registers as they begin: nothing that could change after the look, unless it says so.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{Detector, Mode, SyscallClass};
use edge_ebpf::detectors::{
    Sighting, device_tamper, kernel_code, namespace_escape, process_injection, uring_use,
};

use super::syscall::{argument, class, registers, rung, scratch};
use crate::emit::act::{Act, apply, enter, is_at_hooks};
use crate::emit::place::mode;
use crate::{globals, read, task};

/// A syscall judged by its registers begins.
#[raw_tracepoint]
pub(crate) fn sys_acts(ctx: RawTracePointContext) -> i32 {
    let _ = observe(&ctx);
    0
}

/// Whether one of the frequent ones is worth the jump; the others always are.
#[inline(always)]
pub(super) fn matters(ctx: &RawTracePointContext, class: u8) -> bool {
    class != SyscallClass::Clone as u8
        || namespace_escape::clones(argument(registers(ctx), globals::first_argument()))
}

/// Judges and reports one.
#[inline(always)]
fn observe(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    let (class, registers) = (class(ctx), registers(ctx));
    let tgid = task::current_tgid();
    let arguments = [
        argument(registers, globals::first_argument()),
        argument(registers, globals::second_argument()),
        argument(registers, globals::third_argument()),
        argument(registers, globals::fourth_argument()),
    ];
    let (detector, sighting) = judge(class, tgid, arguments)?;
    if is_elsewhere(detector, class, sighting.value) {
        return None;
    }
    let rule = enter(detector, tgid)?;
    let mut length = 0;
    if class == SyscallClass::Mount as u8 {
        let [_, target, ..] = arguments;
        length = read::user_path(target, &mut scratch.path).unwrap_or(0);
    }
    let mut act = Act::new(sighting.reason);
    act.flags = rung();
    act.value = sighting.value;
    act.target = sighting.target;
    act.object = sighting.target ^ sighting.value as u32;
    apply(detector, rule, tgid, &act, Some((&scratch.path, length)));
    Some(())
}

/// Whether an act of this class is judged where the kernel asks its security modules: `sensors/object`. Joining and leaving namespaces has
/// no such place, and of what reaches into a process only the first step has one, which is taken to refuse it.
#[inline(always)]
fn is_elsewhere(detector: Detector, class: u8, value: u64) -> bool {
    let mount = class == SyscallClass::Mount as u8
        || class == SyscallClass::MoveMount as u8
        || class == SyscallClass::PivotRoot as u8;
    let code = class == SyscallClass::Module as u8
        || class == SyscallClass::Kexec as u8
        || class == SyscallClass::Bpf as u8
        || class == SyscallClass::UringSetup as u8;
    let reach = class == SyscallClass::RemoteWrite as u8
        || (class == SyscallClass::Ptrace as u8 && process_injection::attaches(value));
    (mount || code || (reach && matches!(mode(detector), Mode::Deny))) && is_at_hooks(detector)
}

/// Whose business a syscall is; one arm per class.
#[inline(always)]
fn judge(class: u8, tgid: u32, arguments: [u64; 4]) -> Option<(Detector, Sighting)> {
    let [first, second, third, fourth] = arguments;
    Some(if class == SyscallClass::Ptrace as u8 {
        (Detector::ProcessInjection, process_injection::ptrace(first, second as u32)?)
    } else if class == SyscallClass::RemoteWrite as u8 {
        (Detector::ProcessInjection, process_injection::remote_write(tgid, first as u32)?)
    } else if class == SyscallClass::Ioctl as u8 {
        // The options of a watchdog; what the argument of another command points at does not matter.
        let options = read::user::<u32>(third).unwrap_or(0);
        (Detector::DeviceTamper, device_tamper::ioctl(second as u32, options)?)
    } else if class == SyscallClass::Module as u8 {
        (Detector::KernelCode, kernel_code::module(first))
    } else if class == SyscallClass::Kexec as u8 {
        (Detector::KernelCode, kernel_code::kexec())
    } else if class == SyscallClass::Bpf as u8 {
        // `union bpf_attr` of a load begins with the type of the program.
        let kind = read::user::<u32>(second).unwrap_or(0);
        (Detector::KernelCode, kernel_code::bpf(first, kind)?)
    } else if class == SyscallClass::Unshare as u8 {
        (Detector::NamespaceEscape, namespace_escape::unshare(first, true)?)
    } else if class == SyscallClass::Clone as u8 {
        (Detector::NamespaceEscape, namespace_escape::unshare(first, false)?)
    } else if class == SyscallClass::Clone3 as u8 {
        (Detector::NamespaceEscape, namespace_escape::unshare(read::user::<u64>(first)?, true)?)
    } else if class == SyscallClass::SetNs as u8 {
        (Detector::NamespaceEscape, namespace_escape::set_ns(second))
    } else if class == SyscallClass::Mount as u8 {
        (Detector::NamespaceEscape, namespace_escape::mount(fourth)?)
    } else if class == SyscallClass::MoveMount as u8 {
        (Detector::NamespaceEscape, namespace_escape::mount(0)?)
    } else if class == SyscallClass::PivotRoot as u8 {
        (Detector::NamespaceEscape, namespace_escape::pivot_root())
    } else if class == SyscallClass::UringSetup as u8 {
        (Detector::UringUse, uring_use::setup(first))
    } else {
        return None;
    })
}
