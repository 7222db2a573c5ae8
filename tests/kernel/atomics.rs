//! Tests of Atomic Red Team in our own words: what ought to be told is told, what only leaves a trace is in the history, and ordinary work
//! is quiet. What is wanted and not met is asserted as well: the table and its document cannot say otherwise than is true.

use std::error::Error;

use crate::scene::{Policy, SOON, Scene};
use edge_tests::atomics::{Atomic, CLEAN, Came, PREPARE, Wanted, atomics};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// Rows that become a verdict, each by its detector and with its reason.
pub(crate) fn told(scene: &mut Scene) -> Outcome {
    prepared(scene)?;
    let mut problems = Vec::new();
    let mut count = 0;
    for row in atomics() {
        let Came::Verdict(detector, reason) = row.came else { continue };
        if row.above && !scene.knows_files(detector)? {
            continue;
        }
        count += 1;
        let mark = scene.watch.mark();
        scene.guest.run(row.command, SOON)?;
        let wanted = |line: &Line| {
            said::is_verdict_of(line, detector) && said::evidence_text(line, "reason") == Some(reason)
        };
        if let Err(error) = scene.verdict_that(mark, &format!("{detector} {reason}"), wanted) {
            problems.push(format!("{}: {error}", name(&row)));
        }
    }
    cleaned(scene)?;
    if problems.is_empty() { Ok(Some(format!("{count} rows told"))) } else { Err(problems.join("; ").into()) }
}

/// Rows that are to leave a trace and no verdict.
pub(crate) fn noted(scene: &mut Scene) -> Outcome {
    without_verdict(scene, Wanted::Telemetry)
}

/// Rows that are ordinary work.
pub(crate) fn quiet(scene: &mut Scene) -> Outcome {
    without_verdict(scene, Wanted::Silence)
}

/// Rows that ought to be told and are not, on this rung: a row that is told after all has to move.
pub(crate) fn missed(scene: &mut Scene) -> Outcome {
    without_verdict(scene, Wanted::Verdict)
}

/// Runs the rows of one kind that lead to no verdict, and looks them up in the history.
fn without_verdict(scene: &mut Scene, wanted: Wanted) -> Outcome {
    prepared(scene)?;
    let mut rows = Vec::new();
    for row in atomics().into_iter().filter(|row| row.wanted == wanted) {
        let text = match row.came {
            Came::History(text) => text,
            Came::Nothing => "",
            Came::Verdict(detector, _) if row.above && !scene.knows_files(detector)? => "",
            Came::Verdict(..) => continue,
        };
        rows.push((row, text));
    }
    let mark = scene.watch.mark();
    for (row, _) in &rows {
        scene.guest.run(row.command, SOON)?;
    }
    scene.unseen(mark, |_| false)?;
    let told = |line: &&Line| said::is_verdict(line) && !said::path(line).is_some_and(Scene::is_sentinel);
    let told: Vec<_> = scene.watch.since(mark).iter().filter(told).map(said::headline).collect();
    if !told.is_empty() {
        return Err(format!("told after all: {}", told.join("; ")).into());
    }
    let history = history(scene)?;
    let lacking: Vec<_> =
        rows.iter().filter(|(_, text)| !history.contains(text)).map(|(row, _)| name(row)).collect();
    cleaned(scene)?;
    if lacking.is_empty() {
        return Ok(Some(format!("{} rows without a verdict", rows.len())));
    }
    Err(format!("not in the history: {}\n{history}", lacking.join(", ")).into())
}

/// Makes sure that an agent observes, and that what the commands need is there and has been told of.
fn prepared(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.guest.run(PREPARE, SOON)?;
    // What preparing is told of must not be taken for what a row is.
    scene.unseen(mark, |_| false)
}

/// Puts back what later cases need.
fn cleaned(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.guest.run(CLEAN, SOON)?;
    scene.unseen(mark, |_| false)
}

/// What the agent remembers, as its log tells it now.
fn history(scene: &mut Scene) -> Result<String, Box<dyn Error>> {
    let dump = "n=$(grep -c 'history: events=' /run/agent.log); kill -USR1 $(cat /run/agent.pid); \
                until [ $(grep -c 'history: events=' /run/agent.log) -gt $n ]; do usleep 50000; done; \
                tail -n 340 /run/agent.log | grep 'history: at'";
    scene.run(dump, SOON)
}

/// How a row is called.
fn name(row: &Atomic<'_>) -> String {
    format!("{} {} ({})", row.technique, row.number, row.what)
}
