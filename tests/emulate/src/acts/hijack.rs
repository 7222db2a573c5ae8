//! `resource_hijack`: processor time burnt for long; beside it, a short burst of work.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::Act;
use super::child::Child;
use super::tally::Tally;
use crate::content::Stream;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::process;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "resource_hijack.burn",
        "[--seconds 30] [--threads 1]",
        "threads that compute",
        |options, tally| threads(options, tally, 30),
    ),
    Act::attack(
        "resource_hijack.nice",
        "[--seconds 30] [--threads 1]",
        "the same, at the lowest priority",
        |options, tally| {
            tally.deed("becoming nice", process::be_nice())?;
            threads(options, tally, 30)
        },
    ),
    Act::attack(
        "resource_hijack.children",
        "[--seconds 30] [--threads 2]",
        "children that compute",
        children,
    ),
    Act::attack(
        "resource_hijack.pauses",
        "[--seconds 30] [--busy-ms 80] [--idle-ms 20]",
        "computes with pauses",
        pauses,
    ),
    Act::benign(
        "resource_hijack.benign_burst",
        "[--seconds 1] [--threads 1]",
        "computes for a second",
        |options, tally| threads(options, tally, 1),
    ),
];

/// Computes nothing of use until a moment; returns how many rounds it made.
fn compute(until: Instant) -> u64 {
    let mut stream = Stream::new(1);
    let mut rounds = 0;
    while Instant::now() < until {
        for _ in 0..10_000 {
            black_box(stream.next());
        }
        rounds += 1;
    }
    rounds
}

/// When `--seconds` are over.
fn deadline(options: &Options, seconds: u64) -> Result<Instant, Failure> {
    Ok(Instant::now() + Duration::from_secs(options.value_or("seconds", seconds)?))
}

/// Computes in threads.
fn threads(options: &Options, tally: &mut Tally, seconds: u64) -> Result<(), Failure> {
    let until = deadline(options, seconds)?;
    let count = options.value_or("threads", 1_usize)?.clamp(1, 64);
    let rounds = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(move || compute(until))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(0)).sum()
    });
    tally.add("rounds", rounds);
    Ok(())
}

/// Computes in children.
fn children(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let until = deadline(options, 30)?;
    let count = options.value_or("threads", 2_usize)?.clamp(1, 64);
    let start = |_| Child::start(|| Ok(i32::from(compute(until) == 0)));
    let workers: Result<Vec<_>, _> = (0..count).map(start).collect();
    for worker in workers.map_err(Failure::kernel("making a child"))? {
        tally.actor(worker.pid);
        tally.end("computing", worker.wait().map_err(Failure::kernel("waiting for a child"))?)?;
    }
    Ok(())
}

/// Computes with pauses, as a miner does that does not want to be the first in a list of processes.
fn pauses(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let until = deadline(options, 30)?;
    let busy = Duration::from_millis(options.value_or("busy-ms", 80)?);
    let idle = Duration::from_millis(options.value_or("idle-ms", 20)?);
    while Instant::now() < until {
        tally.add("rounds", compute(until.min(Instant::now() + busy)));
        std::thread::sleep(idle);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_computes_until_the_moment_and_no_longer() {
        let start = Instant::now();
        assert!(compute(start + Duration::from_millis(20)) > 0);
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(compute(start), 0);
    }
}
