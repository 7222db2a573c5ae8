//! `mass_kill`: one process ends many of other services. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/mass_kill.rs`).

use edge_abi::Detector;
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Pass, Span, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::MassKill,
    keys: keys!("mass_kill"),
    actions: &[Action::Kill, Action::Deny],
    threshold: Some(Bounds { default: 15, least: 3, most: 10_000 }),
    origin_factor: 1,
    window: Some(Span::seconds(10, 1, 600)),
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
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
    Pass::alone("/sbin/reboot"),
    Pass::alone("/sbin/poweroff"),
    Pass::alone("/sbin/halt"),
    Pass::alone("/sbin/killall5"),
    Pass::alone("/sbin/start-stop-daemon"),
    Pass::alone("/usr/lib/systemd/systemd-shutdown"),
    Pass::alone("/usr/bin/runc"),
    Pass::alone("/usr/bin/crun"),
    Pass::alone("/usr/bin/dockerd"),
    Pass::alone("/usr/bin/containerd-shim-runc-v2"),
];

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1489, 0), Severity::HIGH)
}
