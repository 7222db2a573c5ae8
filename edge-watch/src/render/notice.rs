//! Notices for people.

use edge_wire::{Heartbeat, Rung, Severity, State};

use super::paint::{Paint, Tone};
use super::{Item, LinkNews, Summary, TimeOf, words};
use crate::moment::Moment;
use crate::verify::{Cause, Gap, Notice};

/// The line of anything but a verdict; empty for what the line of a report already says.
pub(crate) fn line(item: Item<'_>, now: Moment, paint: Paint, time_of: TimeOf) -> String {
    let (who, tone, what) = match item {
        Item::Report(report) => {
            let (tone, what) = notice(&report.notice, time_of);
            (report.device.as_str(), tone, what)
        }
        Item::Link(news) => {
            let (tone, what) = link(news);
            ("edge-watch", tone, what)
        }
        Item::Invalid { device, channel, length, error } => {
            let why =
                error.map_or_else(|| "it belongs on another topic".to_owned(), |error| error.to_string());
            (
                device,
                Tone::Bad,
                format!("{length} bytes on topic {} are no {}: {why}", channel.name(), channel.name()),
            )
        }
        Item::Heartbeat(device, beat) => {
            let (tone, what) = heartbeat(beat);
            (device, tone, what)
        }
        Item::Summary(summary) => ("edge-watch", Tone::Faint, total(summary)),
        Item::Status(..) | Item::Verdict(_) => return String::new(),
    };
    let time = paint.apply(Tone::Faint, &time_of(now.wall_ms));
    format!("{time} {} {}\n", paint.apply(Tone::Strong, who), paint.apply(tone, &what))
}

/// A heartbeat in words: its books, and loudly what is attached but blind.
fn heartbeat(beat: &Heartbeat) -> (Tone, String) {
    let agent = &beat.agent_books;
    let attached = beat.detectors.iter().filter(|health| health.rung != Rung::OFF).count();
    let mut said = format!(
        "heartbeat {}: {} verdicts, {} queued, {} shed; {attached} of {} detectors attached; up {}, {} KiB resident, {} CPU",
        beat.beat,
        agent.decided,
        agent.queued,
        agent.shed,
        beat.detectors.len(),
        words::span(u64::from(beat.uptime_s).saturating_mul(1000)),
        beat.rss_kib,
        words::span(beat.cpu_ms),
    );
    let silent: Vec<String> =
        beat.silent().map(|health| format!("{} on {}", health.detector, health.rung)).collect();
    if silent.is_empty() {
        return (Tone::Faint, said);
    }
    said.push_str("; SILENT, attached but blind: ");
    said.push_str(&silent.join(", "));
    (Tone::Of(Severity::HIGH), said)
}

/// A notice in words.
fn notice(notice: &Notice, time_of: TimeOf) -> (Tone, String) {
    match notice {
        Notice::Books { ring_full, map_full } => (
            Tone::Bad,
            format!(
                "overloaded: {ring_full} findings lost in the kernel's ring, {map_full} operations not counted"
            ),
        ),
        Notice::Explained { cause, .. } => (Tone::Bad, format!("earlier gap explained: {}", reasons(*cause))),
        Notice::Forgotten { limit } => {
            (Tone::Bad, format!("forgotten: more than {limit} devices, and this one was silent longest"))
        }
        Notice::Gap(missing) => (Tone::Bad, gap(missing, time_of)),
        Notice::Healed { count, missing, .. } => {
            (Tone::Good, format!("{count} missing verdicts came after all, {missing} still missing"))
        }
        Notice::Heard { silent_ms } => (Tone::Good, format!("heard again after {}", words::span(*silent_ms))),
        Notice::Offline { state, seen_ms } => {
            let how = match *state {
                State::STOPPED => "stopped on request".to_owned(),
                State::LOST => "lost without a word".to_owned(),
                other => other.to_string(),
            };
            let seen = match seen_ms {
                0 => String::new(),
                ms => format!(" after {}", words::span(*ms)),
            };
            (Tone::Bad, format!("offline: {how}{seen}"))
        }
        Notice::Online { version, retained, .. } => {
            let since = if *retained { " already" } else { "" };
            (Tone::Good, format!("online{since}, agent {version}"))
        }
        Notice::Silent { silent_ms, interval_s, seen_ms } => {
            let (silent, seen) = (words::span(*silent_ms), words::span(*seen_ms));
            (
                Tone::Bad,
                format!(
                    "silent for {silent}, heartbeats were due every {interval_s} s; heard for {seen} before"
                ),
            )
        }
    }
}

