//! The agent that images get, with everything in it: encrypted, confined, weighed; and what it keeps on flash outlives the power.

mod cuts;
mod tls;

use std::process::ExitCode;

use edge_tests::trials;
use edge_tests::vm::Arch;

fn main() -> ExitCode {
    trials::run(&[
        ("arm64/tls_connected", || tls::connected(Arch::Arm64)),
        ("armhf/tls_connected", || tls::connected(Arch::Armhf)),
        ("power_cuts_cost_nothing_that_was_synced", cuts::cost_nothing_that_was_synced),
    ])
}
