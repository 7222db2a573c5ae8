//! Where syscalls begin: what a number means, and which program goes on with it.
//!
//! The same programs are attached in one of two ways, which the loader chooses for all of them:
//!
//! - At the handlers of the syscalls that are watched, one kprobe each: `__arm64_sys_NAME(const struct pt_regs *regs)` and, for 32-bit
//!   tasks, `__arm64_compat_sys_NAME` (arm64 since Linux 4.19, `arch/arm64/include/asm/syscall_wrapper.h`). Other syscalls pay
//!   nothing. The number is read from `pt_regs.syscallno`. Rung: kprobe.
//! - At the raw tracepoint `sys_enter(struct pt_regs *regs, long id)`, `include/trace/events/syscalls.h`; one program for all syscalls,
//!   because a single one per syscall costs more in sum, and because arm64 does not fire `syscalls:*` for 32-bit tasks while this
//!   fires with their own numbers. Every syscall of every process pays a little. Rung: tracepoint.
//!
//! Word 0 of the context is the task's registers in both. This program only looks the number up; what a watched syscall needs is done
//! by further programs it jumps to (tail calls, Linux 4.2; the 32-bit ARM JIT has them), so that each stays small enough for the
//! verifier and unrelated syscalls pay for a table look-up alone.
//!
//! Either way it runs with preemption off: a probe of the raw tracepoint by the tracepoint's own lock, a kprobe because its breakpoint
//! is an exception that arm64 handles with interrupts off. So the scratch room of a CPU belongs to one syscall at a time.
//! Loses against security hooks: arguments can change after the look, attempts that fail count, `io_uring` does not pass here.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{COMPAT_BASE, FIRST_ACT, SyscallClass, act_flags};
use edge_ebpf::detectors::{device_tamper, net_tamper};

use super::{acts, names, net, write};
use crate::emit::file_tamper;
use crate::maps::{JUMPS, SCRATCH, Scratch};
use crate::{filter, globals, read, stack, task};

/// `PSR_MODE32_BIT` of `arch/arm64/include/uapi/asm/ptrace.h`.
const PSR_MODE32: u64 = 1 << 4;

/// Programs that go on, by their place in [`JUMPS`]; the loader fills it in the same order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Jump {
    /// The first path of a syscall: `sensors/paths.rs`.
    Paths = 0,
    /// The second one.
    Second = 1,
    /// What `file_tamper` makes of both: `sensors/files.rs`.
    Files = 2,
    /// Written data: `sensors/write.rs`.
    Write = 3,
    /// Syscalls judged by their registers: `sensors/acts.rs`.
    Acts = 4,
    /// What `file_tamper` makes of both paths for the whole origin.
    Origin = 5,
    /// Those about sockets, routes and buses: `sensors/net.rs`.
    Net = 8,
    /// Names and standard descriptors: `sensors/names.rs`.
    Names = 12,
    /// A process that unlinks what it runs: `sensors/drops.rs`.
    Unlink = 13,
}

/// A syscall begins.
#[raw_tracepoint]
pub(crate) fn sys_enter(ctx: RawTracePointContext) -> i32 {
    let class = class(&ctx);
    if class == SyscallClass::None as u8 || !filter::in_scope() {
        return 0;
    }
    stack::widen::<58>();
    if write::is_data(class) {
        // The most frequent of all: of no interest unless the process has changed files before.
        if write::matters(&ctx, class) && file_tamper::known(task::current_tgid()).is_some() {
            jump(&ctx, Jump::Write);
        }
    } else if net::takes(class) {
        if net::matters(class) {
            jump(&ctx, Jump::Net);
        }
    } else if class == SyscallClass::Ioctl as u8 {
        let command = argument(registers(&ctx), globals::second_argument()) as u32;
        if command == net_tamper::SIOCDELRT {
            jump(&ctx, Jump::Net);
        } else if device_tamper::matters(command) {
            jump(&ctx, Jump::Acts);
        }
    } else if names::takes(class) {
        if names::matters(&ctx, class) {
            jump(&ctx, Jump::Names);
            jump(&ctx, Jump::Acts);
        }
    } else if class >= FIRST_ACT {
        if acts::matters(&ctx, class) {
            jump(&ctx, Jump::Acts);
        }
    } else {
        jump(&ctx, Jump::Paths);
    }
    0
}

/// Goes on with another program; comes back only when that is not loaded.
#[inline(always)]
pub(super) fn jump(ctx: &RawTracePointContext, to: Jump) {
    // SAFETY: both are programs of this type; one that is not there leaves us where we are.
    unsafe { JUMPS.tail_call(ctx, to as u32) };
}

/// What the syscall means; the same answer in every program it passes.
#[inline(always)]
pub(super) fn class(ctx: &RawTracePointContext) -> u8 {
    let id = number(ctx);
    if id >= COMPAT_BASE {
        return SyscallClass::None as u8;
    }
    // Two table look-ups decide for the many syscalls that mean nothing in either numbering.
    let (native, compat) = (globals::syscall_class(id), globals::syscall_class(id + COMPAT_BASE));
    if native | compat == 0 {
        return SyscallClass::None as u8;
    }
    if is_compat(registers(ctx)) { compat } else { native }
}

/// The number of the syscall, in the task's own numbering.
#[inline(always)]
fn number(ctx: &RawTracePointContext) -> usize {
    match globals::syscall_number() {
        0 => ctx.arg::<u64>(1) as usize,
        offset => {
            // A number that cannot be read is none that is watched.
            read::kernel::<u32>(registers(ctx) + u64::from(offset)).unwrap_or(u32::MAX) as usize
        }
    }
}

/// The rung this runs on, as a record tells it.
#[inline(always)]
pub(super) fn rung() -> u8 {
    if globals::syscall_number() == 0 { 0 } else { act_flags::KPROBE }
}

/// Where the argument registers lie.
#[inline(always)]
pub(super) fn registers(ctx: &RawTracePointContext) -> u64 {
    ctx.arg::<u64>(0)
}

/// Bytes of a pointer of the task.
#[inline(always)]
pub(super) fn pointer_bytes(registers: u64) -> u64 {
    if globals::registers_32() != 0 || is_compat(registers) { 4 } else { 8 }
}

/// Whether the task is a 32-bit one on a 64-bit kernel.
#[inline(always)]
fn is_compat(registers: u64) -> bool {
    let offset = globals::compat_offset();
    offset != 0
        && read::kernel::<u64>(registers + u64::from(offset)).is_some_and(|word| word & PSR_MODE32 != 0)
}

/// One argument register.
#[inline(always)]
pub(super) fn argument(registers: u64, offset: u32) -> u64 {
    let address = registers + u64::from(offset);
    if globals::registers_32() != 0 {
        read::kernel::<u32>(address).map_or(0, u64::from)
    } else {
        read::kernel::<u64>(address).unwrap_or(0)
    }
}

/// This CPU's room. It keeps its contents from one program of a syscall to the next.
#[inline(always)]
pub(super) fn scratch() -> Option<&'static mut Scratch> {
    let scratch = SCRATCH.get_ptr_mut(0)?;
    // SAFETY: this CPU's own value; these programs run with preemption off and do not nest.
    Some(unsafe { &mut *scratch })
}
