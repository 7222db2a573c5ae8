//! `new_egress`: a destination or listening port never seen before. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/new_egress.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Span, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::NewEgress,
    keys: keys!("new_egress"),
    actions: &[Action::Deny],
    threshold: Some(Bounds { default: 8, least: 3, most: 1_000 }),
    origin_factor: 0,
    window: Some(Span::seconds(3600, 60, 86400)),
    option: None,
    enabled: false,
    allow: &[],
    watch: &[],
    weigh,
    resolve: None,
};

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::LISTENER => (Technique::new(1571, 0), Severity::MEDIUM),
        reason::BEACON => (Technique::new(1071, 0), Severity::MEDIUM),
        _ => (Technique::new(1071, 0), Severity::LOW),
    }
}
