//! The state between the ring and the queue, and its account.

use std::path::Path;

use aya::maps::{HashMap, MapData};
use bytemuck::AnyBitPattern;
use edge_abi::Task;
use edge_wire::{Verdict, encode_verdict};

use crate::budget::SUPPRESS_SLOTS;
use crate::clock::Now;
use crate::collect::{self, Event};
use crate::config::Config;
use crate::decide::{Decision, Identity, Limits, Rates, Suppressed, decide};
use crate::enrich::Processes;
use crate::enrich::history::ToldLately;
use crate::health::Vitals;
use crate::load::Maps;
use crate::publish::Port;
use crate::queue::Entry;

/// Malformed records that are logged one by one; the rest is only counted.
const MALFORMED_SAID: u64 = 8;

/// Verdicts logged in one second; under a flood the rest is only published.
const SAID_PER_SECOND: u32 = 10;

/// How much may be logged: a per-event line must not become the load it reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// The second of boot time that is being counted.
    second: u64,
    /// Lines in it so far.
    said: u32,
    /// Lines left out since the last one.
    muted: u64,
}

impl Voice {
    /// Whether a line may be written at `boot_ns`; then also how many were left out before it.
    pub fn may_say(&mut self, boot_ns: u64) -> Option<u64> {
        let second = boot_ns / 1_000_000_000;
        if second != self.second {
            (self.second, self.said) = (second, 0);
        }
        if self.said >= SAID_PER_SECOND {
            self.muted += 1;
            return None;
        }
        self.said += 1;
        Some(core::mem::take(&mut self.muted))
    }
}

/// What is remembered from one record to the next.
#[derive(Debug, Default)]
pub struct Pipeline {
    /// Findings told lately.
    pub suppressed: Suppressed<SUPPRESS_SLOTS>,
    /// How many were told lately.
    pub rates: Rates,
    /// Number of the next verdict.
    pub sequence: u32,
    /// The account.
    pub vitals: Vitals,
    /// How much may be logged.
    pub voice: Voice,
    /// Verdicts told lately.
    pub told: ToldLately,
}

impl Pipeline {
    /// Decodes and counts one record; one that does not decode is said, the first few times.
    pub fn decode(&mut self, record: &[u8]) -> Option<Event> {
        self.vitals.received += 1;
        match collect::decode(record) {
            Ok(event) => Some(event),
            Err(error) => {
                self.vitals.malformed += 1;
                if self.vitals.malformed <= MALFORMED_SAID {
                    log::error!("collect: {error}");
                }
                None
            }
        }
    }

    /// Decides about an event, and hands what is to be told to the queue.
    pub fn handle<const BLOCKS: usize>(
        &mut self,
        event: &Event,
        processes: &impl Processes,
        config: &Config,
        identity: Identity,
        port: &Port<BLOCKS>,
    ) {
        let now = Now::read();
        let (suppressed, sequence) = (&mut self.suppressed, &mut self.sequence);
        let decision = decide(event, processes, config, identity, suppressed, sequence, now);
        let Decision::Tell(verdict) = self.count(decision) else { return };
        self.told.note((&*verdict).into());
        if let Some(muted) = self.voice.may_say(now.boot_ns) {
            log::info!("decide: {} muted={muted}", line(&verdict));
        }
        let limits = Limits { detector: config.limits.detector_rate, device: config.limits.device_rate };
        let head = &verdict.head;
        let may_be_told = self.rates.allows(limits, head.detector, head.severity, now.boot_ns);
        let entry = encode_verdict(&verdict)
            .map(|bytes| Entry::new(verdict.head.severity.0, verdict.head.sequence, &bytes));
        match entry {
            Ok(Ok(entry)) if may_be_told => port.admit(&entry),
            Ok(Ok(entry)) => port.turn_away(&entry),
            // Excluded by the sums in `edge_wire::max` and by construction; a gap at the subscriber would show it.
            Ok(Err(error)) => log::error!("decide: verdict lost, {error}"),
            Err(error) => log::error!("decide: verdict lost, {error}"),
        }
    }

    /// Counts what became of an event.
    pub fn count(&mut self, decision: Decision) -> Decision {
        match decision {
            Decision::Dismissed => self.vitals.dismissed += 1,
            Decision::Folded => self.vitals.folded += 1,
            Decision::Tell(_) => self.vitals.decided += 1,
        }
        decision
    }
}

/// Processes as the kernel side kept them.
pub struct KernelProcesses<'m>(pub &'m Maps);

impl Processes for KernelProcesses<'_> {
    fn kept(&self, tgid: u32) -> Option<Task> {
        look_up(&self.0.tasks, tgid)
    }

    fn is_listed(&self, config: &Config, file: &Path, path: &[u8], inode: u64) -> Option<bool> {
        self.0.is_listed(config, file, path, inode)
    }

    fn is_path_listed(&self, path: &[u8]) -> bool {
        self.0.is_path_listed(path)
    }
}

/// One entry of a map, as the struct it is. Absent, or not readable, is the same here: nothing is known.
fn look_up<T: AnyBitPattern, const N: usize>(map: &HashMap<MapData, u32, [u8; N]>, tgid: u32) -> Option<T> {
    bytemuck::try_pod_read_unaligned(&map.get(&tgid, 0).ok()?).ok()
}

/// A verdict on one line of the log: key=value, names escaped.
#[must_use]
pub fn line(verdict: &Verdict) -> String {
    let head = &verdict.head;
    format!(
        "sequence={} detector={} technique={} severity={} disposition={} tgid={} comm={}",
        head.sequence,
        head.detector,
        head.technique,
        head.severity,
        head.disposition,
        head.subject.tgid,
        head.subject.comm
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_ten_times_a_second_and_the_rest_counted() {
        let mut voice = Voice::default();
        let second = 5_000_000_000;
        let said = (0..1_000).filter(|event| voice.may_say(second + event).is_some()).count();
        assert_eq!(said, 10);
        assert_eq!(voice.may_say(second + 1_000_000_000), Some(990));
        assert_eq!(voice.may_say(second + 1_000_000_001), Some(0));
    }

    #[test]
    fn a_record_that_does_not_decode_is_counted() {
        let mut pipeline = Pipeline::default();
        assert!(pipeline.decode(b"garbage").is_none());
        assert_eq!((pipeline.vitals.received, pipeline.vitals.malformed), (1, 1));
    }
}
