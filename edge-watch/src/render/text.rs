//! Verdicts for people: one line each, and more below it if wished.

use std::fmt::Write as _;

use edge_wire::{Act, Disposition, Evidence, Severity, Verdict};

use super::paint::{Paint, Tone};
use super::{Received, TimeOf, act, attack, words};

/// Indentation of the lines below a verdict.
const INDENT: &str = "    ";

/// The line of a verdict, and with `verbose` what is known besides.
pub(crate) fn verdict(received: Received<'_>, paint: Paint, verbose: bool, time_of: TimeOf) -> String {
    let head = &received.verdict.head;
    let severity = format!("{:<8}", head.severity.to_string());
    let disposition = words::disposition(head);
    let tone = match head.disposition {
        Disposition::KILLED | Disposition::DENIED => Tone::Good,
        Disposition::REPORTED => Tone::Faint,
        _ => Tone::Of(Severity::HIGH),
    };
    let mut line = format!(
        "{} {} {} {} {} {}  {}  {}",
        paint.apply(Tone::Faint, &time(received, time_of)),
        paint.apply(Tone::Strong, received.device),
        paint.apply(Tone::Of(head.severity), &severity),
        head.detector,
        head.technique,
        paint.apply(Tone::Strong, &words::subject(&head.subject)),
        words::phrase(received.verdict),
        paint.apply(tone, &disposition),
    );
    if head.repeats > 0 {
        let _ = write!(line, " (+{} alike)", head.repeats);
    }
    if received.late {
        line.push_str(" (late)");
    }
    line.push('\n');
    if verbose {
        for detail in details(received) {
            let _ = writeln!(line, "{INDENT}{}", paint.apply(Tone::Faint, &detail));
        }
    }
    line
}

/// The time of the deciding event; with a tilde that of its coming, if the device's clock is not set.
fn time(received: Received<'_>, time_of: TimeOf) -> String {
    match received.verdict.head.wall_ms {
        0 => format!("~{}", time_of(received.now.wall_ms)),
        wall_ms => time_of(wall_ms),
    }
}

/// Evidence, process, lineage and ids, one line each.
fn details(received: Received<'_>) -> Vec<String> {
    let head = &received.verdict.head;
    let mut lines = Vec::new();
    if let Some(name) = attack::name(head.technique) {
        lines.push(format!("technique  {} {name}", head.technique));
    }
    lines.push(format!("evidence   {}", counts(received.verdict)));
    let exe = if head.subject.exe.is_empty() { "unknown".to_owned() } else { head.subject.exe.to_string() };
    lines.push(format!(
        "process    exe {exe}, uid {}, started {}",
        head.subject.uid,
        since_boot(head.subject.start_ms)
    ));
    if !head.lineage.is_empty() {
        let chain: Vec<String> =
            head.lineage.iter().map(|ancestor| format!("{}[{}]", ancestor.comm, ancestor.tgid)).collect();
        lines.push(format!("lineage    {}", chain.join(" < ")));
    }
    lines.push(format!("answer     wanted {}, was {}, seen by {}", head.action, head.disposition, head.rung));
    lines.push(format!(
        "id         boot {} incarnation {} sequence {}",
        boot(&head.boot_id),
        head.incarnation,
        head.sequence
    ));
    lines
}

/// All counts of an evidence.
fn counts(verdict: &Verdict) -> String {
    match &verdict.evidence {
        Evidence::Act(facts) => acted(facts),
        Evidence::FileTamper(facts) => format!(
            "{}: {} renames, {} overwrites, {} unlinks; of {} samples {} looked encrypted, {} constant; window {}",
            facts.reason,
            facts.renames,
            facts.overwrites,
            facts.unlinks,
            facts.samples,
            facts.samples_high,
            facts.samples_flat,
            words::span(u64::from(facts.window_ms)),
        ),
        Evidence::LateralScan(facts) => format!(
            "{}: {} hosts, {} tries, IPv{} protocol {}; window {}",
            facts.reason,
            facts.hosts,
            facts.tries,
            facts.family,
            facts.protocol,
            words::span(u64::from(facts.window_ms)),
        ),
        Evidence::VolatileExec(facts) => {
            let cwd =
                if facts.cwd.is_empty() { String::new() } else { format!(", started in {}", facts.cwd) };
            format!("{}: {}{cwd}", facts.reason, words::program(facts, &verdict.head.subject))
        }
        Evidence::Unknown { length } => format!("{length} bytes not understood"),
    }
}

