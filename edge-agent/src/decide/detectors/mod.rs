//! One file per detector, each with the same parts in the same order: what it is, evidence, `judge`, tests.

pub mod act;
pub mod bus_flood;
pub mod credential_access;
pub mod device_tamper;
pub mod fetch_loop;
pub mod file_tamper;
pub mod fileless_exec;
pub mod flood_out;
pub mod foreign_exec;
pub mod impair_defenses;
pub mod kernel_code;
pub mod lateral_scan;
pub mod login_guessing;
pub mod masquerade;
pub mod mass_kill;
pub mod namespace_escape;
pub mod net_tamper;
pub mod new_egress;
pub mod persistence;
pub mod privilege_jump;
pub mod process_injection;
pub mod raw_socket;
pub mod resource_hijack;
pub mod shell_on_socket;
pub mod spec;
#[cfg(test)]
pub(crate) mod staged;
pub mod sysctl_tamper;
pub mod uring_use;
pub mod volatile_exec;
pub mod watched;

pub use spec::{Resolved, Spec};

/// Every detector of acts, by number.
pub static SPECS: [&Spec; 23] = [
    &fileless_exec::SPEC,
    &foreign_exec::SPEC,
    &shell_on_socket::SPEC,
    &login_guessing::SPEC,
    &raw_socket::SPEC,
    &device_tamper::SPEC,
    &sysctl_tamper::SPEC,
    &persistence::SPEC,
    &credential_access::SPEC,
    &kernel_code::SPEC,
    &process_injection::SPEC,
    &privilege_jump::SPEC,
    &masquerade::SPEC,
    &impair_defenses::SPEC,
    &mass_kill::SPEC,
    &resource_hijack::SPEC,
    &uring_use::SPEC,
    &namespace_escape::SPEC,
    &fetch_loop::SPEC,
    &new_egress::SPEC,
    &flood_out::SPEC,
    &net_tamper::SPEC,
    &bus_flood::SPEC,
];

/// The detector of acts with this number.
#[must_use]
pub fn spec_of(detector: edge_abi::Detector) -> Option<&'static Spec> {
    SPECS.iter().copied().find(|spec| spec.detector == detector)
}
