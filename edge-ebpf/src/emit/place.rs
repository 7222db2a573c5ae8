//! Acts seen where the current process cannot be signalled, or is not the one that acts: cgroup programs, packets, samples of a
//! clock. What differs between these places is who a record is about and what can be done; the rest is one function.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use edge_abi::{
    ABI_VERSION, ActRecord, COMM_BYTES, Counter, Detector, Header, Mode, Outcome, Rule, WindowKey, task_flags,
};
use edge_ebpf::count::{Tally, observe};
use edge_ebpf::detectors::Report;
use edge_ebpf::path::PathBuffer;

use super::act::{Act, DENIES, NO_PATH, address, state};
use super::{count, join, kill, reserve, submit};
use crate::blur::blur_bool;
use crate::clock::now_ns;
use crate::maps::RULES;
use crate::task;

/// Where an act was seen.
pub(crate) trait Place {
    /// Who did it; 0 for nobody of this machine.
    fn tgid(&self) -> u32;
    /// Its thread, user and name.
    fn person(&self) -> (u32, u32, [u8; COMM_BYTES]);
    /// Ends the process, where that can be done here.
    fn kill(&self, detector: Detector, mode: Mode) -> Outcome;
}

/// A cgroup program in the process that acts: it can refuse, but not kill (no `bpf_send_signal` there).
pub(crate) struct InCgroup {
    /// The process.
    pub(crate) tgid: u32,
}

impl Place for InCgroup {
    #[inline(always)]
    fn tgid(&self) -> u32 {
        self.tgid
    }

    #[inline(always)]
    fn person(&self) -> (u32, u32, [u8; COMM_BYTES]) {
        current()
    }

    #[inline(always)]
    fn kill(&self, _: Detector, _: Mode) -> Outcome {
        Outcome::Reported
    }
}

/// A tracing program in the process that acts.
pub(crate) struct InProcess {
    /// The process.
    pub(crate) tgid: u32,
}

impl Place for InProcess {
    #[inline(always)]
    fn tgid(&self) -> u32 {
        self.tgid
    }

    #[inline(always)]
    fn person(&self) -> (u32, u32, [u8; COMM_BYTES]) {
        current()
    }

    #[inline(always)]
    fn kill(&self, detector: Detector, mode: Mode) -> Outcome {
        kill(detector, mode, self.tgid)
    }
}

/// Somewhere else: a packet on its way, a handshake. The helpers that ask who runs are missing there, or name a bystander.
pub(crate) struct Elsewhere {
    /// Whose act it is; 0 for nobody of this machine.
    pub(crate) tgid: u32,
}

impl Place for Elsewhere {
    #[inline(always)]
    fn tgid(&self) -> u32 {
        self.tgid
    }

    #[inline(always)]
    fn person(&self) -> (u32, u32, [u8; COMM_BYTES]) {
        // The agent finds the name by the process. Nobody has no user, which is the highest number, as for the audit system.
        let uid = task::lookup(self.tgid).map_or(u32::MAX, |task| task.uid);
        (self.tgid, uid, [0; COMM_BYTES])
    }

    #[inline(always)]
    fn kill(&self, _: Detector, _: Mode) -> Outcome {
        Outcome::Reported
    }
}

/// Thread, user and name of the current process.
#[inline(always)]
fn current() -> (u32, u32, [u8; COMM_BYTES]) {
    let comm = bpf_get_current_comm().unwrap_or([0; COMM_BYTES]);
    (bpf_get_current_pid_tgid() as u32, bpf_get_current_uid_gid() as u32, comm)
}

/// What became of an act.
#[derive(Clone, Copy)]
pub(crate) struct Applied {
    /// It is worth a finding.
    pub(crate) found: bool,
    /// The hook must refuse it.
    pub(crate) refused: bool,
}

/// Counts, acts and reports an act under `key`.
#[inline(always)]
pub(crate) fn apply(
    place: &impl Place,
    detector: Detector,
    rule: &Rule,
    key: &WindowKey,
    threshold: u32,
    act: &Act,
) -> Applied {
    apply_to(place, detector, rule, key, threshold, act, (&NO_PATH, 0))
}

/// The same for an act that is done to a path of so many bytes.
#[inline(always)]
pub(crate) fn apply_to(
    place: &impl Place,
    detector: Detector,
    rule: &Rule,
    key: &WindowKey,
    threshold: u32,
    act: &Act,
    (path, path_len): (&PathBuffer, u32),
) -> Applied {
    const QUIET: Applied = Applied { found: false, refused: false };
    let Some(state) = state(detector, key) else { return QUIET };
    let now_ns = now_ns();
    let Tally::Finding(counted, report) = observe(state, threshold, rule.window_ns, act.weight, now_ns)
    else {
        return QUIET;
    };
    let noise = place.tgid();
    let holds = blur_bool(matches!(report, Report::Hold), noise);
    count(detector, Counter::Findings);
    let mode = Mode::from_raw(rule.mode);
    let refused = blur_bool(matches!(mode, Mode::Deny) && act.flags & DENIES != 0, noise);
    let applied = Applied { found: true, refused };
    let outcome = if refused {
        count(detector, Counter::Enforced);
        Outcome::Denied
    } else {
        place.kill(detector, mode)
    };
    if holds {
        state.held += 1;
        count(detector, Counter::Held);
        return applied;
    }
    let findings = state.held + 1;
    let origin = match task::lookup(place.tgid()) {
        Some(task) => {
            task.flags |= task_flags::REPORTED;
            task.origin
        }
        None => 0,
    };
    let Some(mut record) = reserve::<ActRecord>(detector) else {
        return applied;
    };
    let (tid, uid, comm) = place.person();
    record.write(ActRecord {
        header: Header {
            abi: ABI_VERSION,
            detector: detector as u8,
            outcome: outcome as u8,
            mode: mode as u32,
            time_ns: now_ns,
            first_ns: state.first_ns,
            tgid: place.tgid(),
            tid,
            uid,
            findings,
            comm,
        },
        reason: act.reason,
        flags: act.flags & !DENIES,
        port: act.port,
        count: if act.total == 0 { counted } else { act.total },
        window_ns: rule.window_ns,
        value: act.value,
        target: act.target,
        origin,
        family: act.family,
        protocol: act.protocol,
        path_len: path_len as u16,
        device: act.device,
        address: address(act.address),
        path: join(path.0),
    });
    submit(detector, record);
    state.held = 0;
    applied
}

/// The key under which the acts of one process are counted.
#[inline(always)]
pub(crate) fn of_process(detector: Detector, reason: u8, tgid: u32) -> WindowKey {
    WindowKey { subject: tgid, detector: detector as u8, reason, kind: 0, object: 0 }
}

/// The mode a detector is in.
#[inline(always)]
pub(crate) fn mode(detector: Detector) -> Mode {
    RULES.get(detector as u32).map_or(Mode::Off, |rule| Mode::from_raw(rule.mode))
}
