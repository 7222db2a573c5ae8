//! Guest tests: attacks, benign twins and floods on every kernel of the matrix.
//!
//! One guest is booted per architecture and kernel and runs the cases of every detector in turn; each case is a test
//! of its own, named `arch/kernel/detector/case`. What was measured is printed as a table at the end.

mod guest;
mod scene;
mod schedule;

use std::process::ExitCode;

use edge_tests::programs::host_program;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Tests only wait for the guests, which are what runs in parallel.
    arguments.test_threads = Some(256);
    // Without the programs (a plain `cargo test`) the tests are listed as ignored, not passed over in silence.
    let able = host_program("edge-watch").is_ok();
    let mut plan = schedule::Plan::new(&arguments, CASES, able);
    let conclusion = libtest_mimic::run(&arguments, plan.start());
    plan.finish();
    conclusion.exit_code()
}

/// Every case, in the order in which a guest runs them.
const CASES: &[schedule::Case] = &[
    schedule::Case { detector: "guest", name: "boots", run: guest::boots },
    schedule::Case { detector: "guest", name: "reaches_broker", run: guest::reaches_broker },
];
