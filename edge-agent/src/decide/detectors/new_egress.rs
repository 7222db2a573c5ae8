//! `new_egress`: a destination or listening port never used before, and calls home at steady times. Seen, learnt and judged in the
//! kernel (`edge-ebpf/src/detectors/new_egress.rs`); what was learnt is kept by `learn`.

use edge_abi::{Detector, reason};
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Choice, Pass, Spec, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::NewEgress,
    keys: keys!("new_egress"),
    actions: &[Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: Some(Choice {
        key: "detectors.new_egress.beacon",
        bounds: Bounds { default: 10, least: 0, most: 1_000 },
    }),
    enabled: false,
    allow: ALLOW,
    watch: &[],
    weigh,
    resolve: None,
    look: None,
};

/// Whose destinations change by their nature: the agent itself, which must reach its broker under any policy, resolvers, time
/// services, DHCP, update clients, tunnels and discovery.
const ALLOW: &[Pass] = &[
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/usr/sbin/dnsmasq"),
    Pass::alone("/usr/sbin/unbound"),
    Pass::alone("/usr/sbin/named"),
    Pass::alone("/usr/lib/systemd/systemd-resolved"),
    Pass::alone("/usr/lib/systemd/systemd-timesyncd"),
    Pass::alone("/usr/lib/systemd/systemd-networkd"),
    Pass::alone("/usr/sbin/ntpd"),
    Pass::alone("/usr/sbin/chronyd"),
    Pass::alone("/usr/sbin/ntpdate"),
    Pass::with_children("/sbin/udhcpc"),
    Pass::with_children("/sbin/dhcpcd"),
    Pass::with_children("/sbin/dhclient"),
    Pass::alone("/usr/sbin/NetworkManager"),
    Pass::alone("/usr/sbin/connmand"),
    Pass::alone("/usr/sbin/avahi-daemon"),
    Pass::alone("/usr/sbin/openvpn"),
    Pass::alone("/usr/lib/ipsec/charon"),
    Pass::alone("/usr/sbin/pppd"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::alone("/bin/ping"),
    Pass::alone("/bin/ping6"),
    Pass::alone("/usr/bin/traceroute"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::LISTENER => (Technique::new(1571, 0), Severity::MEDIUM),
        reason::BEACON => (Technique::T1071, Severity::HIGH),
        _ => (Technique::T1071, Severity::MEDIUM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_weighs_more_than_one_connection() {
        assert!(weigh(reason::BEACON).1.0 > weigh(reason::DESTINATION).1.0);
        assert_eq!(weigh(reason::LISTENER).0, Technique::new(1571, 0));
    }

    #[test]
    fn the_agent_reaches_its_broker_under_any_policy() {
        let config = crate::config::Config::default();
        for own in ["/usr/bin/edge-agent", "/usr/sbin/edge-agent"] {
            assert_ne!(config.allow_of(own.as_bytes()).own & SPEC.detector.bit(), 0, "{own}");
        }
    }
}
