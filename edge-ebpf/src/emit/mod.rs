//! From a decision to a record: trust, action, counters, ring. One file per detector, the same for every rung.

pub(crate) mod act;
pub(crate) mod file_tamper;
pub(crate) mod history;
pub(crate) mod lateral_scan;
pub(crate) mod new_egress;
pub(crate) mod place;
pub(crate) mod volatile_exec;

use aya_ebpf::helpers::generated::bpf_send_signal;
use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use aya_ebpf::maps::ring_buf::RingBufEntry;
use edge_abi::{
    ABI_VERSION, COMM_BYTES, Counter, Detector, Header, Mode, Outcome, PATH_BYTES, PREFIX_BYTES, counter_slot,
};

use crate::maps::{COUNTERS, EVENTS};

/// `SIGKILL`, the same number on every architecture we serve.
const SIGKILL: u32 = 9;

/// Adds one.
#[inline(always)]
pub(crate) fn count(detector: Detector, counter: Counter) {
    if let Some(slot) = COUNTERS.get_ptr_mut(counter_slot(detector, counter)) {
        // SAFETY: a value of this CPU's own; programs that could interrupt each other count different detectors.
        let value = unsafe { &mut *slot };
        *value += 1;
    }
}

/// Ends the current process when the mode asks for it. PID 1 is never touched: its death is a kernel panic.
#[inline(always)]
fn kill(detector: Detector, mode: Mode, tgid: u32) -> Outcome {
    if !matches!(mode, Mode::Kill) || tgid <= 1 {
        return Outcome::Reported;
    }
    // SAFETY: a helper that takes a number; it signals the whole process that runs (Linux 5.3).
    if unsafe { bpf_send_signal(SIGKILL) } == 0 {
        count(detector, Counter::Enforced);
        Outcome::Killed
    } else {
        Outcome::KillFailed
    }
}

/// What a record starts with.
#[inline(always)]
fn header(detector: Detector, mode: Mode, outcome: Outcome, times: Times, findings: u32) -> Header {
    let ids = bpf_get_current_pid_tgid();
    Header {
        abi: ABI_VERSION,
        detector: detector as u8,
        outcome: outcome as u8,
        mode: mode as u32,
        time_ns: times.now_ns,
        first_ns: times.first_ns,
        tgid: (ids >> 32) as u32,
        tid: ids as u32,
        uid: bpf_get_current_uid_gid() as u32,
        findings,
        comm: bpf_get_current_comm().unwrap_or([0; COMM_BYTES]),
    }
}

/// When it happened and when it began.
#[derive(Clone, Copy)]
struct Times {
    /// The deciding event.
    now_ns: u64,
    /// The first one counted.
    first_ns: u64,
}

/// Room for one record; a full ring is counted. Whoever gets an entry writes it whole, since what is left out would be
/// old ring contents, and submits it with [`submit`].
///
/// The entry is compared with null once and for all: the verifier of 5.10 takes a second comparison for a second chance
/// of there being none, and then misses the submission.
#[inline(always)]
fn reserve<T: 'static>(detector: Detector) -> Option<RingBufEntry<T>> {
    let Some(entry) = EVENTS.reserve::<T>(0) else {
        count(detector, Counter::RingFull);
        return None;
    };
    Some(entry)
}

/// Hands a record over.
#[inline(always)]
fn submit<T: 'static>(detector: Detector, entry: RingBufEntry<T>) {
    entry.submit(0);
    count(detector, Counter::Submitted);
}

/// The two halves of a path as one field of a record.
#[inline(always)]
fn join(halves: [[u8; PREFIX_BYTES]; 2]) -> [u8; PATH_BYTES] {
    // SAFETY: an array of arrays has the layout of the flat array; both are bytes.
    unsafe { core::mem::transmute(halves) }
}
