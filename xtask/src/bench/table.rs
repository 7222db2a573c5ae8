//! Results as tables, for a terminal and for a document.

use super::judge::{judge, more};
use super::results::{CaseResult, Cost, GuestResult, OPERATIONS, Program};
use std::fmt::Write as _;

/// The tables for a terminal.
pub(super) fn terminal(guest: &GuestResult) -> String {
    let mut text = format!("Linux {} ({}) on {}\n", guest.kernel, guest.version, guest.arch);
    let _ = writeln!(text, "{:<40} {:<10} {:>9} {:>9} {:>7}", "case", "operation", "cost", "more", "spread");
    for case in &guest.cases {
        for (operation, _) in OPERATIONS {
            let cost = cost(case, operation);
            let _ = writeln!(
                text,
                "{:<40} {operation:<10} {:>9} {:>9} {:>7}",
                case.name,
                cost.median(),
                difference(guest, case, operation),
                cost.spread()
            );
        }
    }
    for case in guest.cases.iter().filter(|case| case.rss_kib.is_some()) {
        let _ = writeln!(text, "{}: {}", case.name, facts(case));
    }
    for case in &guest.cases {
        for program in &case.programs {
            let (runs, cost) = shares(program);
            let _ = writeln!(
                text,
                "{}: {:<10} {:<16} {runs:>6} runs an operation, instructions a run: {cost}",
                case.name, program.operation, program.name
            );
        }
    }
    text
}

/// How often a program ran per operation, with one decimal, and for how many instructions each time.
fn shares(program: &Program) -> (String, String) {
    let tenths = (program.runs * 10 + program.repeats / 2) / program.repeats.max(1);
    let cost = number(program.instructions / program.runs.max(1));
    let note = if program.compiled { "" } else { " (interpreted)" };
    (format!("{}.{}", tenths / 10, tenths % 10), cost + note)
}

/// The tables and judgements for a document.
pub(super) fn markdown(guest: &GuestResult) -> String {
    let mut text = format!("### Linux {} on {}\n\n", guest.kernel, guest.arch);
    let _ = writeln!(
        text,
        "Debian kernel {}, auditd {}, agent of {} bytes; boots per case: {} (single detectors, counted programs: 1).\n",
        guest.version,
        guest.auditd,
        number(guest.agent_bytes),
        guest.boots
    );
    text.push_str("| case |");
    for (operation, _) in OPERATIONS {
        let _ = write!(text, " {operation} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|".repeat(OPERATIONS.len()));
    text.push('\n');
    for case in &guest.cases {
        let _ = write!(text, "| {} |", case.name);
        for (operation, _) in OPERATIONS {
            let cost = cost(case, operation);
            let shown = match &*difference(guest, case, operation) {
                "" => number(cost.median()),
                more => more.to_owned(),
            };
            let _ = write!(text, " {shown} ±{} |", number(cost.spread().div_ceil(2)));
        }
        text.push('\n');
    }
    text.push_str("\n| case | resident | peak | more |\n|---|--:|--:|---|\n");
    for case in &guest.cases {
        let kib = |value: Option<u64>| value.map(|kib| format!("{} KiB", number(kib)));
        if let (Some(rss), Some(peak)) = (kib(case.rss_kib), kib(case.peak_kib)) {
            let _ = writeln!(text, "| {} | {rss} | {peak} | {} |", case.name, notes(case));
        }
    }
    if guest.cases.iter().any(|case| !case.programs.is_empty()) {
        text.push_str(
            "\n| BPF program | during | runs per operation | instructions per run |\n|---|---|--:|--:|\n",
        );
    }
    for program in guest.cases.iter().flat_map(|case| &case.programs) {
        let (runs, cost) = shares(program);
        let _ = writeln!(text, "| `{}` | {} | {runs} | {cost} |", program.name, program.operation);
    }
    text.push_str("\n| target | case | measured | |\n|---|---|--:|---|\n");
    for judgement in judge(guest) {
        let met = if judgement.met { "met" } else { "**not met**" };
        let case = judgement.place.rsplit_once(", ").map_or(&*judgement.place, |(_, case)| case);
        let _ = writeln!(text, "| {} | {case} | {} | {met} |", judgement.target, judgement.measured);
    }
    text
}

/// The cost of an operation, empty when it was not measured.
fn cost(case: &CaseResult, operation: &str) -> Cost {
    case.cost(operation).cloned().unwrap_or_default()
}

/// How much more than with nothing running; empty for that case itself.
fn difference(guest: &GuestResult, case: &CaseResult, operation: &str) -> String {
    match guest.case("nothing") {
        Some(nothing) if nothing.name != case.name => {
            let more = more(nothing, case, operation);
            format!("{}{}", if more < 0 { '-' } else { '+' }, number(more.unsigned_abs()))
        }
        _ => String::new(),
    }
}

/// Memory, rungs and losses, in one line.
fn facts(case: &CaseResult) -> String {
    let (rss, peak) = (case.rss_kib.unwrap_or(0), case.peak_kib.unwrap_or(0));
    format!("resident {rss} KiB, peak {peak} KiB; {}", notes(case))
}

/// Rungs of the agent's detectors, or records that auditd lost.
fn notes(case: &CaseResult) -> String {
    if let Some(lost) = case.lost {
        return format!("{} records lost", number(lost));
    }
    let mut rungs: Vec<(&str, usize)> = Vec::new();
    for detector in &case.detectors {
        match rungs.iter_mut().find(|(rung, _)| *rung == detector.rung) {
            Some((_, count)) => *count += 1,
            None => rungs.push((&detector.rung, 1)),
        }
    }
    let rungs: Vec<_> = rungs.iter().map(|(rung, count)| format!("{count} {rung}")).collect();
    format!("detectors by rung: {}", rungs.join(", "))
}

/// A number with its thousands apart.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::results::Detector;
    use super::super::results::tests::{case, guest};
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn costs_are_shown_as_what_comes_on_top() {
        let mut agent = case("agent", 10_195, 10_413);
        agent.rss_kib = Some(1080);
        agent.peak_kib = Some(1100);
        let rung = |name: &str| Detector { name: name.to_owned(), rung: "tracepoint".to_owned() };
        agent.detectors = vec![rung("a"), rung("b")];
        let guest =
            guest("arm64", vec![case("nothing", 10_000, 10_000), agent, case("auditd", 9_999, 80_000)]);
        let text = markdown(&guest);
        assert!(text.contains("| agent | +195 ±1 |") && text.contains("| nothing | 10,000 ±1 |"), "{text}");
        assert!(text.contains("| auditd | -1 ±1 |") && text.contains("+70,000"), "{text}");
        assert!(
            text.contains("| agent | 1,080 KiB | 1,100 KiB | detectors by rung: 2 tracepoint |"),
            "{text}"
        );
        assert!(text.contains("| rename at most +700 | agent | +413 | met |"), "{text}");
        assert!(terminal(&guest).contains("resident 1080 KiB"));
    }
}
