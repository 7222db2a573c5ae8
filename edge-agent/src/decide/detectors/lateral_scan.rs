//! `lateral_scan`: fan-out and guessing towards login ports. Counted and judged in the kernel
//! (`edge-ebpf/src/detectors/lateral_scan.rs`).

use edge_abi::{LateralScanRecord, Outcome, ScanReason};
use edge_wire::{Bytes, DetectorId, Evidence, LateralScan, Reason, Severity, Technique};

use crate::decide::suppress::key;
use crate::decide::{Judged, elapsed_ms};

/// Number and name on the wire.
pub const DETECTOR: DetectorId = DetectorId::LATERAL_SCAN;

/// The evidence as subscribers get it.
fn evidence(record: &LateralScanRecord, reason: Reason) -> LateralScan {
    let length = if record.family == 4 { 4 } else { 16 };
    LateralScan {
        reason,
        family: record.family,
        protocol: record.protocol,
        port: record.port,
        address: Bytes::cut(record.address.get(..length).unwrap_or_default()),
        hosts: record.hosts,
        tries: record.tries,
        window_ms: elapsed_ms(0, record.window_ns),
        elapsed_ms: elapsed_ms(record.header.first_ns, record.header.time_ns),
    }
}

/// Names the technique and weighs it.
#[must_use]
pub fn judge(record: &LateralScanRecord, reason: ScanReason, outcome: Outcome) -> Judged {
    let (reason, technique) = match reason {
        ScanReason::FanOut | ScanReason::None => (Reason::FAN_OUT, Technique::T1046),
        ScanReason::Lateral => (Reason::LATERAL, Technique::T1021),
        ScanReason::Guessing => (Reason::GUESSING, Technique::T1110),
        ScanReason::Spread => (Reason::SPREAD_WORK, Technique::T1046),
    };
    let magnitude = record.tries.checked_ilog2();
    Judged {
        technique,
        severity: Severity::HIGH,
        evidence: Evidence::LateralScan(evidence(record, reason)),
        key: key((DETECTOR, reason, record.header.tgid, record.header.first_ns, magnitude, outcome as u8)),
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    #[test]
    fn reasons_have_techniques_and_addresses_their_length() {
        let mut record = LateralScanRecord::zeroed();
        record.family = 4;
        record.address[..4].copy_from_slice(&[192, 168, 1, 9]);
        let judged = judge(&record, ScanReason::Lateral, Outcome::Denied);
        assert_eq!(judged.technique, Technique::T1021);
        let Evidence::LateralScan(evidence) = judged.evidence else { panic!("evidence of another detector") };
        assert_eq!(evidence.address.as_slice(), [192, 168, 1, 9]);
        record.family = 6;
        let Evidence::LateralScan(evidence) = judge(&record, ScanReason::FanOut, Outcome::Denied).evidence
        else {
            panic!("evidence of another detector")
        };
        assert_eq!(evidence.address.as_slice().len(), 16);
        assert_eq!(judge(&record, ScanReason::Spread, Outcome::Reported).technique, Technique::T1046);
        assert_eq!(judge(&record, ScanReason::Guessing, Outcome::Reported).technique, Technique::T1110);
    }
}