/// All facts of an act; those that mean nothing for its reason are left out, but for the numbers.
fn acted(facts: &Act) -> String {
    let mut line = format!("{}: count {}, value {}", facts.reason, facts.count, facts.value);
    if !facts.object.is_empty() {
        let _ = write!(line, ", object {}", facts.object);
    }
    if let Some(target) = act::target(facts) {
        let _ = write!(line, ", target {target}");
    }
    if let Some(endpoint) = act::endpoint(facts) {
        let _ = write!(line, ", endpoint {endpoint} protocol {}", facts.protocol);
    }
    let _ = write!(line, "; flags {:#04x}; window {}", facts.flags, words::span(u64::from(facts.window_ms)));
    line
}

/// A start time in boot time.
fn since_boot(start_ms: u64) -> String {
    if start_ms == 0 { "unknown".to_owned() } else { format!("{} after boot", words::span(start_ms)) }
}

/// A boot id as the kernel writes it.
pub(crate) fn boot(id: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;
    use crate::render::samples::{TIME_OF, killed};

    fn received(verdict: &Verdict) -> Received<'_> {
        let now = Moment { steady_ms: 0, wall_ms: 5 };
        Received { device: "gw-7", verdict, now, version: None, late: false }
    }

    #[test]
    fn one_line_says_it_all_and_hostile_bytes_stay_dead() {
        let line = verdict(received(&killed()), Paint::Plain, false, TIME_OF);
        assert_eq!(
            line,
            "@1780000000000 gw-7 critical file_tamper T1486 kworker\\x1b[2J[77]  \
             30 files encrypted in 412 ms, last /data/a.db\\x0a  KILLED (+2 alike)\n"
        );
    }

    #[test]
    fn without_a_clock_the_time_of_coming_stands_in() {
        let mut sample = killed();
        sample.head.wall_ms = 0;
        let line = verdict(Received { late: true, ..received(&sample) }, Paint::Plain, false, TIME_OF);
        assert!(line.starts_with("~@5 gw-7 ") && line.ends_with(" (late)\n"), "{line}");
    }

    #[test]
    fn verbose_adds_what_an_analyst_asks_next() {
        let lines = verdict(received(&killed()), Paint::Plain, true, TIME_OF);
        let below: Vec<&str> = lines.lines().skip(1).collect();
        assert_eq!(
            below,
            [
                "    technique  T1486 Data Encrypted for Impact",
                "    evidence   encrypted_content: 29 renames, 30 overwrites, 0 unlinks; of 22 samples 22 looked encrypted, \
                 0 constant; window 10.0 s",
                "    process    exe /tmp/.x (deleted), uid 33, started 1 min 29 s after boot",
                "    lineage    sh[70] < init[1]",
                "    answer     wanted kill, was killed, seen by tracepoint",
                "    id         boot abababab-abab-abab-abab-abababababab incarnation 14 sequence 9",
            ]
        );
    }

    #[test]
    fn an_act_shows_every_fact_it_has() {
        let mut sample = killed();
        sample.evidence = Evidence::Act(Act {
            reason: edge_wire::Reason::PTRACE,
            flags: Act::UNVERIFIED,
            count: 1,
            value: 16,
            target: 612,
            target_comm: edge_wire::Bytes::cut(b"lighttpd"),
            port: 22,
            protocol: 6,
            ..Act::default()
        });
        let lines = verdict(received(&sample), Paint::Plain, true, TIME_OF);
        assert!(lines.contains("  attached to lighttpd[612], not verified: it was gone  KILLED"), "{lines}");
        let evidence = "    evidence   ptrace: count 1, value 16, target lighttpd[612], endpoint port 22 protocol 6; \
                        flags 0x01; window 0 ms\n";
        assert!(lines.contains(evidence), "{lines}");
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let plain = verdict(received(&killed()), Paint::Plain, true, TIME_OF);
        let painted = verdict(received(&killed()), Paint::Ansi, true, TIME_OF);
        assert_ne!(plain, painted);
        let mut stripped = String::new();
        for part in painted.split('\x1b') {
            stripped.push_str(
                part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, rest)| rest),
            );
        }
        assert_eq!(stripped, plain);
    }
}
