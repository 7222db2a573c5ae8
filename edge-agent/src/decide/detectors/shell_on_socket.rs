//! `shell_on_socket`: an interpreter that talks to a socket. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/shell_on_socket.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ShellOnSocket,
    keys: keys!("shell_on_socket"),
    actions: &[Action::Kill],
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
    Pass::with_children("/usr/sbin/inetd"),
    Pass::with_children("/usr/sbin/xinetd"),
    Pass::with_children("/usr/bin/tcpsvd"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::RELAY => (Technique::new(1059, 4), Severity::HIGH),
        _ => (Technique::new(1059, 4), Severity::CRITICAL),
    }
}
