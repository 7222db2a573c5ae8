//! Guest tests: attacks, benign twins and floods on every kernel of the matrix.
//!
//! One guest is booted per architecture and kernel and runs the cases of every detector in turn; each case is a test
//! of its own, named `arch/kernel/detector/case`. What was measured is printed as a table at the end.

mod emulation;
mod fetch_loop;
mod file_tamper;
mod fileless_exec;
mod flood;
mod foreign_exec;
mod guest;
mod lateral_scan;
mod masquerade;
mod privilege_jump;
mod scene;
mod schedule;
mod shell_on_socket;
mod volatile_exec;

use std::process::ExitCode;

use edge_tests::programs::host_program;
use libtest_mimic::Arguments;
use schedule::Case;

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

/// Every case, in the order in which a guest runs them: first those under observe, so that the agent starts twice.
const CASES: &[Case] = &[
    Case { detector: "guest", name: "boots", run: guest::boots },
    Case { detector: "guest", name: "reaches_broker", run: guest::reaches_broker },
    Case { detector: "guest", name: "what_is_missing_is_named", run: guest::what_is_missing_is_named },
    Case { detector: "file_tamper", name: "attack_caught", run: file_tamper::attack_caught },
    Case { detector: "file_tamper", name: "wiper_caught", run: file_tamper::wiper_caught },
    Case { detector: "file_tamper", name: "benign_quiet", run: file_tamper::benign_quiet },
    Case { detector: "file_tamper", name: "flood_books", run: flood::renames },
    Case { detector: "lateral_scan", name: "attack_caught", run: lateral_scan::attack_caught },
    Case { detector: "lateral_scan", name: "benign_quiet", run: lateral_scan::benign_quiet },
    Case { detector: "lateral_scan", name: "flood_books", run: flood::connections },
    Case { detector: "volatile_exec", name: "attack_caught", run: volatile_exec::attack_caught },
    Case { detector: "volatile_exec", name: "relative_caught", run: volatile_exec::relative_caught },
    Case { detector: "volatile_exec", name: "benign_quiet", run: volatile_exec::benign_quiet },
    Case { detector: "volatile_exec", name: "flood_books", run: flood::executions },
    Case { detector: "volatile_exec", name: "dropped_caught", run: volatile_exec::dropped_caught },
    Case { detector: "volatile_exec", name: "unlink_caught", run: volatile_exec::unlink_caught },
    Case { detector: "volatile_exec", name: "descriptor_caught", run: volatile_exec::descriptor_caught },
    Case { detector: "fileless_exec", name: "attack_caught", run: fileless_exec::attack_caught },
    Case { detector: "fileless_exec", name: "benign_quiet", run: fileless_exec::benign_quiet },
    Case { detector: "masquerade", name: "attack_caught", run: masquerade::attack_caught },
    Case { detector: "masquerade", name: "benign_quiet", run: masquerade::benign_quiet },
    Case { detector: "shell_on_socket", name: "attack_caught", run: shell_on_socket::attack_caught },
    Case { detector: "shell_on_socket", name: "relay_caught", run: shell_on_socket::relay_caught },
    Case { detector: "shell_on_socket", name: "benign_quiet", run: shell_on_socket::benign_quiet },
    Case { detector: "privilege_jump", name: "root_caught", run: privilege_jump::root_caught },
    Case { detector: "privilege_jump", name: "root_benign_quiet", run: privilege_jump::benign_quiet },
    Case { detector: "fetch_loop", name: "attack_caught", run: fetch_loop::attack_caught },
    Case { detector: "fetch_loop", name: "pipe_caught", run: fetch_loop::pipe_caught },
    Case { detector: "fetch_loop", name: "benign_quiet", run: fetch_loop::benign_quiet },
    Case { detector: "file_tamper", name: "kill_exact", run: file_tamper::kill_exact },
    Case { detector: "lateral_scan", name: "deny", run: lateral_scan::deny },
    Case { detector: "volatile_exec", name: "kill", run: volatile_exec::kill },
    Case { detector: "masquerade", name: "kill", run: masquerade::kill },
    Case { detector: "fetch_loop", name: "kill", run: fetch_loop::kill },
    Case { detector: "foreign_exec", name: "attack_killed", run: foreign_exec::attack_killed },
    Case { detector: "foreign_exec", name: "benign_quiet", run: foreign_exec::benign_quiet },
];
