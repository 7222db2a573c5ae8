//! `test`: runs groups of tests, passes their output on, and ends with one line that sums them.

mod group;
mod matrix;
pub(crate) mod tally;

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use group::{GROUPS, Group, Session};
use lexopt::{Arg, ValueExt as _};
use matrix::Choice;
use std::fmt;
use std::time::Instant;
use tally::Tally;

/// Some tests failed. All has been said about them when this is returned.
#[derive(Debug)]
pub(crate) struct Failed(u64);

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} tests failed", self.0)
    }
}

impl std::error::Error for Failed {}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let (mut groups, mut choice) = (Vec::new(), Choice::default());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(name) => groups.push(named(&name.string()?)?),
            Arg::Long("arch") => choice.arch = Some(args.value()?.parse()?),
            Arg::Long("kernel") => choice.kernel = Some(args.value()?.parse()?),
            Arg::Long("detector") => choice.detector = Some(args.value()?.string()?),
            Arg::Long("rung") => choice.rung = Some(matrix::rung(&args.value()?.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    if groups.is_empty() {
        groups.extend(GROUPS);
    }
    ensure!(
        choice.is_everything() || groups.iter().all(|group| group.name == "guest"),
        "--arch, --kernel, --detector and --rung choose guest tests; name the group `guest` alone"
    );
    let mut session = Session { workspace, choice: &choice, bin_dirs: Vec::new(), tally: Tally::default() };
    let mut total = Tally::default();
    let mut report = Vec::new();
    for group in groups {
        println!("== {}: {}", group.name, group.summary);
        let start = Instant::now();
        let outcome = session.run(group);
        let (tally, note) = judge(session.tally, outcome);
        total.add(tally);
        let seconds = start.elapsed().as_secs();
        report.push(format!(
            "{:<9} {:>5} passed {:>3} failed {seconds:>5} s{note}",
            group.name, tally.passed, tally.failed
        ));
    }
    println!("{}", report.join("\n"));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        bail!(Failed(total.failed));
    }
    Ok(())
}

/// The groups as the help shows them.
pub(crate) fn describe_groups() -> String {
    GROUPS.iter().map(|group| format!("  {:<9} {}\n", group.name, group.summary)).collect::<Vec<_>>().concat()
}

/// What a group's end counts for, and what to say about it. One that broke off, or ran nothing, has one failure more.
fn judge(mut tally: Tally, outcome: Result<()>) -> (Tally, String) {
    let note = match outcome {
        Ok(()) if !tally.is_empty() => return (tally, String::new()),
        Ok(()) => " (ran nothing)".to_owned(),
        Err(error) => format!(" ({error:#})"),
    };
    tally.add(Tally { passed: 0, failed: 1 });
    (tally, note)
}

/// The group called `name`.
fn named(name: &str) -> Result<&'static Group> {
    let names = || GROUPS.iter().map(|group| group.name).collect::<Vec<_>>().join(", ");
    GROUPS
        .iter()
        .find(|group| group.name == name)
        .with_context(|| format!("group `{name}` is none of {}", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_ran_nothing_or_could_not_run_is_one_failure() {
        let failure = Tally { passed: 0, failed: 1 };
        assert_eq!(judge(Tally::default(), Ok(())), (failure, " (ran nothing)".to_owned()));
        assert_eq!(
            judge(Tally::default(), Err(anyhow::anyhow!("no qemu"))),
            (failure, " (no qemu)".to_owned())
        );
        let fine = Tally { passed: 3, failed: 0 };
        assert_eq!(judge(fine, Ok(())), (fine, String::new()));
        assert_eq!(judge(fine, Err(anyhow::anyhow!("x"))).0, Tally { passed: 3, failed: 1 });
    }

    #[test]
    fn an_unknown_group_is_refused_with_the_list() {
        assert!(
            named("guests")
                .err()
                .unwrap()
                .to_string()
                .contains("unit, wire, broker, pipeline, guest, budget")
        );
    }
}
