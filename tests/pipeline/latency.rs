//! How long a finding takes from the kernel to the subscriber.

use std::time::{Duration, Instant};

use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

use crate::{SOON, pipeline};

/// The promise: median from kernel event to decoded verdict.
const MEDIAN_LIMIT: Duration = Duration::from_millis(10);

/// A hundred programs started one after the other; each is timed from before the shell starts it to the decoded line,
/// so the figure contains the start of the program itself.
pub(crate) fn latency_median() -> Outcome {
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
