//! From the record of an act to evidence, the same for every detector of acts; what differs stands in its [`Spec`].

use edge_abi::{ActRecord, Outcome, act_flags};
use edge_wire::{Act, Bytes, Evidence, Reason, Severity};

use super::{Resolved, Spec};
use crate::config::Config;
use crate::decide::suppress::key;
use crate::decide::{Judged, elapsed_ms};
use crate::enrich::Processes;

/// The evidence as subscribers get it.
fn evidence(record: &ActRecord, processes: &impl Processes) -> Act {
    let address = match record.family {
        4 => record.address.get(..4),
        6 => Some(&record.address[..]),
        _ => None,
    };
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
        value: record.value,
        target: record.target,
        target_comm: if record.target == 0 { Bytes::new() } else { processes.comm(record.target) },
        object: Bytes::cut(record.path.get(..usize::from(record.path_len)).unwrap_or_default()),
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
