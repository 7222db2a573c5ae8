//! Programs executed, on the tracepoint rung.
//!
//! Hook (`include/trace/events/sched.h`): `sched:sched_process_exec(task, old_pid, bprm)`, fields `__data_loc char[] filename;
//! pid_t pid; pid_t old_pid`. The path is `bprm->filename` as the caller gave it; upper rungs have the inode.
//!
//! `exec` remembers who the process now is, then goes on to programs that judge, each small enough for the verifier.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::{
    Counter, Detector, EXE_BYTES, Offset, ROLE_FLAGS, Task, exe_hash, file_hash, reason, task_flags,
};
use edge_ebpf::detectors::fileless_exec::{Form, form};
use edge_ebpf::detectors::privilege_jump::Door;
use edge_ebpf::detectors::volatile_exec::{
    Decision, Directory, Way, is_dropped, judge_absolute, judge_relative,
};
use edge_ebpf::name::kind;
use edge_ebpf::path::{PathBuffer, PathFacts, scan};

use super::drops;
use super::object::image;
use crate::clock::now_ns;
use crate::emit::act::is_probe;
use crate::emit::volatile_exec::Place;
use crate::emit::{count, history, volatile_exec};
use crate::maps::{ALLOW, EXEC_JUMPS, EXEC_SCRATCH, ExecScratch};
use crate::read::glance;
use crate::{filter, globals, read, stack, task};

/// Programs that go on, by their place in [`EXEC_JUMPS`]; the loader fills it in the same order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ExecJump {
    /// Where it was executed from.
    Place = 0,
    /// What detectors of acts make of it: `sensors/exec_acts.rs`.
    Acts = 1,
    /// Their records, one after the other.
    Report = 2,
}

/// A program was executed.
#[tracepoint]
pub(crate) fn exec(ctx: TracePointContext) -> u32 {
    stack::widen::<50>();
    let _ = on_exec(&ctx);
    0
}

/// Judges the place it was executed from.
#[tracepoint]
pub(crate) fn exec_place(ctx: TracePointContext) -> u32 {
    let _ = on_place();
    jump(&ctx, ExecJump::Acts);
    0
}

/// This CPU's room. It keeps its contents from one program of an exec to the next.
#[inline(always)]
pub(super) fn scratch() -> Option<&'static mut ExecScratch> {
    let scratch = EXEC_SCRATCH.get_ptr_mut(0)?;
    // SAFETY: this CPU's own value; exec runs with preemption off and does not nest.
    Some(unsafe { &mut *scratch })
}

/// Goes on with another program; comes back only when that is not loaded.
#[inline(always)]
pub(super) fn jump(ctx: &TracePointContext, to: ExecJump) {
    // SAFETY: both are programs of this type; one that is not there leaves us where we are.
    unsafe { EXEC_JUMPS.tail_call(ctx, to as u32) };
}

/// Remembers the program. Out of scope it is remembered, since what it starts may come into scope, but not judged.
#[inline(always)]
fn on_exec(ctx: &TracePointContext) -> Option<()> {
    let locator: u32 = read::kernel(ctx.as_ptr() as u64 + u64::from(globals::exec_filename()))?;
    let scratch = scratch()?;
    scratch.owner = bpf_get_current_pid_tgid();
    let length = read::kernel_path(ctx.as_ptr() as u64 + u64::from(locator & 0xffff), &mut scratch.path)?;
    scratch.length = length;
    scan(&scratch.path, &mut scratch.facts);
    scratch.name.read(&scratch.path, scratch.facts.base);
    remember(scratch, task::current_tgid(), length)?;
    if filter::in_scope() {
        let parent = task::lookup(task::current_tgid()).map_or(0, |task| task.parent);
        history::executed(&scratch.path, parent);
        jump(ctx, ExecJump::Place);
        jump(ctx, ExecJump::Acts);
    }
    Some(())
}

/// Remembers what the process is. Trust is never taken back: what an updater starts is the update.
#[inline(always)]
fn remember(scratch: &mut ExecScratch, tgid: u32, length: u32) -> Option<()> {
    let PathBuffer([exe, _]) = &scratch.path;
    let id = exe_hash(scratch.path.bytes());
    let uid = bpf_get_current_uid_gid() as u32;
    let task = task::known_or_new(tgid)?;
    scratch.uids = [task.uid, uid];
    scratch.flags_before = task.flags;
    let PathBuffer([before, after]) = &mut scratch.before;
    *before = task.exe;
    if let Some(end) = after.first_mut() {
        *end = 0;
    }
    scratch.before_length = task.exe_len;
    (scratch.id_before, scratch.allow_before) = (task.exe_id, task.allow);
    scratch.file_before = match form(&scratch.path, &scratch.facts) {
        Form::Own | Form::Descriptor => task.exe_file,
        _ => 0,
    };
    // SAFETY: a value of a preallocated map stays mapped; the agent replaces whole entries.
    let role = unsafe { ALLOW.get(id) };
    let (mut own, mut children, mut flags) = (0, 0, 0);
    if let Some(role) = role {
        (own, children, flags) = (role.own, role.children, role.flags);
        // Only root's: a user who starts a package manager to run a command through it is not the package manager.
        if uid != 0 {
            flags &= !task_flags::TRUSTED;
        }
    }
    // A multi-call program that executes itself again stays what it is.
    flags |= match form(&scratch.path, &scratch.facts) {
        Form::Own => task.flags & (task_flags::INTERPRETER | task_flags::FETCHER),
        _ => kind(&scratch.name, scratch.facts.name),
    };
    task.exe_file = 0;
    if task.flags & task_flags::FILE_VOLATILE != 0 {
        flags |= task_flags::VOLATILE;
    }
    scratch.flags = flags;
    task.flags = (task.flags & !task_flags::OF_PROGRAM) | flags | task_flags::EXECUTED;
    task.allow = task.inherit | own;
    task.inherit |= children;
    task.uid = uid;
    task.exe_id = id;
    task.exe_len = length.min(EXE_BYTES as u32);
    task.exe = *exe;
    task.name = scratch.facts.name;
    if task.start_ns == 0 {
        task.origin = if task.origin == 0 { tgid } else { task.origin };
        task.start_ns = now_ns();
    }
    task::keep(tgid, task);
    Some(())
}

