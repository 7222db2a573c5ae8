//! `fetch_loop`: download tools started again and again, or piped into an interpreter. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/fetch_loop.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Pass, Span, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::FetchLoop,
    keys: keys!("fetch_loop"),
    actions: &[Action::Kill],
    threshold: Some(Bounds { default: 6, least: 2, most: 1_000 }),
    origin_factor: 0,
    window: Some(Span::seconds(60, 1, 3600)),
    option: None,
    enabled: true,
    allow: ALLOW,
    watch: &[],
    weigh,
    resolve: None,
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::PIPED => (Technique::new(1059, 4), Severity::HIGH),
        _ => (Technique::new(1105, 0), Severity::MEDIUM),
    }
}
