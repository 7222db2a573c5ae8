//! From an event to a verdict: what it is called, how bad it is, who did it, and whether it was said already.

pub mod detectors;
mod rate;
mod suppress;

use edge_abi::{Mode, Outcome, act_flags, exec_flags};
use edge_wire::{Action, Bytes, Disposition, Evidence, Head, Reason, Rung, Severity, Technique, Verdict};

pub use rate::{Limits, Rates};
pub(crate) use suppress::key;
pub use suppress::{Suppressed, Verdicts};

use crate::clock::Now;
use crate::collect::{Event, Facts};
use crate::config::Config;
use crate::enrich::{Identified, Processes, identify};
use detectors::{act, file_tamper, lateral_scan, volatile_exec};

/// What a detector's `judge` says about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What the behaviour is called.
    pub technique: Technique,
    /// How bad.
    pub severity: Severity,
    /// Why.
    pub evidence: Evidence,
    /// Tells identical findings from different ones: equal keys are the same finding.
    pub key: u64,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A candidate that turned out harmless.
    Dismissed,
    /// Said already within the repeat window; counted.
    Folded,
    /// To be told. Boxed, since it is ten times the others.
    Tell(Box<Verdict>),
}

/// What every verdict of this agent has.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The kernel's id of this boot.
    pub boot_id: [u8; 16],
    /// Seconds of boot time at which this agent started.
    pub incarnation: u32,
    /// Where `file_tamper` stands, which its records do not tell.
    pub files: Rung,
}

/// Decides. `sequence` is taken by a verdict that is told and by nothing else.
pub fn decide<const SLOTS: usize>(
    event: &Event,
    processes: &impl Processes,
    config: &Config,
    identity: Identity,
    suppressed: &mut Suppressed<SLOTS>,
    sequence: &mut u32,
    now: Now,
) -> Decision {
    let header = &event.header;
    let event_ms = header.time_ns / 1_000_000;
    let Identified { mut subject, lineage, live } =
        identify(processes, header.tgid, header.uid, &header.comm, event_ms);
    let judged = match &event.facts {
        Facts::Act(record, spec) => match act::judge(record, spec, event.outcome, processes, config) {
            Some(judged) => judged,
            None => return Decision::Dismissed,
        },
        Facts::FileTamper(record, reason) => file_tamper::judge(record, *reason, event.outcome, processes),
        Facts::LateralScan(record, reason) => lateral_scan::judge(record, *reason, event.outcome),
        Facts::VolatileExec(record) => {
            match volatile_exec::judge(record, event.outcome, processes, &config.detectors.volatile_exec) {
                Some(judged) => judged,
                None => return Decision::Dismissed,
            }
        }
    };
    let (detector, rung) = (edge_wire::DetectorId(header.detector), rung(&event.facts, identity.files));
    let Verdicts::Tell { repeats } = suppressed.offer(judged.key, header.time_ns, config.limits.repeats)
    else {
        return Decision::Folded;
    };
    let (mut technique, mut evidence) = (judged.technique, judged.evidence);
    if let Evidence::VolatileExec(exec) = &mut evidence {
        if live && exec.path == subject.exe && exec.reason == Reason::SOLE {
            // A program of its own was brought there; otherwise an interpreter runs a script, or it is not known which.
            technique = Technique::T1105;
        }
        if subject.exe.is_empty() && exec.path.as_slice().first() == Some(&b'/') {
            // A killed process has no executable any more; what it was started from is known.
            subject.exe = exec.path.clone();
        }
        if exec.path == subject.exe {
            exec.path = Bytes::new();
        }
    }
    let head = Head {
        boot_id: identity.boot_id,
        incarnation: identity.incarnation,
        sequence: *sequence,
        event_us: header.time_ns / 1_000,
        wall_ms: now.wall_ms_at(header.time_ns),
        detector,
        technique,
        severity: judged.severity,
        action: action(event.mode),
        disposition: disposition(event.outcome),
        rung,
        subject,
        lineage,
        repeats,
    };
    *sequence = sequence.wrapping_add(1);
    Decision::Tell(Box::new(Verdict { head, evidence }))
}

/// The hook family that delivered an event.
fn rung(facts: &Facts, files: Rung) -> Rung {
    match facts {
        Facts::FileTamper(..) => files,
        Facts::VolatileExec(record) if record.flags & exec_flags::LSM != 0 => Rung::LSM,
        Facts::VolatileExec(record) if record.flags & exec_flags::KPROBE != 0 => Rung::KPROBE,
        Facts::Act(record, _) if record.flags & act_flags::LSM != 0 => Rung::LSM,
        Facts::Act(record, _) if record.flags & act_flags::KPROBE != 0 => Rung::KPROBE,
        Facts::Act(record, _) if record.flags & act_flags::CGROUP != 0 => Rung::CGROUP,
        Facts::Act(record, _) if record.flags & act_flags::PROC != 0 => Rung::PROC,
        Facts::LateralScan(..) => Rung::CGROUP,
        _ => Rung::TRACEPOINT,
    }
}

/// What policy wanted, as subscribers know it.
fn action(mode: Mode) -> Action {
    match mode {
        Mode::Deny => Action::DENY,
        Mode::Kill => Action::KILL,
        Mode::Observe | Mode::Off => Action::OBSERVE,
    }
}

/// What happened, as subscribers know it.
fn disposition(outcome: Outcome) -> Disposition {
    match outcome {
        Outcome::Denied => Disposition::DENIED,
        Outcome::KillFailed => Disposition::FAILED,
        Outcome::Killed => Disposition::KILLED,
        Outcome::Reported => Disposition::REPORTED,
    }
}

/// Milliseconds between two moments of boot time, as far as 32 bits go.
fn elapsed_ms(from_ns: u64, to_ns: u64) -> u32 {
    u32::try_from(to_ns.saturating_sub(from_ns) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
