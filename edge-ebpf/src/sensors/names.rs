//! Names that processes give themselves, what they mount over /proc, and what becomes of their standard descriptors, as
//! syscalls begin.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{Detector, SyscallClass, act_flags, reason, task_flags};
use edge_ebpf::detectors::{Sighting, masquerade, shell_on_socket};

use super::syscall::{Jump, argument, class, jump, registers, rung, scratch};
use crate::emit::act::{Act, apply, enter};
use crate::maps::Scratch;
use crate::{globals, read, task};

/// `PR_SET_NAME` of `include/uapi/linux/prctl.h`.
const SET_NAME: u64 = 15;

/// Longest name of a thread, without its NUL.
const NAME_BYTES: usize = 15;

/// Whether this file looks at a class; what it leaves to others it hands on.
#[inline(always)]
pub(super) fn takes(class: u8) -> bool {
    class == SyscallClass::Dup as u8
        || class == SyscallClass::DupLowest as u8
        || class == SyscallClass::Fcntl as u8
        || class == SyscallClass::Mount as u8
        || class == SyscallClass::Prctl as u8
        || class == SyscallClass::Socket as u8
}

/// Whether the registers of such a syscall can be of interest: C libraries call `fcntl` after each open.
#[inline(always)]
pub(super) fn matters(ctx: &RawTracePointContext, class: u8) -> bool {
    let registers = registers(ctx);
    if class == SyscallClass::Fcntl as u8 {
        let second = argument(registers, globals::second_argument());
        shell_on_socket::duplicated(second, argument(registers, globals::third_argument())).is_some()
    } else if class == SyscallClass::Prctl as u8 {
        argument(registers, globals::first_argument()) == SET_NAME
    } else {
        true
    }
}

/// A syscall begins that names a process or moves its descriptors.
#[raw_tracepoint]
pub(crate) fn sys_names(ctx: RawTracePointContext) -> i32 {
    let _ = observe(&ctx);
    let class = class(&ctx);
    if class == SyscallClass::Mount as u8 || class == SyscallClass::Socket as u8 {
        // Others have business with these as well.
        jump(&ctx, Jump::Acts);
    }
    0
}

/// What was seen, and whose it is.
struct Found {
    /// Whose.
    detector: Detector,
    /// What.
    sighting: Sighting,
    /// The agent has to look.
    candidate: bool,
    /// Tells one object from another.
    object: u32,
}

/// Judges and reports one.
#[inline(always)]
fn observe(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    let (class, registers) = (class(ctx), registers(ctx));
    let tgid = task::current_tgid();
    scratch.lengths = [0, 0];
    let found = judge(scratch, class, registers, tgid)?;
    let rule = enter(found.detector, tgid)?;
    let mut act = Act::new(found.sighting.reason);
    act.value = found.sighting.value;
    act.target = found.sighting.target;
    act.object = found.object;
    act.flags = rung();
    if found.candidate {
        act.flags |= act_flags::CANDIDATE;
    }
    let [length, _] = scratch.lengths;
    let path = if length == 0 { None } else { Some((&scratch.path, length)) };
    apply(found.detector, rule, tgid, &act, path);
    Some(())
}

/// One arm per class.
#[inline(always)]
fn judge(scratch: &mut Scratch, class: u8, registers: u64, tgid: u32) -> Option<Found> {
    let first = argument(registers, globals::first_argument());
    let second = argument(registers, globals::second_argument());
    if class == SyscallClass::Prctl as u8 {
        return if first == SET_NAME { name(scratch, second) } else { None };
    }
    if class == SyscallClass::Mount as u8 {
        // The second argument of `mount`, the fourth of `move_mount`, where that of `mount` is a number.
        return mount(scratch, second)
            .or_else(|| mount(scratch, argument(registers, globals::fourth_argument())));
    }
    let task = task::lookup(tgid)?;
    if class == SyscallClass::Socket as u8 {
        if shell_on_socket::is_network(first) {
            task.flags |= task_flags::NETWORK;
        }
        return None;
    }
    let new = if class == SyscallClass::Dup as u8 {
        second
    } else if class == SyscallClass::Fcntl as u8 {
        shell_on_socket::duplicated(second, argument(registers, globals::third_argument()))?
    } else {
        // Which one is the lowest free is not known; standard descriptors matter in a process with a socket only.
        if task.flags & task_flags::NETWORK != 0 {
            task.flags |= task_flags::STDIN_MOVED | task_flags::STDOUT_MOVED;
        }
        return None;
    };
    task.flags = shell_on_socket::moved(task.flags, first, new)?;
    let sighting = shell_on_socket::judge(task.flags)?;
    Some(Found { detector: Detector::ShellOnSocket, sighting, candidate: true, object: new as u32 + 1 })
}

/// Judges a name, at `address` in user memory.
#[inline(always)]
fn name(scratch: &mut Scratch, address: u64) -> Option<Found> {
    let length = read::user_path(address, &mut scratch.path)?;
    if let Some(end) = scratch.path.bytes_mut().get_mut(NAME_BYTES) {
        *end = 0;
    }
    scratch.name.read(&scratch.path, 0);
    let (reason, certain) = masquerade::taken(&scratch.name)?;
    scratch.lengths = [length.min(NAME_BYTES as u32), 0];
    let sighting = Sighting { reason, value: 0, target: 0 };
    Some(Found { detector: Detector::Masquerade, sighting, candidate: !certain, object: scratch.name.hash })
}

/// Judges what is mounted over, at `address` in user memory.
#[inline(always)]
fn mount(scratch: &mut Scratch, address: u64) -> Option<Found> {
    let length = read::user_path(address, &mut scratch.path)?;
    let target = masquerade::hidden(&scratch.path)?;
    scratch.lengths = [length, 0];
    let sighting = Sighting { reason: reason::HIDDEN_PROC, value: 0, target };
    Some(Found { detector: Detector::Masquerade, sighting, candidate: false, object: target })
}
