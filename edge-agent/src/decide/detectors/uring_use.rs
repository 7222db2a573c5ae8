//! `uring_use`: `io_uring` set up by a program that is not expected to. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/uring_use.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::UringUse,
    keys: keys!("uring_use"),
    actions: &[Action::Kill, Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: ALLOW,
    watch: &[],
    weigh,
    resolve: None,
    look: None,
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::alone("/usr/bin/qemu-system-aarch64"),
    Pass::alone("/usr/sbin/mariadbd"),
    Pass::alone("/usr/bin/postgres"),
    Pass::alone("/usr/bin/node"),
];

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1106, 0), Severity::LOW)
}