/// Whether everything that is read of the current process lies where we know it.
#[inline(always)]
pub(super) fn can_look() -> bool {
    globals::has(Offset::TaskMm) && globals::has(Offset::MmExeFile) && globals::has(Offset::TaskCred)
}

/// Notes which file the current process runs, unless another program of this exec has.
///
/// One that executes its own file anew by a descriptor, as Dropbear does for each connection, stays who it was: no list could name the
/// path that the kernel has of that.
#[inline(always)]
pub(super) fn identify(scratch: &ExecScratch, tgid: u32, task: &mut Task) {
    if task.exe_file == 0 && can_look() {
        let found = image::own();
        task.exe_file = file_hash(found.device, found.inode);
        if task.exe_file == scratch.file_before {
            task.exe_id = scratch.id_before;
            task.allow |= scratch.allow_before;
            task.flags |= scratch.flags_before & ROLE_FLAGS;
            task::keep(tgid, task);
        }
        if found.image.is_door() || has_set_uid() {
            task.flags |= task_flags::DOOR;
        }
    }
}

/// Whether the current process, which is not root, was given the capability to change users by the file it has just executed.
#[inline(always)]
fn has_set_uid() -> bool {
    /// `CAP_SETUID` of `include/uapi/linux/capability.h`.
    const SET_UID: u64 = 1 << 7;
    if bpf_get_current_uid_gid() as u32 == 0 {
        return false;
    }
    let permitted: u64 = glance(glance::<u64>(image::current(), Offset::TaskCred), Offset::CredPermitted);
    permitted & SET_UID != 0
}

/// What is known of the door that a process with these flags went through.
#[inline(always)]
pub(super) fn door(flags: u32) -> Door {
    if !can_look() {
        Door::Unknown
    } else if flags & task_flags::DOOR != 0 {
        Door::Open
    } else {
        Door::Shut
    }
}

/// Judges the place.
#[inline(always)]
fn on_place() -> Option<()> {
    let scratch = scratch()?;
    let tgid = task::current_tgid();
    if let Some(task) = task::lookup(tgid) {
        identify(scratch, tgid, task);
    }
    let mode = volatile_exec::mode()?;
    let seen = scratch.flags_before & task_flags::FILE_SEEN != 0;
    if seen && scratch.flags_before & task_flags::FILE_VOLATILE != 0 {
        // Told before it began.
        return None;
    }
    if !seen {
        count(Detector::VolatileExec, Counter::Evidence);
    }
    if is_probe(Detector::VolatileExec, tgid) {
        return None;
    }
    let facts = &scratch.facts;
    let known = task::lookup(tgid);
    let relative = scratch.path.first() != b'/';
    let mut reason = reason::SOLE;
    let mut decision = if form(&scratch.path, &scratch.facts) == Form::Descriptor {
        Decision::Candidate
    } else if relative {
        judge_relative(directory(known.as_deref()), way(&scratch.path, *facts))
    } else {
        let PathBuffer([head, _]) = scratch.path;
        scratch.prefix.data = head;
        judge_absolute(task::place(&mut scratch.prefix), facts.dotdot != 0)
    };
    if seen && matches!(decision, Decision::Candidate) {
        // Where the file lies is known; what is left is a link from a volatile place to elsewhere.
        decision = Decision::Quiet;
    }
    if matches!(decision, Decision::Volatile)
        && let Some(task) = task::lookup(tgid)
    {
        task.flags |= task_flags::VOLATILE;
    }
    if matches!(decision, Decision::Quiet)
        && scratch.flags_before & task_flags::FILE_DROPPED == 0
        && let Some(dropped) = drops::known(facts.name)
        && is_dropped(dropped, known.as_deref().map_or(0, |task| task.origin), now_ns())
    {
        (decision, reason) = (Decision::Candidate, reason::DROPPED_AND_RUN);
    }
    let seen = (decision, reason);
    volatile_exec::apply(
        (mode, Place::Tracepoint),
        seen,
        tgid,
        &scratch.path,
        scratch.length,
        known.as_deref(),
    );
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
