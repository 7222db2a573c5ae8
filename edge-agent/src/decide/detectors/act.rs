//! From the record of an act to evidence, the same for every detector of acts; what differs stands in its [`Spec`].

use edge_abi::{ActRecord, Detector, Outcome, SAMPLE_NS, act_flags, reason};
use edge_wire::{Act, Bytes, Evidence, Reason, Severity};

use super::{Resolved, Spec};
use crate::config::Config;
use crate::decide::suppress::key;
use crate::decide::{Judged, elapsed_ms};
use crate::enrich::{Processes, placed};

/// The number of a reason that follows from the count, where the kernel side could not divide: a rate per second, or milliseconds of
/// processor time.
fn measured(record: &ActRecord) -> Option<u64> {
    let count = u64::from(record.count);
    let per_second = |count: u64| count.saturating_mul(1_000_000_000).checked_div(record.window_ns);
    match (Detector::from_raw(record.header.detector)?, record.reason) {
        (Detector::FloodOut, reason::PACKETS) => per_second(count),
        // Counted in units of 64 bytes.
        (Detector::FloodOut, reason::BYTES) => per_second(count.saturating_mul(64)),
        // The kernel side cannot divide; milliseconds are what a subscriber gets.
        (Detector::NewEgress, reason::BEACON) => Some(record.value / 1_000_000),
        (Detector::ResourceHijack, _) => Some(count.saturating_mul(SAMPLE_NS / 1_000_000)),
        _ => None,
    }
}

/// The evidence as subscribers get it.
fn evidence(record: &ActRecord, processes: &impl Processes) -> Act {
    let address = match record.family {
        4 => record.address.get(..4),
        6 => Some(&record.address[..]),
        _ => None,
    };
    let path = record.path.get(..usize::from(record.path_len)).unwrap_or_default();
    let mut flags = 0;
    for (abi, wire) in
        [(act_flags::CUT, Act::CUT), (act_flags::RELATIVE, Act::RELATIVE), (act_flags::ORIGIN, Act::ORIGIN)]
    {
        if record.flags & abi != 0 {
            flags |= wire;
        }
    }
    Act {
        reason: Reason(record.reason),
        flags,
        count: record.count,
        window_ms: elapsed_ms(0, record.window_ns),
        elapsed_ms: elapsed_ms(record.header.first_ns, record.header.time_ns),
        value: measured(record).unwrap_or(record.value),
        target: record.target,
        target_comm: if record.target == 0 { Bytes::new() } else { processes.comm(record.target) },
        object: placed(processes, record.header.tgid, record.device, path),
        protocol: record.protocol,
        port: record.port,
        address: Bytes::cut(address.unwrap_or_default()),
    }
}

/// Names the technique and weighs it; `None` for a candidate that turned out harmless. One that was stopped is a step less
/// severe: the damage was not done.
#[must_use]
pub fn judge(
    record: &ActRecord,
    spec: &Spec,
    outcome: Outcome,
    processes: &impl Processes,
    config: &Config,
) -> Option<Judged> {
    let (technique, mut severity) = (spec.weigh)(record.reason);
    let mut evidence = evidence(record, processes);
    if record.flags & act_flags::CANDIDATE != 0
        && let Some(resolve) = spec.resolve
    {
        match resolve(&mut evidence, record, processes, config) {
            Resolved::Certain => {}
            Resolved::Harmless => return None,
            Resolved::Unknown => {
                evidence.flags |= Act::UNVERIFIED;
                severity = Severity::LOW;
            }
        }
    }
    if let Some(worse) = spec.look.and_then(|look| look(&mut evidence, record, processes, config)) {
        severity = severity.max(worse);
    }
    if matches!(outcome, Outcome::Killed | Outcome::Denied) {
        severity = Severity(severity.0.saturating_sub(1).max(Severity::LOW.0));
    }
    let subject = if record.flags & act_flags::ORIGIN == 0 { record.header.tgid } else { record.origin };
    let key = key((
        spec.detector as u8,
        subject,
        evidence.reason.0,
        evidence.target,
        (record.port, record.address),
        evidence.object.as_slice(),
    ));
    Some(Judged { technique, severity, evidence: Evidence::Act(evidence), key })
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    #[test]
    fn rates_and_processor_time_follow_from_the_count() {
        let mut record = ActRecord::zeroed();
        record.count = 12_000;
        record.window_ns = 2_000_000_000;
        record.header.detector = Detector::FloodOut as u8;
        record.reason = reason::PACKETS;
        assert_eq!(measured(&record), Some(6_000));
        record.reason = reason::BYTES;
        assert_eq!(measured(&record), Some(384_000));
        record.header.detector = Detector::ResourceHijack as u8;
        assert_eq!(measured(&record), Some(1_200_000), "milliseconds");
        record.header.detector = Detector::NewEgress as u8;
        record.reason = reason::BEACON;
        record.value = 60_250_000_000;
        assert_eq!(measured(&record), Some(60_250), "milliseconds");
        record.header.detector = Detector::RawSocket as u8;
        assert_eq!(measured(&record), None);
    }
}
