//! The targets: what the agent may cost.

use super::results::{CaseResult, Cost, GuestResult};
use std::fmt;

/// Most instructions that a syscall nobody watches may cost more, where a program runs at every syscall.
const UNRELATED: u64 = 200;
/// Most instructions that a rename may cost more.
const RENAME: u64 = 700;
/// Most that starting a program may cost more, in percent.
const START_PERCENT: u64 = 3;
/// How many times less than auditd a rename must cost.
const AUDITD_FACTOR: u64 = 100;

/// Whether one target is met by one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Guest and case.
    pub(super) place: String,
    /// The target, with its limit.
    pub(super) target: String,
    /// What was measured.
    pub(super) measured: String,
    /// Whether it is met.
    pub(super) met: bool,
}

impl fmt::Display for Judgement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met { "met" } else { "NOT MET" };
        write!(out, "target {}: {}: {}: {met}", self.place, self.target, self.measured)
    }
}

/// Holds every judged case of a guest against the targets.
pub(super) fn judge(guest: &GuestResult) -> Vec<Judgement> {
    let Some(nothing) = guest.case("nothing") else { return Vec::new() };
    let mut all = Vec::new();
    for case in guest.cases.iter().filter(|case| case.judged) {
        let place = format!("{} {}, {}", guest.kernel, guest.arch, case.name);
        let mut add = |target: String, (measured, met): (String, bool)| {
            all.push(Judgement { place: place.clone(), target, measured, met });
        };
        if case.every_syscall {
            add(
                format!("unrelated syscall at most +{UNRELATED}"),
                at_most(more(nothing, case, "getpid"), UNRELATED),
            );
        } else {
            let noise = noise(nothing, case, "getpid");
            add(
                format!("unrelated syscall +0 (rounds lie {noise} apart)"),
                at_most(more(nothing, case, "getpid"), noise),
            );
        }
        add(format!("rename at most +{RENAME}"), at_most(more(nothing, case, "rename"), RENAME));
        let base = nothing.cost("fork_exec").map_or(0, Cost::median);
        let limit = base * START_PERCENT / 100;
        add(
            format!("fork+exec at most +{START_PERCENT} % (+{limit})"),
            at_most(more(nothing, case, "fork_exec"), limit),
        );
        if let Some(auditd) = guest.case("auditd") {
            let theirs = more(nothing, auditd, "rename").max(0).unsigned_abs();
            let ours = more(nothing, case, "rename").max(1).unsigned_abs();
            add(
                format!("rename at least {AUDITD_FACTOR} times cheaper than auditd's +{theirs}"),
                (format!("{} times", theirs / ours), theirs / ours >= AUDITD_FACTOR),
            );
        }
    }
    all
}

/// How many instructions more an operation costs in `case` than in `base`.
pub(super) fn more(base: &CaseResult, case: &CaseResult, operation: &str) -> i64 {
    let median =
        |case: &CaseResult| case.cost(operation).map_or(0, |cost| cost.median().min(1 << 60)).cast_signed();
    median(case) - median(base)
}

/// The larger of the distances between rounds in two cases: a difference below it says nothing.
fn noise(base: &CaseResult, case: &CaseResult, operation: &str) -> u64 {
    let spread = |case: &CaseResult| case.cost(operation).map_or(0, Cost::spread);
    spread(base).max(spread(case))
}

/// A difference held against the most it may be.
fn at_most(more: i64, limit: u64) -> (String, bool) {
    (format!("{more:+}"), more <= limit.min(1 << 60).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{case, guest};
    use super::*;

    /// Which targets are met when the agent makes getpid and rename dearer by this much, and auditd a rename by 70,000.
    fn met(getpid: u64, rename: u64, every_syscall: bool) -> Vec<bool> {
        let agent = CaseResult { every_syscall, ..case("agent", 10_000 + getpid, 10_000 + rename) };
        let cases = vec![case("nothing", 10_000, 10_000), agent, case("auditd", 10_000, 80_000)];
        judge(&guest("arm64", cases)).into_iter().map(|judgement| judgement.met).collect()
    }

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(met(200, 700, true), [true, true, true, true]);
        assert_eq!(met(201, 701, true), [false, false, true, false]);
        assert_eq!(met(301, 1, true), [false, true, false, true]);
    }

    #[test]
    fn nothing_more_means_within_the_noise() {
        assert_eq!(met(2, 0, false), [true, true, true, true]);
        assert!(!met(3, 0, false)[0]);
    }

    #[test]
    fn only_judged_cases_are_held_to_targets() {
        let cases = vec![case("nothing", 9, 9), case("only file_tamper", 9, 9), case("auditd", 9, 9)];
        assert!(judge(&guest("arm64", cases)).is_empty());
    }
}
