//! What no hook shows: now and then the agent looks at every process in `/proc`, at the name it goes by, its user and its capabilities.
//!
//! A name can be written over in a process's own memory, and an exploit that has the kernel change its credentials passes no hook. Both last, or are
//! worth nothing to the attacker; so a look every few minutes finds them, on every rung, at no cost between the looks.

mod look;
mod rules;

use bytemuck::Zeroable as _;
use edge_abi::{ABI_VERSION, ActRecord, Detector, Header, Mode, Outcome, act_flags};
use heapless::Deque;

pub use look::{Proc, Scope};
pub use rules::{Look, Named, Seen, Suspicion};
pub(crate) use rules::{MULTI_CALL, SAME_START_NS};

/// Findings remembered, so that each is told once in the life of a process. Forgotten, one is told again.
const TOLD: usize = 64;

/// What was found by looking.
#[derive(Debug, Default)]
pub struct Sweep {
    /// What was told, as hashes of process and reason.
    told: Deque<u64, TOLD>,
    /// Findings by detector, in the order of [`Detector::ALL`].
    counts: [u32; Detector::ALL.len()],
}

impl Sweep {
    /// Looks at one process; records of what is new about it are appended to `records`.
    pub fn look(&mut self, seen: &Seen<'_>, look: &dyn Look, now_ns: u64, records: &mut Vec<ActRecord>) {
        for suspicion in rules::judge(seen, look) {
            let key = crate::decide::key((seen.tgid, seen.stat.start_ms, suspicion.reason));
            if self.told.iter().any(|told| *told == key) {
                continue;
            }
            if self.told.is_full() {
                self.told.pop_front();
            }
            // There is room now.
            let _ = self.told.push_back(key);
            if let Some(slot) = Detector::ALL.iter().position(|known| *known == suspicion.detector)
                && let Some(count) = self.counts.get_mut(slot)
            {
                *count = count.wrapping_add(1);
            }
            records.push(record(seen, &suspicion, now_ns));
        }
    }

    /// Findings by detector since the start, in the order of [`Detector::ALL`]: they were handed on like those of the kernel side.
    #[must_use]
    pub const fn counts(&self) -> &[u32; Detector::ALL.len()] {
        &self.counts
    }
}

/// The record of a finding, as the kernel side would have made it.
fn record(seen: &Seen<'_>, suspicion: &Suspicion, now_ns: u64) -> ActRecord {
    let mut record = ActRecord::zeroed();
    let comm = seen.stat.comm.as_slice();
    record.header = Header {
        abi: ABI_VERSION,
        detector: suspicion.detector as u8,
        outcome: Outcome::Reported as u8,
        // It is too late to keep the process from anything.
        mode: Mode::Observe as u32,
        time_ns: now_ns,
        first_ns: now_ns,
        tgid: seen.tgid,
        tid: seen.tgid,
        uid: seen.rights.map_or(u32::MAX, |rights| rights.uid),
        findings: 1,
        comm: [0; edge_abi::COMM_BYTES],
    };
    for (slot, byte) in record.header.comm.iter_mut().zip(comm) {
        *slot = *byte;
    }
    record.reason = suspicion.reason;
    record.flags = act_flags::PROC;
    record.count = 1;
    record.value = suspicion.value;
    record.origin = seen.kept.map_or(0, |kept| kept.origin);
    let room = record.path.len();
    for (slot, byte) in record.path.iter_mut().zip(&suspicion.object) {
        *slot = *byte;
    }
    record.path_len = suspicion.object.len().min(room) as u16;
    if suspicion.object.len() > room {
        record.flags |= act_flags::CUT;
    }
    record
}

#[cfg(test)]
mod tests {
    use edge_abi::reason;

    use super::rules::tests::{Table, seen};
    use super::*;
    use crate::collect::{Facts, decode};

    #[test]
    fn each_finding_is_told_once_and_counted() {
        let (mut sweep, mut records) = (Sweep::default(), Vec::new());
        let stat = seen(7, "kworker/0:1");
        let process = stat.seen(b"/data/x");
        for now_ns in [1, 2, 3] {
            sweep.look(&process, &Table::default(), now_ns, &mut records);
        }
        assert_eq!(records.len(), 1);
        let found: u32 = sweep.counts().iter().sum();
        assert_eq!(found, 1);
        let event = decode(bytemuck::bytes_of(&records[0])).unwrap();
        let Facts::Act(act, spec) = event.facts else { panic!("another kind of record") };
        assert_eq!(
            (spec.detector, act.reason, event.header.tgid),
            (Detector::Masquerade, reason::KERNEL_NAME, 7)
        );
        assert_eq!(
            (&act.path[..11], act.path_len, &act.header.comm[..7]),
            (&b"kworker/0:1"[..], 11, &b"kworker"[..])
        );
    }

    #[test]
    fn more_findings_than_are_remembered_are_told_again_and_never_lost() {
        let (mut sweep, mut records) = (Sweep::default(), Vec::new());
        for round in 1..=2 {
            for tgid in 0..100 {
                let stat = seen(tgid, "kworker/0:1");
                sweep.look(&stat.seen(b"/data/x"), &Table::default(), 1, &mut records);
            }
            assert_eq!(records.len(), 100 * round);
        }
    }

    #[test]
    fn a_long_name_is_cut_and_said_to_be() {
        let stat = seen(7, "x");
        let suspicion = Suspicion {
            detector: Detector::Masquerade,
            reason: reason::KERNEL_NAME,
            value: 0,
            object: vec![b'['; 300],
        };
        let record = record(&stat.seen(b"/data/x"), &suspicion, 1);
        assert_eq!(usize::from(record.path_len), record.path.len());
        assert_ne!(record.flags & act_flags::CUT, 0);
    }
}
