//! Programs about to be executed, by their file.
//!
//! Hook: `bprm_check_security(struct linux_binprm *bprm)`, called by `security_bprm_check(struct linux_binprm *bprm)`
//! (`security/security.c`; both the same from 5.10 to 7.2). In the thread that executes, whatever call and path it uses, for the file given
//! and once more for each interpreter that one asks for, before anything of the process is replaced: refused, `execve` answers
//! `EPERM` and the caller goes on.
//!
//! What is judged here is not judged again by `sched_process_exec`, see [`task_flags::FILE_SEEN`]. The path in a record is the text given.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Counter, Detector, Mode, Offset, act_flags, file_hash, reason, task_flags};
use edge_ebpf::detectors::volatile_exec::{Decision, is_dropped};
use edge_ebpf::detectors::{Sighting, fileless_exec, foreign_exec, privilege_jump};
use edge_ebpf::image::{Image, Where};
use edge_ebpf::path::PathBuffer;

use super::image::{AtHook, look, name, verdict};
use crate::blur::{blur, blur_bool, blur_long};
use crate::clock::now_ns;
use crate::emit::act::{Act, NO_PATH, apply, enter, is_probe, of_hook};
use crate::emit::place::mode;
use crate::emit::volatile_exec::Place;
use crate::emit::{count, volatile_exec};
use crate::maps::ExecScratch;
use crate::read::{self, field};
use crate::sensors::{drops, exec, listed};
use crate::{filter, globals, task};

/// What a hook is given.
struct Given {
    /// The process.
    tgid: u32,
    /// The file, and where it lies.
    image: Image,
    /// Its `struct dentry`.
    dentry: u64,
    /// [`file_hash`] of it.
    identity: u32,
    /// `s_dev` of its file system.
    device: u32,
    /// `i_ino`.
    inode: u64,
    /// Address of the path given, or of the interpreter's.
    text: u64,
    /// It is the file given, not the interpreter that this one asks for.
    first: bool,
}

/// A file is about to be executed: what lies in volatile storage.
#[lsm(hook = "bprm_check_security")]
#[inline(always)]
pub(crate) fn object_place(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    super::answer(on_place(ctx.arg::<u64>(0)).unwrap_or(false))
}

/// A file is about to be executed: what has no name or does not belong here, and who executes it.
#[lsm(hook = "bprm_check_security")]
#[inline(always)]
pub(crate) fn object_exec(ctx: LsmContext) -> i32 {
    if !filter::in_scope() {
        return 0;
    }
    super::answer(on_exec(ctx.arg::<u64>(0)).unwrap_or(false))
}

/// Looks at the file.
#[inline(always)]
fn given(bprm: u64) -> Given {
    let text = field::<u64>(bprm, Offset::BprmInterp);
    let found = look::<AtHook>(field(bprm, Offset::BprmFile));
    Given {
        tgid: task::current_tgid(),
        image: Image { verdict: verdict(found.dentry, found.device), ..found.image },
        dentry: found.dentry,
        identity: file_hash(found.device, found.inode),
        device: found.device,
        inode: found.inode,
        text,
        first: field::<u64>(bprm, Offset::BprmFilename) == text,
    }
}

/// Judges where it lies.
#[inline(always)]
fn on_place(bprm: u64) -> Option<bool> {
    let mode = volatile_exec::mode()?;
    let given = given(bprm);
    let tgid = given.tgid;
    count(Detector::VolatileExec, Counter::Evidence);
    if is_probe(Detector::VolatileExec, tgid) {
        return None;
    }
    let known = task::lookup(tgid);
    let place = given.image.place();
    let mut origin = 0;
    if let Some(task) = known {
        origin = task.origin;
        if given.first {
            task.flags &= !(task_flags::FILE_SEEN | task_flags::FILE_VOLATILE | task_flags::FILE_DROPPED);
        }
        match place {
            Where::Unknown => {}
            Where::Elsewhere => task.flags |= task_flags::FILE_SEEN,
            Where::Volatile => task.flags |= task_flags::FILE_SEEN | task_flags::FILE_VOLATILE,
        }
    }
    let mut reason = reason::SOLE;
    if place != Where::Volatile {
        let dropped =
            drops::known(given.identity).is_some_and(|dropped| is_dropped(dropped, origin, now_ns()));
        if !dropped {
            return None;
        }
        if let Some(task) = task::lookup(tgid) {
            task.flags |= task_flags::FILE_DROPPED;
        }
        reason = reason::DROPPED_AND_RUN;
    }
    let scratch = take(given.text)?;
    let known = task::lookup(tgid);
    let (path, length) = path(scratch);
    let seen = (Decision::Volatile, reason);
    Some(volatile_exec::apply((mode, Place::Hook), seen, tgid, path, length, known.as_deref()))
}

