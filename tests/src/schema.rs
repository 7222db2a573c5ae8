//! What SCHEMA.md says of an act's `value` and `target`, compared with what the kernel side puts there.

use std::collections::BTreeMap;

use edge_abi::reason;
use edge_ebpf::detectors::{
    Sighting, bus_flood, device_tamper, kernel_code, namespace_escape, net_tamper, process_injection,
    raw_socket, uring_use,
};

/// The document.
const SCHEMA: &str = include_str!("../../edge-wire/SCHEMA.md");

/// One row of "What the fields of an act mean".
struct Row {
    /// What it may tell.
    reasons: Vec<&'static str>,
    /// What `value` is.
    value: &'static str,
    /// What `target` is.
    target: &'static str,
}

/// The cells of a table's line.
fn cells(line: &'static str) -> Vec<&'static str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The names in backquotes, in order.
fn names(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows, by detector.
fn rows() -> BTreeMap<&'static str, Row> {
    let (_, rest) = SCHEMA.split_once("### What the fields of an act mean").unwrap();
    let table =
        rest.lines().take_while(|line| !line.starts_with("### ")).filter(|line| line.starts_with("| `"));
    let row = |line| {
        let [detector, reasons, _, value, _, target, ..] = cells(line)[..] else { panic!("{line}") };
        (names(detector)[0], Row { reasons: names(reasons), value, target })
    };
    table.map(row).collect()
}

/// The name of a reason's number.
fn reason_name(number: u8) -> &'static str {
    let (_, rest) = SCHEMA.split_once("| reason | name | meaning |").unwrap();
    let mut lines = rest.lines().skip(2).map(cells);
    names(lines.find(|cells| cells[0] == number.to_string()).unwrap()[1])[0]
}

/// Whether a cell says something for a reason: a part that begins with names in backquotes and a colon is about these, any other is
/// about all; a dash is nothing.
fn speaks(cell: &'static str, reason: &str) -> bool {
    cell.split(';').map(str::trim).filter(|part| *part != "-").any(|part| match part.split_once(':') {
        Some((head, _)) if head.starts_with('`') => names(head).contains(&reason),
        _ => true,
    })
}

/// What the detectors say of acts whose arguments are all different from 0.
fn sightings() -> Vec<(&'static str, Sighting)> {
    let all = [
        ("bus_flood", Some(bus_flood::write(7))),
        ("device_tamper", device_tamper::ioctl(0x4008_4d02, 1)),
        ("kernel_code", Some(kernel_code::module(7))),
        ("kernel_code", Some(kernel_code::kexec())),
        ("kernel_code", kernel_code::bpf(5, 9)),
        ("namespace_escape", namespace_escape::unshare(0x2_0000, true)),
        ("namespace_escape", Some(namespace_escape::set_ns(0x2_0000))),
        ("namespace_escape", namespace_escape::mount(1 << 12)),
        ("namespace_escape", Some(namespace_escape::pivot_root())),
        ("net_tamper", Some(net_tamper::table(4, 30, [0; 2]))),
        ("net_tamper", Some(net_tamper::table(29, 30, [0; 2]))),
        ("net_tamper", net_tamper::route(0, 0)),
        ("process_injection", process_injection::ptrace(16, 9)),
        ("process_injection", process_injection::remote_write(7, 9)),
        ("raw_socket", raw_socket::socket(2, 3, 1, false)),
        ("raw_socket", raw_socket::socket(17, 3, 0x0300, false)),
        ("raw_socket", raw_socket::option(7, 1, 26)),
        ("uring_use", Some(uring_use::setup(64))),
    ];
    all.into_iter()
        .map(|(detector, seen)| (detector, seen.unwrap_or_else(|| panic!("{detector} sees nothing"))))
        .collect()
}

#[test]
fn value_and_target_are_filled_where_the_schema_says_so_and_nowhere_else() {
    let rows = rows();
    for (detector, seen) in sightings() {
        let (row, reason) = (&rows[detector], reason_name(seen.reason));
        assert!(row.reasons.contains(&reason), "{detector} tells {reason}, which its row lacks");
        let said = speaks(row.value, reason);
        assert_eq!(
            said,
            seen.value != 0,
            "{detector}, {reason}: value is said to be `{}`: {seen:?}",
            row.value
        );
        // What the kernel side leaves open, the agent may find out.
        assert!(
            seen.target == 0 || speaks(row.target, reason),
            "{detector}, {reason}: target is said to be `{}`: {seen:?}",
            row.target
        );
    }
}

#[test]
fn parts_of_a_cell_are_about_the_reasons_they_name() {
    assert!(!speaks("-", "mount"));
    assert!(speaks("`unshare`, `setns`: the flags; `mount`: others", "mount"));
    assert!(!speaks("`unshare`, `setns`: the flags", "mount"));
    assert!(speaks("an `ioctl`: its command; else 0", "flash"));
    assert_eq!(reason_name(reason::REMOTE_WRITE), "remote_write");
}
