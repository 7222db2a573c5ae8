//! `net_tamper`: firewall rules or the default route removed, or rules added that drop or redirect everything. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/net_tamper.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::NetTamper,
    keys: keys!("net_tamper"),
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
    look: None,
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::with_children("/usr/sbin/NetworkManager"),
    Pass::with_children("/usr/sbin/connmand"),
    Pass::with_children("/sbin/udhcpc"),
    Pass::with_children("/sbin/dhcpcd"),
    Pass::with_children("/sbin/dhclient"),
    Pass::with_children("/usr/sbin/pppd"),
    Pass::with_children("/sbin/ifup"),
    Pass::with_children("/sbin/ifdown"),
    Pass::alone("/usr/lib/systemd/systemd-networkd"),
    Pass::with_children("/usr/sbin/wpa_supplicant"),
    Pass::with_children("/usr/sbin/hostapd"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
    Pass::with_children("/usr/sbin/firewalld"),
    Pass::with_children("/usr/sbin/ufw"),
    Pass::with_children("/usr/sbin/netfilter-persistent"),
    Pass::with_children("/usr/sbin/fw3"),
    Pass::with_children("/usr/sbin/fw4"),
    Pass::with_children("/etc/init.d/firewall"),
    Pass::with_children("/usr/sbin/openvpn"),
    Pass::with_children("/usr/bin/wg-quick"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    let severity = match reason {
        // Every change of a legacy table replaces it; a reload flushes and fills in one go.
        reason::RULES_REPLACED => Severity::LOW,
        // Adding such a rule is what worms do to keep others out, and what whoever tries something out does as well.
        reason::DROPS_ALL | reason::REDIRECTS => Severity::MEDIUM,
        _ => Severity::HIGH,
    };
    (Technique::new(1562, 4), severity)
}
