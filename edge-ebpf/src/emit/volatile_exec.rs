//! Reports an exec that `volatile_exec` judged.

use edge_abi::{
    CWD_BYTES, Counter, Detector, Mode, Outcome, PATH_BYTES, Task, VolatileExecRecord, exec_flags, reason,
};
use edge_ebpf::detectors::volatile_exec::Decision;
use edge_ebpf::path::PathBuffer;

use super::act::is_allowed;
use super::{Times, count, header, join, kill, reserve, submit};
use crate::clock::now_ns;
use crate::globals;
use crate::maps::VOLATILE_EXEC;

/// The detector this file is about.
const DETECTOR: Detector = Detector::VolatileExec;

/// No directory.
static NO_CWD: [u8; CWD_BYTES] = [0; CWD_BYTES];

/// The mode, unless the detector is off.
#[inline(always)]
pub(crate) fn mode() -> Option<Mode> {
    let mode = Mode::from_raw(VOLATILE_EXEC.get(0)?.mode);
    (!matches!(mode, Mode::Off)).then_some(mode)
}

/// Where a finding was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where a syscall begins.
    Entry,
    /// Where the kernel asks its security modules: what is wanted can be refused, if this is one.
    Hook,
    /// A tracepoint.
    Tracepoint,
}

/// Acts and reports; whether a hook that can must refuse. Only a certain finding is acted upon; a candidate is for the agent to resolve.
#[inline(always)]
pub(crate) fn apply(
    (mode, place): (Mode, Place),
    (decision, why): (Decision, u8),
    tgid: u32,
    path: &PathBuffer,
    path_len: u32,
    task: Option<&Task>,
) -> bool {
    if matches!(decision, Decision::Quiet) {
        return false;
    }
    if crate::task::is_trusted(tgid) || is_allowed(DETECTOR, tgid) {
        count(DETECTOR, Counter::Trusted);
        return false;
    }
    count(DETECTOR, Counter::Findings);
    let candidate = matches!(decision, Decision::Candidate);
    // Whoever builds a program and runs it, or installs one, does what the other reasons tell.
    let acts = !candidate && why == reason::SOLE;
    let denied = acts && place == Place::Hook && globals::denies() != 0 && matches!(mode, Mode::Deny);
    let outcome = if denied {
        count(DETECTOR, Counter::Enforced);
        Outcome::Denied
    } else if acts {
        kill(DETECTOR, mode, tgid)
    } else {
        Outcome::Reported
    };
    let now_ns = now_ns();
    let mut flags = 0;
    if path.first() != b'/' {
        flags |= exec_flags::RELATIVE;
    }
    if candidate {
        flags |= exec_flags::CANDIDATE;
    }
    flags |= match place {
        Place::Hook if globals::denies() != 0 => exec_flags::LSM,
        Place::Hook => exec_flags::KPROBE,
        Place::Entry if globals::syscall_number() != 0 => exec_flags::KPROBE,
        Place::Entry | Place::Tracepoint => 0,
    };
    if path_len as usize >= PATH_BYTES - 1 {
        flags |= exec_flags::CUT;
    }
    let Some(mut record) = reserve::<VolatileExecRecord>(DETECTOR) else {
        return denied;
    };
    record.write(VolatileExecRecord {
        header: header(DETECTOR, mode, outcome, Times { now_ns, first_ns: now_ns }, 1),
        flags,
        path_len,
        cwd_len: task.map_or(0, |task| task.cwd_len),
        reason: u32::from(why),
        path: join(path.0),
        cwd: *task.map_or(&NO_CWD, |task| &task.cwd),
    });
    submit(DETECTOR, record);
    denied
}
