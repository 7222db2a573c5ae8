//! `file_tamper`: ransomware and wipers. Counted and judged in the kernel (`edge-ebpf/src/detectors/file_tamper.rs`).

use edge_abi::{FileTamperRecord, Outcome, TamperReason};
use edge_wire::{DetectorId, Evidence, FileTamper, Reason, Severity, Technique};

use crate::decide::suppress::key;
use crate::decide::{Judged, elapsed_ms};
use crate::enrich::{Processes, placed};

/// Number and name on the wire.
pub const DETECTOR: DetectorId = DetectorId::FILE_TAMPER;

/// The evidence as subscribers get it.
fn evidence(record: &FileTamperRecord, reason: Reason, processes: &impl Processes) -> FileTamper {
    let counts = &record.counts;
    let path = record.path.get(..usize::from(record.path_len)).unwrap_or_default();
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    FileTamper {
        reason,
        files: counts.files,
        renames: counts.renames,
        unlinks: counts.unlinks,
        overwrites: counts.overwrites.saturating_add(counts.emptied),
        samples_high: counts.samples_high,
        samples_flat: counts.samples_flat,
        samples: counts.samples,
        window_ms: elapsed_ms(0, record.window_ns),
        elapsed_ms: elapsed_ms(record.header.first_ns, record.header.time_ns),
        path: placed(processes, record.header.tgid, record.device, path),
        flags: if counts.of_origin == 0 { 0 } else { FileTamper::ORIGIN },
    }
}

/// Names the technique and weighs it. Deleting much is ordinary more often than encrypting much.
#[must_use]
pub fn judge(
    record: &FileTamperRecord,
    reason: TamperReason,
    outcome: Outcome,
    processes: &impl Processes,
) -> Judged {
    let (reason, technique, severity) = match reason {
        TamperReason::EncryptedContent => (Reason::ENCRYPTED_CONTENT, Technique::T1486, Severity::CRITICAL),
        TamperReason::NewEnding => (Reason::NEW_ENDING, Technique::T1486, Severity::CRITICAL),
        TamperReason::Overwritten => (Reason::OVERWRITTEN, Technique::T1485, Severity::CRITICAL),
        TamperReason::MassDelete | TamperReason::None => {
            (Reason::MASS_DELETE, Technique::T1485, Severity::HIGH)
        }
    };
    // The kernel side reports one process at every doubling; each of these says more than the one before.
    let magnitude = record.counts.files.checked_ilog2();
    Judged {
        technique,
        severity,
        evidence: Evidence::FileTamper(evidence(record, reason, processes)),
        key: key((DETECTOR, reason, record.header.tgid, record.header.first_ns, magnitude, outcome as u8)),
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;
    use crate::enrich::Processes;

    /// A machine with one file system, mounted at /data.
    struct Data;

    impl Processes for Data {
        fn kept(&self, _: u32) -> Option<edge_abi::Task> {
            None
        }

        fn placed(&self, _: u32, device: u32, path: &[u8]) -> Option<Vec<u8>> {
            (device == 7).then(|| [b"/data", path].concat())
        }
    }

    fn judged(record: &FileTamperRecord, reason: TamperReason, outcome: Outcome) -> Judged {
        judge(record, reason, outcome, &Data)
    }

    fn record() -> FileTamperRecord {
        let mut record = FileTamperRecord::zeroed();
        record.header.first_ns = 1_000_000_000;
        record.header.time_ns = 1_412_000_000;
        record.counts.files = 30;
        record.counts.overwrites = 28;
        record.counts.emptied = 2;
        record.window_ns = 10_000_000_000;
        record.path_len = 11;
        record.path[..12].copy_from_slice(b"/data/a.doc\0");
        record
    }

    #[test]
    fn encrypted_content_is_critical_t1486() {
        let judged = judged(&record(), TamperReason::EncryptedContent, Outcome::Killed);
        assert_eq!((judged.technique, judged.severity), (Technique::T1486, Severity::CRITICAL));
        let Evidence::FileTamper(evidence) = judged.evidence else { panic!("evidence of another detector") };
        assert_eq!((evidence.elapsed_ms, evidence.window_ms, evidence.overwrites), (412, 10_000, 30));
        assert_eq!(evidence.path.as_slice(), b"/data/a.doc");
    }

    #[test]
    fn a_path_of_a_file_system_begins_where_that_is_mounted() {
        let path = |device, text: &[u8]| {
            let mut record = record();
            record.device = device;
            record.path = [0; edge_abi::PATH_BYTES];
            record.path[..text.len()].copy_from_slice(text);
            record.path_len = text.len() as u16;
            let Evidence::FileTamper(evidence) =
                judged(&record, TamperReason::NewEnding, Outcome::Reported).evidence
            else {
                panic!("evidence of another detector")
            };
            evidence.path.as_slice().to_vec()
        };
        assert_eq!(path(7, b"/a.doc"), b"/data/a.doc");
        assert_eq!(path(8, b"/a.doc"), b"/a.doc", "mounted nowhere");
        assert_eq!(path(0, b"/a.doc"), b"/a.doc", "a path like any other");
        assert_eq!(path(7, b"a.doc"), b"a.doc", "not whole");
        let long = [&b"/"[..], &[b'x'; edge_abi::PATH_BYTES - 2]].concat();
        assert!(long.starts_with(&path(7, &long)), "too long with it");
    }

    #[test]
    fn deleting_is_t1485_and_less() {
        let judged = judged(&record(), TamperReason::MassDelete, Outcome::Reported);
        assert_eq!((judged.technique, judged.severity), (Technique::T1485, Severity::HIGH));
    }

    #[test]
    fn the_same_attack_folds_until_it_doubles() {
        let first = judged(&record(), TamperReason::NewEnding, Outcome::Reported).key;
        let mut more = record();
        more.counts.files = 31;
        assert_eq!(judged(&more, TamperReason::NewEnding, Outcome::Reported).key, first);
        more.counts.files = 64;
        assert_ne!(judged(&more, TamperReason::NewEnding, Outcome::Reported).key, first);
    }
}
