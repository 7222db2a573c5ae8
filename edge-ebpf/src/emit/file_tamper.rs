//! Applies `file_tamper` to one piece of evidence about the current process.

use aya_ebpf::bindings::BPF_NOEXIST;
use edge_abi::{Counter, Detector, FileCounts, FileTamperRecord, FileTamperTuning, Mode};
use edge_ebpf::detectors::Report;
use edge_ebpf::detectors::file_tamper::{
    Decision, FileEvidence, FilesState, counts, observe, observe_origin,
};
use edge_ebpf::path::PathBuffer;

use super::act::{is_allowed, is_probe};
use super::{Times, count, header, join, kill, reserve, submit};
use crate::clock::now_ns;
use crate::maps::{FILE_TAMPER, FILES};
use crate::task;

/// The detector this file is about.
const DETECTOR: Detector = Detector::FileTamper;

/// What a new process starts with. A constant in read-only memory, since it would take a third of the stack.
static NEW: FilesState = FilesState::new();

/// Whose files are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Of {
    /// One process, in the short window.
    Process = 0,
    /// Everything of one origin, in the long window: work spread over processes, or over time.
    Origin = 1,
}

/// Set in the keys of origins, which no process id reaches.
const ORIGIN: u32 = 1 << 30;

/// The tuning, unless the detector is off.
#[inline(always)]
pub(crate) fn tuning(of: Of) -> Option<&'static FileTamperTuning> {
    let tuning = FILE_TAMPER.get(of as u32)?;
    (!matches!(Mode::from_raw(tuning.mode), Mode::Off)).then_some(tuning)
}

/// The key of the origin that `tgid` belongs to.
#[inline(always)]
pub(crate) fn origin_key(tgid: u32) -> u32 {
    match task::lookup(tgid) {
        Some(task) if task.origin != 0 => task.origin | ORIGIN,
        _ => tgid | ORIGIN,
    }
}

/// The state of a process that has one.
#[inline(always)]
pub(crate) fn known(tgid: u32) -> Option<&'static mut FilesState> {
    let state = FILES.get_ptr_mut(tgid)?;
    // SAFETY: a value of a preallocated map stays mapped. Threads of one process may count at the same time and lose an
    // increment to each other; the count is then low by one, which the design accepts (no atomics on 32-bit ARM).
    Some(unsafe { &mut *state })
}

/// The state of a process, made now if it has none.
#[inline(always)]
pub(crate) fn known_or_new(tgid: u32) -> Option<&'static mut FilesState> {
    if let Some(state) = known(tgid) {
        return Some(state);
    }
    // A thread that made it first wins; its entry is then found.
    let _ = FILES.insert(tgid, &NEW, u64::from(BPF_NOEXIST));
    let state = known(tgid);
    if state.is_none() {
        count(DETECTOR, Counter::MapFull);
    }
    state
}

/// Judges, acts and reports.
#[inline(always)]
pub(crate) fn apply(
    of: Of,
    state: &mut FilesState,
    tuning: &FileTamperTuning,
    tgid: u32,
    evidence: FileEvidence,
    path: &PathBuffer,
    path_len: u32,
) {
    if matches!(of, Of::Process) {
        count(DETECTOR, Counter::Evidence);
    }
    if is_probe(DETECTOR, tgid) {
        return;
    }
    let now_ns = now_ns();
    let decision = match of {
        Of::Process => observe(state, tuning, evidence, now_ns),
        Of::Origin => observe_origin(state, tuning, evidence, now_ns),
    };
    let Decision::Finding(reason, report) = decision else {
        return;
    };
    if task::is_trusted(tgid) || is_allowed(DETECTOR, tgid) {
        count(DETECTOR, Counter::Trusted);
        return;
    }
    count(DETECTOR, Counter::Findings);
    let mode = Mode::from_raw(tuning.mode);
    let outcome = kill(DETECTOR, mode, tgid);
    if matches!(report, Report::Hold) {
        state.held += 1;
        count(DETECTOR, Counter::Held);
        return;
    }
    let findings = state.held + 1;
    let Some(mut record) = reserve::<FileTamperRecord>(DETECTOR) else {
        return;
    };
    record.write(FileTamperRecord {
        header: header(DETECTOR, mode, outcome, Times { now_ns, first_ns: state.first_ns }, findings),
        counts: FileCounts { of_origin: of as u32, ..counts(state, tuning, now_ns) },
        window_ns: tuning.window_ns,
        reason: reason as u32,
        path_len,
        path: join(path.0),
    });
    submit(DETECTOR, record);
    state.held = 0;
}
