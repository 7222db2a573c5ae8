//! `foreign_exec`: execution of what is not part of the image. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/foreign_exec.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ForeignExec,
    keys: keys!("foreign_exec"),
    actions: &[Action::Kill, Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: false,
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
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1204, 0), Severity::MEDIUM)
}
