//! The last events as lines of the log, oldest first, when somebody asks: what the kernel side noted, and what was told.

use core::fmt::{self, Write as _};
use std::net::IpAddr;

use edge_abi::{HistoryEntry, history_kind};
use edge_wire::{Bytes, DetectorId, Verdict};

/// Verdicts remembered.
const TOLD: usize = 64;

/// A verdict in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it happened, in nanoseconds of boot time.
    pub time_ns: u64,
    /// Its number.
    pub sequence: u32,
    /// Who said so.
    pub detector: DetectorId,
    /// About whom.
    pub tgid: u32,
}

impl From<&Verdict> for Told {
    fn from(verdict: &Verdict) -> Self {
        let head = &verdict.head;
        let time_ns = head.event_us.saturating_mul(1_000);
        Self { time_ns, sequence: head.sequence, detector: head.detector, tgid: head.subject.tgid }
    }
}

/// The verdicts told lately; the oldest makes room.
#[derive(Debug, Default)]
pub struct ToldLately {
    /// In the order in which they were told.
    told: heapless::Deque<Told, TOLD>,
}

impl ToldLately {
    /// Remembers one.
    pub fn note(&mut self, told: Told) {
        if self.told.is_full() {
            self.told.pop_front();
        }
        // There is room: the oldest has just made some.
        let _ = self.told.push_back(told);
    }
}

/// One line.
#[derive(Clone, Copy, Debug)]
enum Event<'e> {
    /// The kernel side's.
    Seen(&'e HistoryEntry),
    /// The agent's.
    Told(&'e Told),
}

impl Event<'_> {
    /// When it happened.
    const fn time_ns(&self) -> u64 {
        match self {
            Self::Seen(entry) => entry.time_ns,
            Self::Told(told) => told.time_ns,
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.time_ns() / 1_000;
        write!(out, "at={}.{:06} ", us / 1_000_000, us % 1_000_000)?;
        match self {
            Self::Told(told) => {
                write!(
                    out,
                    "event=verdict sequence={} detector={} tgid={}",
                    told.sequence, told.detector, told.tgid
                )
            }
            Self::Seen(entry) if entry.kind == history_kind::EXEC => {
                let path = Bytes::<{ edge_abi::HISTORY_TEXT }>::until_nul(&entry.text);
                let (tgid, parent, uid) = (entry.tgid, entry.parent, entry.uid);
                write!(out, "event=exec tgid={tgid} parent={parent} uid={uid} path={path}")
            }
            Self::Seen(entry) => {
                write!(out, "event=connect tgid={} uid={} to=", entry.tgid, entry.uid)?;
                match address(entry) {
                    Some(IpAddr::V6(address)) => write!(out, "[{address}]:{}", entry.port),
                    Some(address) => write!(out, "{address}:{}", entry.port),
                    None => out.write_char('?'),
                }
            }
        }
    }
}

/// The address of a connection; `None` when it has none that is known.
fn address(entry: &HistoryEntry) -> Option<IpAddr> {
    match entry.family {
        4 => entry.text.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes)),
        6 => entry.text.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes)),
        _ => None,
    }
}

/// The last events as lines, oldest first; names are escaped as in every line of the log.
#[must_use]
pub fn lines(seen: &[HistoryEntry], told: &ToldLately) -> Vec<String> {
    let mut events: Vec<Event<'_>> =
        seen.iter().filter(|entry| entry.time_ns != 0).map(Event::Seen).collect();
    events.extend(told.told.iter().map(Event::Told));
    events.sort_by_key(Event::time_ns);
    events.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    fn entry(time_ns: u64, kind: u8, text: &[u8]) -> HistoryEntry {
        let mut entry =
            HistoryEntry { time_ns, kind, tgid: 7, parent: 3, uid: 1000, ..HistoryEntry::zeroed() };
        entry.text[..text.len()].copy_from_slice(text);
        entry
    }

    #[test]
    fn lines_are_in_the_order_of_time_and_escaped() {
        let mut connect = entry(2_500_000, history_kind::CONNECT, &[192, 0, 2, 1]);
        (connect.family, connect.port) = (4, 23);
        let mut told = ToldLately::default();
        let detector = DetectorId::VOLATILE_EXEC;
        told.told.push_back(Told { time_ns: 2_000_000, sequence: 4, detector, tgid: 7 }).unwrap();
        let seen = [
            connect,
            HistoryEntry::zeroed(),
            entry(1_000_000, history_kind::EXEC, b"/tmp/a\nat=9 event=exec"),
        ];
        let lines = lines(&seen, &told);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with("at=0.001000 event=exec tgid=7 parent=3 uid=1000 path=/tmp/a"),
            "{lines:?}"
        );
        assert!(!lines[0].contains('\n'), "a name cannot make a line of its own: {lines:?}");
        assert_eq!(lines[1], "at=0.002000 event=verdict sequence=4 detector=volatile_exec tgid=7");
        assert_eq!(lines[2], "at=0.002500 event=connect tgid=7 uid=1000 to=192.0.2.1:23");
    }

    #[test]
    fn the_oldest_verdict_makes_room() {
        let mut lately = ToldLately::default();
        for sequence in 0..100 {
            let detector = DetectorId::FETCH_LOOP;
            lately.note(Told { time_ns: u64::from(sequence), sequence, detector, tgid: 7 });
        }
        assert_eq!(lately.told.len(), TOLD);
        assert_eq!(lately.told.front().map(|told| told.sequence), Some(36));
    }
}
