//! Pipeline tests: from an event in this machine's kernel to a decoded verdict at a subscriber, in time and in number.

mod burst;
mod latency;
mod reload;
mod service;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use edge_tests::host_agent::HostAgent;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::host_program;
use edge_tests::said;
use edge_tests::subscriber::Subscriber;
use edge_tests::trials;

/// How long one message may take before it counts as missing.
const SOON: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    trials::run(&[
        ("latency_median", latency::latency_median),
        ("burst_of_one_finding", burst::burst_of_one_finding),
        ("burst_of_different_findings", burst::burst_of_different_findings),
        ("rates_are_kept", burst::rates_are_kept),
        ("policy_follows_the_file", reload::policy_follows_the_file),
        ("term_ends_cleanly", reload::term_ends_cleanly),
        ("manager_is_told", service::manager_is_told),
    ])
}

/// A broker, a subscriber and an agent that is online.
fn pipeline(device: &str) -> Result<(Mosquitto, Subscriber, HostAgent), Box<dyn Error>> {
    pipeline_with(device, "")
}

/// The same with more in the agent's configuration.
fn pipeline_with(device: &str, more: &str) -> Result<(Mosquitto, Subscriber, HostAgent), Box<dyn Error>> {
    let broker = Mosquitto::start("")?;
    let mut watch = Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v"])?;
    let agent = HostAgent::start(device, broker.port(), more)?;
    watch
        .wait(0, SOON, "status online", said::is_online)
        .map_err(|error| format!("{error}\n{}", agent.log()))?;
    Ok((broker, watch, agent))
}
