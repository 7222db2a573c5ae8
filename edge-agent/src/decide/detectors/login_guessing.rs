//! `login_guessing`: many connections from one source to a login port of this machine. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/login_guessing.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Span, Spec, keys};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::LoginGuessing,
    keys: keys!("login_guessing"),
    actions: &[],
    threshold: Some(Bounds { default: 20, least: 3, most: 10_000 }),
    origin_factor: 0,
    window: Some(Span::seconds(60, 1, 3600)),
    option: None,
    enabled: true,
    allow: &[],
    watch: &[],
    weigh,
    resolve: None,
    look: None,
};

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1110, 0), Severity::MEDIUM)
}
