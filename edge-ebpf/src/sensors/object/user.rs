//! The registers with which the current thread entered the kernel, for hooks that do not tell which call leads to them. Only for LSM
//! programs: the helpers are newer than the kprobe rung's oldest kernel.
//!
//! `struct pt_regs` of arm64 (`arch/arm64/include/asm/ptrace.h`): 31 registers, sp, pc and pstate, then `orig_x0` and `syscallno`, in all
//! versions from 5.10 to 7.2.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use edge_abi::{COMPAT_BASE, SyscallClass};

use crate::globals;
use crate::read::kernel;

/// Where `orig_x0` lies.
const FIRST_ARGUMENT: u64 = 272;
/// Where `syscallno` lies.
const NUMBER: u64 = 280;
/// `PSR_MODE32_BIT`.
const PSR_MODE32: u64 = 1 << 4;

/// Where they lie.
#[inline(always)]
fn registers() -> u64 {
    // SAFETY: a helper without arguments (Linux 5.11).
    let task = unsafe { bpf_get_current_task_btf() };
    // SAFETY: takes what the other has given (Linux 5.15).
    unsafe { bpf_task_pt_regs(task) }.cast_unsigned()
}

/// The first argument of the call.
#[inline(always)]
pub(super) fn first_argument() -> u64 {
    kernel(registers() + FIRST_ARGUMENT).unwrap_or(0)
}

/// What the call means.
#[inline(always)]
pub(super) fn class() -> u8 {
    let registers = registers();
    let Some(number) = kernel::<u32>(registers + NUMBER) else { return SyscallClass::None as u8 };
    let compat = kernel::<u64>(registers + u64::from(globals::compat_offset()));
    let base = if compat.is_some_and(|word| word & PSR_MODE32 != 0) { COMPAT_BASE } else { 0 };
    if number as usize >= COMPAT_BASE {
        return SyscallClass::None as u8;
    }
    globals::syscall_class(base + number as usize)
}
