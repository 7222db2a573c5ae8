//! `process_injection`: reaching into another process's memory. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/process_injection.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ProcessInjection,
    keys: keys!("process_injection"),
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
    Pass::alone("/usr/bin/gdbserver"),
    Pass::alone("/usr/bin/gdb"),
    Pass::alone("/usr/bin/strace"),
    Pass::alone("/usr/sbin/criu"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::PROC_MEM => (Technique::new(1055, 9), Severity::HIGH),
        _ => (Technique::new(1055, 8), Severity::HIGH),
    }
}
