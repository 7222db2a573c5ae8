//! What is on flash outlives the power: guests with a disk are killed at moments nobody chose, and begin again on what is left.

mod cuts;

use std::process::ExitCode;

use edge_tests::trials;

fn main() -> ExitCode {
    trials::run(&[("power_cuts_cost_nothing_that_was_synced", cuts::cost_nothing_that_was_synced)])
}
