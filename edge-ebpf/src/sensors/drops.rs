//! Files made executable, and programs that unlink themselves, on the tracepoint rung.
//!
//! Remembered by the last component of their path: paths are compared by the agent, which sees where they really lead. The upper rungs
//! note files here as what they are, see [`note_file`].

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{Counter, Detector, Dropped, file_hash, reason, task_flags};
use edge_ebpf::detectors::volatile_exec::Decision;

use super::object::Object;
use super::paths::count_unlink;
use super::syscall::scratch;
use crate::clock::now_ns;
use crate::emit::file_tamper::Named as _;
use crate::emit::volatile_exec::Place;
use crate::emit::{count, volatile_exec};
use crate::maps::DROPS;
use crate::task;

/// A process unlinks a file that may be its own program.
#[raw_tracepoint]
pub(crate) fn sys_unlink(ctx: RawTracePointContext) -> i32 {
    let _ = report(&ctx);
    0
}

/// Whether a mode lets anyone execute.
#[inline(always)]
pub(super) fn is_executable(mode: u32) -> bool {
    mode & 0o111 != 0
}

/// An origin that no process has.
const NOBODY: u32 = u32::MAX;

/// Remembers that the current process makes a file of this name executable. What a trusted program installs is nobody's: who ran the package
/// manager, or the service that is started again by its script, would be taken for an accomplice.
#[inline(always)]
pub(super) fn note(name: u32) {
    let tgid = task::current_tgid();
    // Without a branch: one more in `file_open`, and the compiler keeps what it never set.
    let origin = task::lookup(tgid).map_or(0, |task| {
        let trusted = u32::from(task.flags & task_flags::TRUSTED != 0);
        task.origin | trusted.wrapping_mul(NOBODY)
    });
    let _ = DROPS.insert(name, &Dropped { time_ns: now_ns(), writer: tgid, origin }, 0);
}

/// Remembers that the current process makes this file executable, if it can be executed at all: as what it is, under which it is known
/// whatever it is called.
#[inline(always)]
pub(super) fn note_object(object: &Object) {
    if object.is_regular() {
        note(file_hash(object.dev, object.ino));
    }
}

/// A file loses a name. A process that does that to the file it runs is told: files are compared, so that is certain.
#[inline(always)]
pub(super) fn unlinked(object: &Object) {
    let tgid = task::current_tgid();
    let identity = file_hash(object.dev, object.ino);
    let Some(known) = task::lookup(tgid).filter(|task| task.exe_file == identity) else { return };
    let Some(mode) = volatile_exec::mode() else { return };
    count(Detector::VolatileExec, Counter::Evidence);
    let (path, length) = object.path();
    let seen = (Decision::Volatile, reason::SELF_UNLINK);
    volatile_exec::apply((mode, Place::Hook), seen, tgid, path, length, Some(known));
}

/// What is remembered of a file of this name.
#[inline(always)]
pub(super) fn known(name: u32) -> Option<&'static Dropped> {
    let dropped = DROPS.get_ptr(name)?;
    // SAFETY: a value of a preallocated map stays mapped; when it is recycled meanwhile, a candidate more or less is judged.
    Some(unsafe { &*dropped })
}

/// Whether the current process runs a program of this name.
#[inline(always)]
pub(super) fn is_own(name: u32) -> bool {
    task::lookup(task::current_tgid())
        .is_some_and(|task| task.name == name && task.flags & task_flags::EXECUTED != 0)
}

/// Reports it; the agent looks whether it is that very file.
#[inline(always)]
fn report(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    if let Some(mode) = volatile_exec::mode() {
        count(Detector::VolatileExec, Counter::Evidence);
        let tgid = task::current_tgid();
        let [length, _] = scratch.lengths;
        let known = task::lookup(tgid);
        let task = known.as_deref();
        volatile_exec::apply(
            (mode, Place::Entry),
            (Decision::Candidate, reason::SELF_UNLINK),
            tgid,
            &scratch.path,
            length,
            task,
        );
    }
    count_unlink(ctx, scratch);
    Some(())
}
