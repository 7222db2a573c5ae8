//! Applies `lateral_scan` to one try of the current process.

use aya_ebpf::bindings::BPF_NOEXIST;
use edge_abi::{Counter, Detector, LateralScanRecord, LateralScanTuning, Mode, Outcome, ScanReason};
use edge_ebpf::detectors::Report;
use edge_ebpf::detectors::lateral_scan::{
    Decision, ORIGIN_KEY, ScanCounts, ScanState, Try, mix, observe, of_origin,
};

use super::{Times, count, header, reserve, submit};
use crate::clock::now_ns;
use crate::maps::{LATERAL_SCAN, LOGIN_PORTS, SCANS};
use crate::task;

/// The detector this file is about.
const DETECTOR: Detector = Detector::LateralScan;

/// What a new process starts with.
static NEW: ScanState = ScanState::new();

/// Where a process wants to go.
pub(crate) struct Endpoint {
    /// 4 or 6.
    pub(crate) family: u8,
    /// IP protocol number.
    pub(crate) protocol: u8,
    /// Destination port, in host byte order.
    pub(crate) port: u16,
    /// Destination address in network order; IPv4 in the first word.
    pub(crate) address: [u32; 4],
}

/// Judges, refuses and reports. Whether the try may go on.
#[inline(always)]
pub(crate) fn allow(endpoint: &Endpoint) -> bool {
    let Some(tuning) = LATERAL_SCAN.get(0) else {
        return true;
    };
    let mode = Mode::from_raw(tuning.mode);
    if matches!(mode, Mode::Off) {
        return true;
    }
    // SAFETY: the value is not looked at, only whether it is there.
    if unsafe { LOGIN_PORTS.get(u32::from(endpoint.port)) }.is_none() {
        return true;
    }
    count(DETECTOR, Counter::Evidence);
    let tgid = task::current_tgid();
    let origin = task::lookup(tgid).map_or(0, |task| task.origin);
    let now_ns = now_ns();
    let attempt = Try { host: mix(endpoint.address), port: endpoint.port };
    // First the process, then its origin: one call, or everything behind it would be there twice.
    let (mut key, mut tuning) = (tgid, *tuning);
    let mut round = 0;
    while round < 2 {
        let Some(state) = known_or_new(key) else {
            return true;
        };
        if let Decision::Finding(reason, counts, report) = observe(state, &tuning, attempt, now_ns) {
            let reason = if round == 0 { reason } else { ScanReason::Spread };
            return tell(state, &tuning, mode, endpoint, now_ns, (reason, counts, report));
        }
        if origin == 0 || !state.shares() {
            break;
        }
        key = origin | ORIGIN_KEY;
        tuning = of_origin(&tuning);
        round += 1;
    }
    true
}

/// The state of a process or an origin, made now if it has none.
#[inline(always)]
fn known_or_new(key: u32) -> Option<&'static mut ScanState> {
    let state = SCANS.get_ptr_mut(key).or_else(|| {
        // A thread that made it first wins; its entry is then found.
        let _ = SCANS.insert(key, &NEW, u64::from(BPF_NOEXIST));
        SCANS.get_ptr_mut(key)
    });
    let Some(state) = state else {
        count(DETECTOR, Counter::MapFull);
        return None;
    };
    // SAFETY: a value of a preallocated map stays mapped; threads of one process may lose each other an increment.
    Some(unsafe { &mut *state })
}

/// Refuses and reports a try that is a finding; whether it may go on.
#[inline(always)]
fn tell(
    state: &mut ScanState,
    tuning: &LateralScanTuning,
    mode: Mode,
    endpoint: &Endpoint,
    now_ns: u64,
    (reason, counts, report): (ScanReason, ScanCounts, Report),
) -> bool {
    count(DETECTOR, Counter::Findings);
    let denied = matches!(mode, Mode::Deny);
    if denied {
        count(DETECTOR, Counter::Enforced);
    }
    if matches!(report, Report::Hold) {
        state.held += 1;
        count(DETECTOR, Counter::Held);
        return !denied;
    }
    let outcome = if denied { Outcome::Denied } else { Outcome::Reported };
    let findings = state.held + 1;
    let Some(mut record) = reserve::<LateralScanRecord>(DETECTOR) else {
        return !denied;
    };
    record.write(LateralScanRecord {
        header: header(DETECTOR, mode, outcome, Times { now_ns, first_ns: state.first_ns }, findings),
        window_ns: tuning.window_ns,
        hosts: counts.hosts,
        tries: counts.tries,
        reason: reason as u32,
        port: endpoint.port,
        family: endpoint.family,
        protocol: endpoint.protocol,
        address: bytes(endpoint.address),
    });
    submit(DETECTOR, record);
    state.held = 0;
    !denied
}

/// The words of an address, already in network order, as bytes.
#[inline(always)]
fn bytes(words: [u32; 4]) -> [u8; 16] {
    let [a, b, c, d] = words.map(u32::to_ne_bytes);
    [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]]
}