/// A gap in words.
fn gap(gap: &Gap, time_of: TimeOf) -> String {
    let verdicts = if gap.count == 1 { "verdict" } else { "verdicts" };
    let from = if gap.after_ms == 0 { "the start".to_owned() } else { time_of(gap.after_ms) };
    let to = if gap.before_ms == 0 { "now".to_owned() } else { time_of(gap.before_ms) };
    format!("{} {verdicts} missing between {from} and {to}: {}", gap.count, reasons(gap.cause))
}

/// Where missing verdicts went.
fn reasons(cause: Cause) -> String {
    let parts: Vec<String> = [
        (cause.shed, "shed by the agent"),
        (cause.on_the_way, "lost on the way"),
        (cause.unknown, "for a reason the next heartbeat may tell"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, reason)| format!("{count} {reason}"))
    .collect();
    parts.join(", ")
}

/// Our own connection in words.
fn link(news: &LinkNews) -> (Tone, String) {
    match news {
        LinkNews::Down { broker, reason, wait_ms } => (
            Tone::Bad,
            format!("no connection to {broker}: {reason}; next attempt in {}", words::span(*wait_ms)),
        ),
        LinkNews::Up { broker, resumed } => {
            let session = if *resumed { ", continuing the session" } else { "" };
            (Tone::Good, format!("watching {broker}{session}"))
        }
    }
}

/// The counts of a run.
fn total(summary: &Summary) -> String {
    format!(
        "{} verdicts shown, {} filtered out, {} duplicates, {} missing, {} invalid payloads",
        summary.shown, summary.filtered, summary.duplicates, summary.missing, summary.invalid
    )
}

#[cfg(test)]
mod tests {
    use edge_wire::{Channel, DetectorHealth, DetectorId};

    use super::*;
    use crate::render::{Style, samples::TIME_OF};
    use crate::verify::Report;

    fn say(notice: Notice) -> String {
        let report = Report { device: "gw".to_owned(), notice };
        line(Item::Report(&report), Moment { steady_ms: 1, wall_ms: 7 }, Paint::Plain, TIME_OF)
    }

    #[test]
    fn gaps_say_how_many_when_and_why() {
        let cause = Cause { shed: 3, on_the_way: 1, unknown: 0 };
        let ranges = vec![(1, 4)];
        let gap =
            Gap { boot_id: [0; 16], incarnation: 1, ranges, count: 4, after_ms: 100, before_ms: 200, cause };
        assert_eq!(
            say(Notice::Gap(gap)),
            "@7 gw 4 verdicts missing between @100 and @200: 3 shed by the agent, 1 lost on the way\n"
        );
    }

    #[test]
    fn leaving_says_how_and_after_how_long() {
        assert_eq!(
            say(Notice::Offline { state: State::LOST, seen_ms: 61_000 }),
            "@7 gw offline: lost without a word after 1 min 1 s\n"
        );
        assert_eq!(
            say(Notice::Offline { state: State::STOPPED, seen_ms: 0 }),
            "@7 gw offline: stopped on request\n"
        );
    }

    #[test]
    fn a_silent_detector_is_loud_even_when_heartbeats_are_not_shown() {
        let health = |detector, rung| DetectorHealth { detector, rung, ..DetectorHealth::default() };
        let mut beat = Heartbeat { beat: 5, live: 1 << DetectorId::FILE_TAMPER.0, ..Heartbeat::default() };
        beat.detectors.push(health(DetectorId::FILE_TAMPER, Rung::LSM)).unwrap();
        beat.detectors.push(health(DetectorId::BUS_FLOOD, Rung::OFF)).unwrap();
        let quiet = Style::Text { paint: Paint::Plain, verbose: false, time_of: TIME_OF };
        let show =
            |style: Style, beat: &Heartbeat| style.show(Item::Heartbeat("gw", beat), Moment::default());
        assert_eq!(show(quiet, &beat), "", "what is off or live is nothing to call anybody for");
        beat.detectors.push(health(DetectorId::DEVICE_TAMPER, Rung::KPROBE)).unwrap();
        assert_eq!(
            show(quiet, &beat),
            "@0 gw heartbeat 5: 0 verdicts, 0 queued, 0 shed; 2 of 3 detectors attached; up 0 ms, 0 KiB resident, 0 ms CPU; \
             SILENT, attached but blind: device_tamper on kprobe\n"
        );
        let painted = Style::Text { paint: Paint::Ansi, verbose: false, time_of: TIME_OF };
        assert!(show(painted, &beat).contains("\x1b[31mheartbeat"));
    }

    #[test]
    fn a_payload_that_is_none_is_said_to_be_none() {
        let error = Some(edge_wire::WireError::Kind(9));
        let item = Item::Invalid { device: "gw", channel: Channel::Verdict, length: 5, error };
        let line = line(item, Moment::default(), Paint::Plain, TIME_OF);
        assert_eq!(line, "@0 gw 5 bytes on topic verdict are no verdict: message kind 9 is unknown\n");
    }
}
