//! Guest tests: attacks, benign twins and floods on every kernel of the matrix.
//!
//! One guest is booted per architecture and kernel and runs the cases of every detector in turn; each case is a test
//! of its own, named `arch/kernel/detector/case`. What was measured is printed as a table at the end.

mod bus_flood;
mod credential_access;
mod deed;
mod device_tamper;
mod emulation;
mod fetch_loop;
mod file_tamper;
mod fileless_exec;
mod flood;
mod flood_out;
mod foreign_exec;
mod guest;
mod impair_defenses;
mod kernel_code;
mod lateral_scan;
mod login_guessing;
mod masquerade;
mod mass_kill;
mod namespace_escape;
mod net_tamper;
mod persistence;
mod privilege_jump;
mod process_injection;
mod raw_socket;
mod resource_hijack;
mod scene;
mod schedule;
mod set_uid;
mod shell_on_socket;
mod sysctl_tamper;
mod uring_use;
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
    Case { detector: "raw_socket", name: "attack_caught", run: raw_socket::attack_caught },
    Case { detector: "raw_socket", name: "filter_caught", run: raw_socket::filter_caught },
    Case { detector: "raw_socket", name: "benign_quiet", run: raw_socket::benign_quiet },
    Case { detector: "login_guessing", name: "attack_caught", run: login_guessing::attack_caught },
    Case { detector: "login_guessing", name: "benign_quiet", run: login_guessing::benign_quiet },
    Case { detector: "net_tamper", name: "attack_caught", run: net_tamper::attack_caught },
    Case { detector: "net_tamper", name: "ioctl_caught", run: net_tamper::ioctl_caught },
    Case { detector: "net_tamper", name: "benign_quiet", run: net_tamper::benign_quiet },
    Case { detector: "flood_out", name: "attack_caught", run: flood_out::attack_caught },
    Case { detector: "flood_out", name: "benign_quiet", run: flood_out::benign_quiet },
    Case { detector: "bus_flood", name: "attack_caught", run: bus_flood::attack_caught },
    Case { detector: "bus_flood", name: "benign_quiet", run: bus_flood::benign_quiet },
    Case { detector: "resource_hijack", name: "attack_caught", run: resource_hijack::attack_caught },
    Case { detector: "resource_hijack", name: "benign_quiet", run: resource_hijack::benign_quiet },
    Case { detector: "credential_access", name: "attack_caught", run: credential_access::attack_caught },
    Case { detector: "credential_access", name: "benign_quiet", run: credential_access::benign_quiet },
    Case { detector: "persistence", name: "attack_caught", run: persistence::attack_caught },
    Case { detector: "persistence", name: "benign_quiet", run: persistence::benign_quiet },
    Case { detector: "sysctl_tamper", name: "attack_caught", run: sysctl_tamper::attack_caught },
    Case { detector: "sysctl_tamper", name: "benign_quiet", run: sysctl_tamper::benign_quiet },
    Case { detector: "device_tamper", name: "attack_caught", run: device_tamper::attack_caught },
    Case { detector: "device_tamper", name: "benign_quiet", run: device_tamper::benign_quiet },
    Case { detector: "impair_defenses", name: "attack_caught", run: impair_defenses::attack_caught },
    Case { detector: "impair_defenses", name: "benign_quiet", run: impair_defenses::benign_quiet },
    Case { detector: "mass_kill", name: "attack_caught", run: mass_kill::attack_caught },
    Case { detector: "mass_kill", name: "benign_quiet", run: mass_kill::benign_quiet },
    Case { detector: "kernel_code", name: "attack_caught", run: kernel_code::attack_caught },
    Case { detector: "kernel_code", name: "benign_quiet", run: kernel_code::benign_quiet },
    Case { detector: "process_injection", name: "attack_caught", run: process_injection::attack_caught },
    Case { detector: "process_injection", name: "benign_quiet", run: process_injection::benign_quiet },
    Case { detector: "namespace_escape", name: "attack_caught", run: namespace_escape::attack_caught },
    Case { detector: "namespace_escape", name: "benign_quiet", run: namespace_escape::benign_quiet },
    Case { detector: "uring_use", name: "attack_caught", run: uring_use::attack_caught },
    Case { detector: "uring_use", name: "benign_quiet", run: uring_use::benign_quiet },
    Case { detector: "privilege_jump", name: "file_caught", run: set_uid::attack_caught },
    Case { detector: "privilege_jump", name: "file_quiet", run: set_uid::benign_quiet },
    Case { detector: "lateral_scan", name: "spread_caught", run: lateral_scan::spread_caught },
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
    Case { detector: "raw_socket", name: "deny", run: raw_socket::deny },
    Case { detector: "net_tamper", name: "kill", run: net_tamper::kill },
    Case { detector: "flood_out", name: "deny", run: flood_out::deny },
    Case { detector: "bus_flood", name: "kill", run: bus_flood::kill },
    Case { detector: "resource_hijack", name: "kill", run: resource_hijack::kill },
    Case { detector: "credential_access", name: "kill", run: credential_access::kill },
    Case { detector: "persistence", name: "kill", run: persistence::kill },
    Case { detector: "sysctl_tamper", name: "kill", run: sysctl_tamper::kill },
    Case { detector: "device_tamper", name: "kill", run: device_tamper::kill },
    Case { detector: "impair_defenses", name: "kill", run: impair_defenses::kill },
    Case { detector: "mass_kill", name: "kill", run: mass_kill::kill },
    Case { detector: "kernel_code", name: "kill", run: kernel_code::kill },
    Case { detector: "process_injection", name: "kill", run: process_injection::kill },
    Case { detector: "namespace_escape", name: "kill", run: namespace_escape::kill },
    Case { detector: "uring_use", name: "kill", run: uring_use::kill },
    Case { detector: "privilege_jump", name: "file_kill", run: set_uid::kill },
    Case { detector: "masquerade", name: "kill", run: masquerade::kill },
    Case { detector: "fetch_loop", name: "kill", run: fetch_loop::kill },
    Case { detector: "foreign_exec", name: "attack_killed", run: foreign_exec::attack_killed },
    Case { detector: "foreign_exec", name: "benign_quiet", run: foreign_exec::benign_quiet },
];