/// Asks the detectors of acts, one after the other.
#[inline(always)]
fn on_exec(bprm: u64) -> Option<bool> {
    let given = given(bprm);
    let tgid = given.tgid;
    if is_probe(Detector::FilelessExec, tgid) {
        is_probe(Detector::ForeignExec, tgid);
        return None;
    }
    let mut before = 0;
    let first = blur_bool(given.first, tgid);
    if let Some(task) = task::lookup(tgid) {
        before = task.exe_file;
        if first {
            task.flags &= !task_flags::FILE_JUDGED;
        }
        if given.image.place() != Where::Unknown || listed::is_active() {
            task.flags |= task_flags::FILE_JUDGED;
        }
    }
    let before = blur(before, tgid);
    let listed = listed::file(given.device, given.inode);
    let (mut refused, mut step) = (false, 0);
    while step < 3 {
        let number = blur_long(step, tgid);
        step += 1;
        let found = if number == 0 {
            // Executing what one runs already brings nothing new: BusyBox starts its applets like this.
            let sighting = fileless_exec::judge_file(&given.image, name(given.dentry));
            (Detector::FilelessExec, sighting.filter(|_| given.identity != before))
        } else if number == 1 {
            let sighting = foreign_exec::judge_file(&given.image, listed, given.inode);
            (Detector::ForeignExec, sighting.filter(|_| given.identity != before))
        } else {
            (Detector::PrivilegeJump, jumped(tgid))
        };
        if let (detector, Some(Sighting { reason, value, target })) = found
            && let Some(detector) = Detector::from_raw(blur(u32::from(detector as u8), tgid) as u8)
        {
            let (reason, target) = (blur(reason.into(), tgid) as u8, blur(target, tgid));
            let value = blur_long(value, tgid);
            let told = tell(given.text, tgid, detector, Sighting { reason, value, target });
            refused = blur_bool(refused | told, tgid);
        }
    }
    Some(refused)
}

/// This CPU's room with the path at `text` in it. An LSM program can be preempted by another one of this CPU: see [`path`].
#[inline(always)]
fn take(text: u64) -> Option<&'static ExecScratch> {
    let scratch = exec::scratch()?;
    scratch.owner = bpf_get_current_pid_tgid();
    scratch.length = read::kernel_path(text, &mut scratch.path).unwrap_or(0);
    Some(scratch)
}

/// A process whose real user id has become 0 since it was last looked at, and whose program is no door. Only to refuse what it
/// executes: where that is not wanted, `sensors/exec_acts.rs` tells of it.
#[inline(always)]
fn jumped(tgid: u32) -> Option<Sighting> {
    if globals::denies() == 0 || !matches!(mode(Detector::PrivilegeJump), Mode::Deny) {
        return None;
    }
    let task = task::lookup(tgid)?;
    let now = bpf_get_current_uid_gid() as u32;
    match privilege_jump::judge(task.uid, now, exec::door(task.flags)) {
        Some((sighting, true)) => Some(sighting),
        _ => None,
    }
}

/// Reports what a detector of acts sees; whether to refuse it.
#[inline(always)]
fn tell(text: u64, tgid: u32, detector: Detector, sighting: Sighting) -> bool {
    let Some(rule) = enter(detector, tgid) else { return false };
    let Some(scratch) = take(text) else { return false };
    let mut act = Act::new(sighting.reason);
    (act.flags, act.value) = (of_hook(), sighting.value);
    // The file was replaced, perhaps by an update: the agent looks at what it holds. Nothing waits for that where it is to be stopped.
    if detector as u8 == Detector::ForeignExec as u8
        && sighting.value != 0
        && matches!(Mode::from_raw(rule.mode), Mode::Observe)
    {
        act.flags |= act_flags::CANDIDATE;
    }
    let (path, length) = path(scratch);
    if length != 0 && path.first() != b'/' {
        act.flags |= act_flags::RELATIVE;
    }
    apply(detector, rule, tgid, &act, Some((path, length)))
}

/// The path given, unless another program of this CPU has used its room meanwhile.
#[inline(always)]
fn path(scratch: &ExecScratch) -> (&PathBuffer, u32) {
    if scratch.owner == bpf_get_current_pid_tgid() { (&scratch.path, scratch.length) } else { (&NO_PATH, 0) }
}
