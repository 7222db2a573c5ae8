//! `flood_out`: more packets or bytes out than the ceiling. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/flood_out.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Choice, Span, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::FloodOut,
    keys: keys!("flood_out"),
    actions: &[Action::Deny],
    threshold: Some(Bounds { default: 5_000, least: 10, most: 10_000_000 }),
    origin_factor: 3,
    window: Some(Span::seconds(1, 1, 60)),
    option: Some(Choice {
        key: "detectors.flood_out.bytes",
        bounds: Bounds { default: 25_000_000, least: 10_000, most: 2_000_000_000 },
    }),
    enabled: true,
    allow: &[],
    watch: &[],
    weigh,
    resolve: None,
    look: None,
};

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1498, 0), Severity::HIGH)
}
