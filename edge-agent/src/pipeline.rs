//! The state between the ring and the queue, and its account.

use aya::maps::{HashMap, MapData};
use bytemuck::AnyBitPattern;
use edge_wire::Verdict;

use crate::budget::SUPPRESS_SLOTS;
use crate::collect::{self, Event};
use crate::decide::{Decision, Suppressed};
use crate::enrich::{Kept, Processes};
use crate::health::Vitals;
use crate::load::Maps;

/// Malformed records that are logged one by one; the rest is only counted.
const MALFORMED_SAID: u64 = 8;

/// What is remembered from one record to the next.
#[derive(Debug, Default)]
pub struct Pipeline {
    /// Findings told lately.
    pub suppressed: Suppressed<SUPPRESS_SLOTS>,
    /// Number of the next verdict.
    pub sequence: u32,
    /// The account.
    pub vitals: Vitals,
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
    fn kept(&self, tgid: u32) -> Kept {
        Kept { task: look_up(&self.0.tasks, tgid), parent: look_up(&self.0.parents, tgid) }
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
