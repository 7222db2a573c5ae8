//! How verdicts and notices look: lines for people, JSON for programs. Pure: values in, text out.

mod act;
mod attack;
pub(crate) mod json;
mod notice;
mod ocsf;
mod paint;
mod text;
pub(crate) mod words;

use edge_wire::{Bytes, Channel, Heartbeat, Status, Verdict, WireError};
use serde_json::Value;

pub(crate) use paint::Paint;

use crate::moment::Moment;
use crate::verify::Report;

/// Turns milliseconds since 1970 into a time for people.
pub(crate) type TimeOf = fn(u64) -> String;

/// A verdict and the circumstances of its coming.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    /// Which device.
    pub(crate) device: &'a str,
    /// What it says.
    pub(crate) verdict: &'a Verdict,
    /// When it came.
    pub(crate) now: Moment,
    /// Version of the agent, if its status or a heartbeat told.
    pub(crate) version: Option<&'a Bytes<16>>,
    /// Whether it had been called missing.
    pub(crate) late: bool,
}

/// What can be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// A heartbeat of a device.
    Heartbeat(&'a str, &'a Heartbeat),
    /// A payload of a device that is none of our messages, or is on the wrong topic.
    Invalid {
        /// The device.
        device: &'a str,
        /// The topic's last level.
        channel: Channel,
        /// Bytes in the payload.
        length: usize,
        /// What is wrong; `None` if only the topic is.
        error: Option<WireError>,
    },
    /// What happened to our own connection.
    Link(&'a LinkNews),
    /// A notice of the completeness check.
    Report(&'a Report),
    /// A status of a device; `true` if the broker had kept it.
    Status(&'a str, &'a Status, bool),
    /// What was shown in all.
    Summary(&'a Summary),
    /// A verdict.
    Verdict(Received<'a>),
}

/// What happened to our own connection.
#[derive(Clone, Debug)]
pub(crate) enum LinkNews {
    /// Lost or not made.
    Down {
        /// The broker.
        broker: String,
        /// Why.
        reason: String,
        /// Wait until the next attempt, in milliseconds.
        wait_ms: u64,
    },
    /// Connected and subscribed.
    Up {
        /// The broker.
        broker: String,
        /// Whether the broker kept our session.
        resumed: bool,
    },
}

/// Counts over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Verdicts shown.
    pub(crate) shown: u64,
    /// Verdicts that the filter kept back.
    pub(crate) filtered: u64,
    /// Verdicts that came again.
    pub(crate) duplicates: u64,
    /// Verdicts called missing and not come since.
    pub(crate) missing: u64,
    /// Payloads that are no message.
    pub(crate) invalid: u64,
}

/// A way of showing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// JSON lines.
    Json,
    /// Lines for people.
    Text {
        /// Colours, or none.
        paint: Paint,
        /// Evidence, lineage, ids and every heartbeat too.
        verbose: bool,
        /// How times are written.
        time_of: TimeOf,
    },
}

impl Style {
    /// The lines of an item, each ended by a newline; empty if this style does not show it.
    pub(crate) fn show(&self, item: Item<'_>, now: Moment) -> String {
        match self {
            Self::Json => {
                let value = match item {
                    Item::Verdict(received) => ocsf::finding(received),
                    other => json::notice(other, now),
                };
                line(&value)
            }
            Self::Text { paint, verbose, time_of } => match item {
                Item::Verdict(received) => text::verdict(received, *paint, *verbose, *time_of),
                // Unasked only when a detector is blind.
                Item::Heartbeat(_, beat) if !verbose && beat.silent().next().is_none() => String::new(),
                other => notice::line(other, now, *paint, *time_of),
            },
        }
    }
}

/// One JSON line.
fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
pub(crate) mod samples {
    //! Verdicts that the tests of this folder show.

    use edge_wire::{
        Action, Ancestor, Bytes, DetectorId, Disposition, Evidence, FileTamper, Head, Reason, Rung, Severity,
        Subject, Technique, Verdict,
    };

    use super::TimeOf;

    /// Time as the tests write it.
    pub(crate) const TIME_OF: TimeOf = |ms| format!("@{ms}");

    /// A killed ransomware with two ancestors.
    pub(crate) fn killed() -> Verdict {
        let ancestor = |tgid, start_ms, comm: &[u8]| Ancestor { tgid, start_ms, comm: Bytes::cut(comm) };
        Verdict {
            head: Head {
                boot_id: [0xab; 16],
                incarnation: 14,
                sequence: 9,
                event_us: 90_000_000,
                wall_ms: 1_780_000_000_000,
                detector: DetectorId::FILE_TAMPER,
                technique: Technique::T1486,
                severity: Severity::CRITICAL,
                action: Action::KILL,
                disposition: Disposition::KILLED,
                rung: Rung::TRACEPOINT,
                subject: Subject {
                    tgid: 77,
                    start_ms: 89_000,
                    uid: 33,
                    comm: Bytes::cut(b"kworker\x1b[2J"),
                    exe: Bytes::cut(b"/tmp/.x (deleted)"),
                },
                lineage: [ancestor(70, 80_000, b"sh"), ancestor(1, 10, b"init")].into_iter().collect(),
                repeats: 2,
            },
            evidence: Evidence::FileTamper(FileTamper {
                reason: Reason::ENCRYPTED_CONTENT,
                files: 30,
                renames: 29,
                unlinks: 0,
                overwrites: 30,
                samples_high: 22,
                samples_flat: 0,
                samples: 22,
                window_ms: 10_000,
                elapsed_ms: 412,
                path: Bytes::cut(b"/data/a.db\n"),
                flags: 0,
            }),
        }
    }
}
