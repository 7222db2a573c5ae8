//! `raw_socket`: raw and packet sockets and socket filters. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/raw_socket.rs`).

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::RawSocket,
    keys: keys!("raw_socket"),
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
    Pass::alone("/bin/ping"),
    Pass::alone("/bin/ping6"),
    Pass::alone("/usr/bin/traceroute"),
    Pass::alone("/usr/sbin/arping"),
    Pass::alone("/usr/bin/arping"),
    Pass::alone("/usr/sbin/lldpd"),
    Pass::alone("/usr/sbin/radvd"),
    Pass::alone("/usr/sbin/keepalived"),
    Pass::alone("/usr/sbin/odhcpd"),
    Pass::alone("/usr/sbin/dnsmasq"),
    Pass::alone("/usr/sbin/udhcpd"),
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::SOCKET_FILTER => (Technique::new(1205, 2), Severity::HIGH),
        _ => (Technique::new(1095, 0), Severity::MEDIUM),
    }
}
