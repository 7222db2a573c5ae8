//! Applies `file_tamper` to one piece of evidence about the current process.

use aya_ebpf::bindings::BPF_NOEXIST;
use edge_abi::{
    Counter, Detector, FileCounts, FileTamperRecord, FileTamperTuning, Mode, Outcome, TamperReason,
};
use edge_ebpf::detectors::Report;
use edge_ebpf::detectors::file_tamper::{
    Decision, FileEvidence, FilesState, counts, observe, observe_origin, standing,
};
use edge_ebpf::path::PathBuffer;
use edge_ebpf::sample::Sample;

use super::act::{is_allowed, is_probe};
use super::{Times, count, header, kill, reserve, submit};
use crate::blur::{blur, blur_bool};
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

/// What is judged, and what may be done about it.
pub(crate) struct Case {
    /// Whose files are counted.
    pub(crate) of: Of,
    /// The process that acts.
    pub(crate) tgid: u32,
    /// What it does.
    pub(crate) evidence: FileEvidence,
    /// Whether the hook can refuse it, and refusing it would save a file.
    pub(crate) deniable: bool,
    /// When.
    pub(crate) now_ns: u64,
}

/// What can tell a person the path of a file.
pub(crate) trait Named {
    /// The path and its length; asked for only when a record is due.
    fn path(&self) -> (&PathBuffer, u32);

    /// Number of the file system that this is a path of; 0 when it is a path like any other.
    #[inline(always)]
    fn device(&self) -> u32 {
        0
    }
}

impl Named for (&PathBuffer, u32) {
    #[inline(always)]
    fn path(&self) -> (&PathBuffer, u32) {
        *self
    }
}

/// Judges, acts and reports; whether the operation shall be refused.
#[inline(always)]
pub(crate) fn apply(
    case: &Case,
    state: &mut FilesState,
    tuning: &FileTamperTuning,
    named: &impl Named,
) -> bool {
    let Case { of, tgid, evidence, deniable, now_ns } = *case;
    if matches!(of, Of::Process) {
        count(DETECTOR, Counter::Evidence);
    }
    if is_probe(DETECTOR, tgid) {
        return false;
    }
    let decision = match of {
        Of::Process => observe(state, tuning, evidence, now_ns),
        Of::Origin => observe_origin(state, tuning, evidence, now_ns),
    };
    let Decision::Finding(reason, report) = decision else {
        return false;
    };
    // Whichever branch they come from, what follows is the same.
    let (reason, holds) = (blur(reason as u32, tgid), blur_bool(matches!(report, Report::Hold), tgid));
    if task::is_trusted(tgid) || is_allowed(DETECTOR, tgid) {
        count(DETECTOR, Counter::Trusted);
        return false;
    }
    count(DETECTOR, Counter::Findings);
    let mode = Mode::from_raw(tuning.mode);
    let denied = deniable && matches!(mode, Mode::Deny);
    let outcome = if denied {
        count(DETECTOR, Counter::Enforced);
        Outcome::Denied
    } else {
        kill(DETECTOR, mode, tgid)
    };
    if holds {
        state.held += 1;
        count(DETECTOR, Counter::Held);
        return denied;
    }
    let findings = state.held + 1;
    let (path, path_len) = named.path();
    let Some(mut record) = reserve::<FileTamperRecord>(DETECTOR) else {
        return denied;
    };
    // SAFETY: the entry is nobody else's, and whatever lay there is a record of numbers and bytes.
    let to = unsafe { record.assume_init_mut() };
    // Field by field, since the whole would be put together on the stack first, which is too small for it.
    to.header = header(DETECTOR, mode, outcome, Times { now_ns, first_ns: state.first_ns }, findings);
    to.counts = FileCounts { of_origin: of as u32, ..counts(state, tuning, now_ns) };
    to.window_ns = tuning.window_ns;
    (to.device, to.path_len, to.reason, to.reserved) = (named.device(), path_len as u16, reason as u8, 0);
    let PathBuffer([head, tail]) = path;
    let (first, second) = to.path.split_at_mut(head.len());
    first.copy_from_slice(head);
    second.copy_from_slice(tail);
    submit(DETECTOR, record);
    state.held = 0;
    denied
}

/// Counts a write.
#[inline(always)]
pub(crate) fn note(state: &mut FilesState, tuning: &FileTamperTuning, tgid: u32, sample: Sample) {
    count(DETECTOR, Counter::Evidence);
    if !is_probe(DETECTOR, tgid) {
        let _ = observe(state, tuning, FileEvidence::Write(sample), now_ns());
    }
}

/// Whether data may not be written by a process that passed its threshold: the opens and names that were judged say why.
#[inline(always)]
pub(crate) fn is_barred(state: &FilesState, tuning: &FileTamperTuning, tgid: u32) -> bool {
    let barred = matches!(Mode::from_raw(tuning.mode), Mode::Deny)
        && !matches!(standing(state, tuning, now_ns()), TamperReason::None)
        && !task::is_trusted(tgid)
        && !is_allowed(DETECTOR, tgid);
    if barred {
        count(DETECTOR, Counter::Enforced);
    }
    barred
}
