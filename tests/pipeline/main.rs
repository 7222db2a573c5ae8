//! Pipeline tests: from an event in this machine's kernel to a decoded verdict at a subscriber, in time and in number.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use edge_tests::books::balance;
use edge_tests::host_agent::HostAgent;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::host_program;
use edge_tests::said;
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::trials::{self, Outcome};

/// How long one verdict may take before it counts as missing.
const SOON: Duration = Duration::from_secs(20);
/// The promise: median from kernel event to decoded verdict.
const MEDIAN_LIMIT: Duration = Duration::from_millis(10);
/// Events of the burst.
const BURST: u64 = 10_000;
/// How much resident memory may grow in the burst, in KiB: pages touched for the first time, not buffers that grow.
const GROWTH_KIB: u64 = 64;

fn main() -> ExitCode {
    trials::run(&[("latency_median", latency_median), ("burst_books", burst_books)])
}

/// A broker, a subscriber and an agent that is online.
fn pipeline(device: &str) -> Result<(Mosquitto, Subscriber, HostAgent), Box<dyn Error>> {
    let broker = Mosquitto::start("")?;
    let mut watch = Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v"])?;
    let agent = HostAgent::start(device, broker.port(), "")?;
    watch
        .wait(0, SOON, "status online", said::is_online)
        .map_err(|error| format!("{error}\n{}", agent.log()))?;
    Ok((broker, watch, agent))
}

/// A hundred programs started one after the other; each is timed from before the shell starts it to the decoded line,
/// so the figure contains the start of the program itself.
fn latency_median() -> Outcome {
    let (_broker, mut watch, agent) = pipeline("pipeline-latency")?;
    let mut times = Vec::new();
    for number in 0..100 {
        let path = agent.folder().join(format!("dropper-{number}")).display().to_string();
        agent.provoke(&format!("printf '#!/bin/sh\\n' >{path} && chmod +x {path}"))?;
        let mark = watch.mark();
        let start = Instant::now();
        agent.provoke(&format!("exec {path}"))?;
        let wanted = |line: &Line| said::path(line) == Some(&path);
        let line = watch.wait(mark, SOON, "verdict", wanted)?;
        times.push(line.arrived.saturating_duration_since(start));
    }
    times.sort();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let measured = format!(
        "median {:.1} ms, 90 % {:.1} ms, 99 % {:.1} ms",
        at(50).as_secs_f64() * 1e3,
        at(90).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3
    );
    if at(50) > MEDIAN_LIMIT {
        return Err(format!("{measured} exceeds {} ms", MEDIAN_LIMIT.as_millis()).into());
    }
    Ok(Some(measured))
}

/// Ten thousand findings as fast as the machine starts programs: all are accounted for and memory does not grow.
fn burst_books() -> Outcome {
    let (_broker, mut watch, agent) = pipeline("pipeline-burst")?;
    let before = settled(&mut watch)?;
    let emulate = host_program("edge-emulate")?;
    let dir = agent.folder().join("flood");
    let start = Instant::now();
    agent.provoke(&format!(
        "'{}' flood --kind exec --count {BURST} --dir '{}'",
        emulate.display(),
        dir.display()
    ))?;
    let took = start.elapsed();
    let after = settled(&mut watch)?;
    balance(&after)?;
    let found = said::kernel_book(&after, "findings")? - said::kernel_book(&before, "findings")?;
    if found < BURST {
        return Err(format!("{found} findings for {BURST} events").into());
    }
    if let Some(gap) = watch.since(0).iter().find(|line| said::is_loss(line)) {
        return Err(format!("subscriber misses verdicts: {}", gap.json).into());
    }
    let (old_kib, new_kib) = (said::number(&before, "/rss_kib")?, said::number(&after, "/rss_kib")?);
    if new_kib > old_kib + GROWTH_KIB {
        return Err(format!("resident memory grew from {old_kib} to {new_kib} KiB").into());
    }
    Ok(Some(format!(
        "{found} findings in {:.1} s; ring full {}, folded {}, shed {}, acknowledged {}; RSS {old_kib} then {new_kib} KiB",
        took.as_secs_f64(),
        said::kernel_book(&after, "ring_full")?,
        said::agent_book(&after, "folded")?,
        said::agent_book(&after, "shed")?,
        said::agent_book(&after, "acknowledged")?
    )))
}

/// The next heartbeat that tells that everything has been delivered.
fn settled(watch: &mut Subscriber) -> Result<Line, Box<dyn Error>> {
    let mark = watch.mark();
    Ok(watch.wait(mark, Duration::from_secs(60), "settled heartbeat", said::is_settled)?)
}
