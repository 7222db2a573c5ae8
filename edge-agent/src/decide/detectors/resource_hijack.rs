//! `resource_hijack`: sustained use of the processor. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/resource_hijack.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Pass, Span, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ResourceHijack,
    keys: keys!("resource_hijack"),
    actions: &[Action::Kill],
    threshold: Some(Bounds { default: 80, least: 10, most: 100 }),
    origin_factor: 1,
    window: Some(Span::seconds(300, 10, 3600)),
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
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
];

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1496, 1), Severity::MEDIUM)
}
