//! Guest tests: attacks, benign twins and floods on every kernel of the matrix.
//!
//! One guest is booted per architecture and kernel and runs the cases of every detector in turn; each case is a test
//! of its own, named `arch/kernel/detector/case`. What was measured is printed as a table at the end.

mod atomics;
mod bus_flood;
mod cases;
mod confine;
mod credential_access;
mod deed;
mod device_tamper;
mod emulation;
mod evasion;
mod fetch_loop;
mod file_tamper;
mod fileless_exec;
mod flood;
mod flood_out;
mod foreign_exec;
mod guest;
mod identity;
mod impair_defenses;
mod kernel_code;
mod lateral_scan;
mod login_guessing;
mod manifest;
mod masquerade;
mod mass_kill;
mod namespace_escape;
mod net_tamper;
mod new_egress;
mod offsets;
mod persistence;
mod policy;
mod privilege_jump;
mod process_injection;
mod raw_socket;
mod resource_hijack;
mod restart;
mod rungs;
mod scene;
mod schedule;
mod sensors;
mod set_uid;
mod shell_on_socket;
mod sweep;
mod sysctl_tamper;
mod uring_use;
mod volatile_exec;

use std::process::ExitCode;

use edge_tests::programs::host_program;
use libtest_mimic::Arguments;

use cases::CASES;

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
