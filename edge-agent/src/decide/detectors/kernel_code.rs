//! `kernel_code`: code brought into the kernel. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/kernel_code.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::KernelCode,
    keys: keys!("kernel_code"),
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
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
    Pass::alone("/sbin/udevd"),
    Pass::alone("/sbin/mdev"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
    Pass::alone("/sbin/modprobe"),
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/usr/lib/systemd/systemd-executor"),
    Pass::alone("/usr/lib/systemd/systemd-networkd"),
    Pass::alone("/usr/lib/systemd/systemd-modules-load"),
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::MODULE => (Technique::new(1547, 6), Severity::HIGH),
        reason::BPF_PROGRAM => (Technique::new(1014, 0), Severity::MEDIUM),
        _ => (Technique::new(1014, 0), Severity::CRITICAL),
    }
}
