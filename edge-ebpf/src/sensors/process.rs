//! Processes on the tracepoint rung.
//!
//! Hooks (`include/trace/events/sched.h`; the loader reads the field offsets from tracefs, since they moved in 6.16):
//! - `sched:sched_process_exec(task, old_pid, bprm)`: fields `__data_loc char[] filename; pid_t pid; pid_t old_pid`.
//! - `sched:sched_process_fork(parent, child)`: fields `parent_comm, parent_pid, child_comm, child_pid`.
//!
//! Upper rungs replace the path by the inode; this one has the path as the caller gave it.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::{CWD_BYTES, Counter, Detector, EXE_BYTES, Parent, Task, exe_hash, task_flags};
use edge_ebpf::detectors::volatile_exec::{Directory, Way, judge_absolute, judge_relative};
use edge_ebpf::path::{PathBuffer, PathFacts, scan};

use crate::clock::now_ns;
use crate::emit::{count, volatile_exec};
use crate::maps::{EXEC_SCRATCH, ExecScratch, FILES, PARENTS, SCANS, TASKS, TRUSTED};
use crate::{filter, globals, read, task};

/// A program was executed.
#[tracepoint]
pub(crate) fn exec(ctx: TracePointContext) -> u32 {
    let _ = on_exec(&ctx);
    0
}

/// A process or thread was made.
#[tracepoint]
pub(crate) fn fork(ctx: TracePointContext) -> u32 {
    let _ = on_fork(&ctx);
    0
}

/// Remembers the program, then judges the place it was executed from.
#[inline(always)]
fn on_exec(ctx: &TracePointContext) -> Option<()> {
    let locator: u32 = read::kernel(ctx.as_ptr() as u64 + u64::from(globals::exec_filename()))?;
    let scratch = EXEC_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: this CPU's own value; exec runs with preemption off and does not nest.
    let scratch = unsafe { &mut *scratch };
    let length = read::kernel_path(ctx.as_ptr() as u64 + u64::from(locator & 0xffff), &mut scratch.path)?;

    let tgid = task::current_tgid();
    remember(scratch, tgid, length);
    // Out of scope a program is remembered, since what it starts may come into scope, but not judged.
    let mode = volatile_exec::mode().filter(|_| filter::in_scope())?;
    count(Detector::VolatileExec, Counter::Evidence);
    scan(&scratch.path, &mut scratch.facts);
    let facts = scratch.facts;
    let known = task::lookup(tgid);
    let relative = scratch.path.first() != b'/';
    let decision = if relative {
        judge_relative(directory(known.as_deref()), way(&scratch.path, facts))
    } else {
        let PathBuffer([head, _]) = scratch.path;
        scratch.prefix.data = head;
        judge_absolute(task::place(&mut scratch.prefix), facts.dotdot != 0)
    };
    volatile_exec::apply(mode, decision, tgid, relative, &scratch.path, length, known.as_deref());
    Some(())
}

/// How a relative path leaves the directory it starts from.
#[inline(always)]
fn way(path: &PathBuffer, facts: PathFacts) -> Way {
    if facts.dotdot != 0 {
        Way::Up
    } else if facts.base == 0 || (facts.base == 2 && path.first() == b'.') {
        Way::Here
    } else {
        Way::Down
    }
}

/// What is known of a process's working directory.
#[inline(always)]
fn directory(task: Option<&Task>) -> Directory {
    match task {
        Some(task) if task.flags & task_flags::CWD_UNKNOWN != 0 => Directory::Unknown,
        Some(task) if task.flags & task_flags::CWD_VOLATILE != 0 => Directory::Volatile,
        _ => Directory::Elsewhere,
    }
}

/// Remembers what the process is. Trust is never taken back: what an updater starts is the update.
#[inline(always)]
fn remember(scratch: &mut ExecScratch, tgid: u32, length: u32) {
    let PathBuffer([exe, _]) = scratch.path;
    let exe_len = length.min(EXE_BYTES as u32);
    // Only root's: a user who starts a package manager to run a command through it is not the package manager.
    let root = bpf_get_current_uid_gid() as u32 == 0;
    // SAFETY: the value is not looked at, only whether it is there.
    let trusted = root && unsafe { TRUSTED.get(exe_hash(scratch.path.bytes())) }.is_some();
    let flag = if trusted { task_flags::TRUSTED } else { 0 };
    if let Some(task) = task::lookup(tgid) {
        task.flags |= flag;
        task.exe_len = exe_len;
        task.exe = exe;
        return;
    }
    scratch.task = Task { flags: flag, exe_len, cwd_len: 0, reserved: 0, exe, cwd: [0; CWD_BYTES] };
    let _ = TASKS.insert(tgid, &scratch.task, 0);
}

/// A child starts with its parent's trust and directory and with no counts; a reused pid must not inherit a stranger's.
#[inline(always)]
fn on_fork(ctx: &TracePointContext) -> Option<()> {
    let child: u32 = read::kernel(ctx.as_ptr() as u64 + u64::from(globals::fork_child()))?;
    let tgid = task::current_tgid();
    let _ = PARENTS.insert(child, &Parent { start_ns: now_ns(), tgid, reserved: 0 }, 0);
    let _ = FILES.remove(child);
    let _ = SCANS.remove(child);
    match task::lookup(tgid) {
        Some(parent) if parent.flags != 0 => {
            let _ = TASKS.insert(child, &*parent, 0);
        }
        _ => {
            let _ = TASKS.remove(child);
        }
    }
    Some(())
}
