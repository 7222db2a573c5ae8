//! The whole stage on one recorded record.

use bytemuck::Zeroable as _;
use edge_abi::{ABI_VERSION, Detector, Header, VolatileExecRecord};
use edge_wire::{DetectorId, encode_verdict};

use super::*;
use crate::collect;

/// Nothing is known of any process.
struct Gone;

impl Processes for Gone {
    fn kept(&self, _: u32) -> Option<edge_abi::Task> {
        None
    }
    fn stat(&self, _: u32) -> Option<crate::enrich::proc::Stat> {
        None
    }
    fn exe(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
    fn cwd(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}

fn record(path: &[u8], flags: u32) -> VolatileExecRecord {
    let mut record = VolatileExecRecord::zeroed();
    record.header = Header {
        abi: ABI_VERSION,
        detector: Detector::VolatileExec as u8,
        outcome: Outcome::Killed as u8,
        mode: Mode::Kill as u32,
        time_ns: 5_000_000_000,
        tgid: 77,
        uid: 1000,
        ..Header::zeroed()
    };
    record.flags = flags;
    record.path_len = path.len() as u32;
    record.path[..path.len()].copy_from_slice(path);
    record
}

struct Stage {
    suppressed: Suppressed<4>,
    sequence: u32,
}

impl Stage {
    fn decide(&mut self, record: &VolatileExecRecord) -> Decision {
        let event = collect::decode(bytemuck::bytes_of(record)).unwrap();
        let identity = Identity { boot_id: [7; 16], incarnation: 3, files: Rung::TRACEPOINT };
        let now = Now { boot_ns: 6_000_000_000, wall_ms: 1_800_000_000_000 };
        let config = Config::default();
        decide(&event, &Gone, &config, identity, &mut self.suppressed, &mut self.sequence, now)
    }
}

#[test]
fn a_record_becomes_one_verdict_and_repeats_are_folded() {
    let mut stage = Stage { suppressed: Suppressed::default(), sequence: 9 };
    let Decision::Tell(verdict) = stage.decide(&record(b"/tmp/x", 0)) else { panic!("must be told") };
    assert_eq!((verdict.head.sequence, stage.sequence), (9, 10));
    assert_eq!(verdict.head.detector, DetectorId::VOLATILE_EXEC);
    assert_eq!((verdict.head.action, verdict.head.disposition), (Action::KILL, Disposition::KILLED));
    assert_eq!((verdict.head.event_us, verdict.head.wall_ms), (5_000_000, 1_799_999_999_000));
    assert_eq!(verdict.head.subject.exe.as_slice(), b"/tmp/x", "known although the process is gone");
    assert!(encode_verdict(&verdict).is_ok());

    assert_eq!(stage.decide(&record(b"/tmp/x", 0)), Decision::Folded);
    assert_eq!(stage.sequence, 10, "only what is told takes a number");
    assert!(matches!(stage.decide(&record(b"/tmp/y", 0)), Decision::Tell(_)));
}

#[test]
fn a_harmless_candidate_is_dismissed() {
    let mut stage = Stage { suppressed: Suppressed::default(), sequence: 0 };
    let flags = exec_flags::CANDIDATE;
    assert_eq!(stage.decide(&record(b"/tmp/../bin/ls", flags)), Decision::Dismissed);
    assert_eq!(stage.sequence, 0);
}

/// A process that is still there and runs a program of its own, or an interpreter.
struct Live(&'static str);

impl Processes for Live {
    fn kept(&self, _: u32) -> Option<edge_abi::Task> {
        None
    }
    fn stat(&self, _: u32) -> Option<crate::enrich::proc::Stat> {
        Some(crate::enrich::proc::Stat { parent: 0, start_ms: 4_000, comm: Bytes::new() })
    }
    fn exe(&self, _: u32) -> Option<Vec<u8>> {
        Some(self.0.as_bytes().to_vec())
    }
    fn cwd(&self, _: u32) -> Option<Vec<u8>> {
        None
    }
}

#[test]
fn a_dropped_program_is_a_transfer_and_a_script_an_interpreter() {
    for (exe, technique) in [("/tmp/x", Technique::T1105), ("/bin/sh", Technique::T1059)] {
        let event = collect::decode(bytemuck::bytes_of(&record(b"/tmp/x", 0))).unwrap();
        let identity = Identity { boot_id: [7; 16], incarnation: 3, files: Rung::TRACEPOINT };
        let now = Now { boot_ns: 6_000_000_000, wall_ms: 0 };
        let mut suppressed = Suppressed::<4>::default();
        let config = Config::default();
        let decision = decide(&event, &Live(exe), &config, identity, &mut suppressed, &mut 0, now);
        let Decision::Tell(verdict) = decision else { panic!("must be told") };
        assert_eq!(verdict.head.technique, technique, "{exe}");
    }
}
