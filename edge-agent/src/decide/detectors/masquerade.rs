//! `masquerade`: a process under a borrowed name. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/masquerade.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::Masquerade,
    keys: keys!("masquerade"),
    actions: &[Action::Kill],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: &[],
    watch: &[],
    weigh,
    resolve: None,
};

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::HIDDEN_PROC => (Technique::new(1564, 0), Severity::HIGH),
        _ => (Technique::new(1036, 4), Severity::HIGH),
    }
}
