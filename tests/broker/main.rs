//! Broker tests: agent and subscriber against a real Mosquitto that comes and goes.

mod delivery;

use std::process::ExitCode;

use edge_tests::trials;

fn main() -> ExitCode {
    trials::run(&[
        ("verdict_arrives", delivery::verdict_arrives),
        ("status_follows_the_agent", delivery::status_follows_the_agent),
        ("broker_that_comes_late", delivery::broker_that_comes_late),
        ("broker_that_restarts", delivery::broker_that_restarts),
    ])
}
