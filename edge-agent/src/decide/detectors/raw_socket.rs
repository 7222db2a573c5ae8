//! `raw_socket`: raw and packet sockets and socket filters. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/raw_socket.rs`).

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;

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
    resolve: Some(resolve),
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
    Pass::alone("/usr/sbin/traceroute"),
    Pass::alone("/usr/sbin/bird"),
    Pass::alone("/usr/sbin/zebra"),
    Pass::alone("/usr/sbin/ospfd"),
    Pass::alone("/usr/sbin/igmpproxy"),
    // The legacy tables are read and written through a raw socket.
    Pass::alone("/usr/sbin/iptables"),
    Pass::alone("/usr/sbin/ip6tables"),
    Pass::alone("/usr/sbin/iptables-restore"),
    Pass::alone("/usr/sbin/ip6tables-restore"),
    Pass::alone("/usr/sbin/iptables-save"),
    Pass::alone("/usr/sbin/ip6tables-save"),
    Pass::alone("/usr/bin/udevadm"),
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::SOCKET_FILTER => (Technique::new(1205, 2), Severity::HIGH),
        _ => (Technique::new(1095, 0), Severity::MEDIUM),
    }
}

/// Looks at the socket of a filter: listeners to device and route events have netlink sockets, and filter those for a living.
fn resolve(_: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    match processes.is_netlink(record.header.tgid, record.value) {
        Some(true) => Resolved::Harmless,
        Some(false) => Resolved::Certain,
        None => Resolved::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;
    use edge_abi::{Outcome, Task, act_flags};

    use super::*;
    use crate::decide::detectors::act::judge;

    /// Descriptors by number: 3 is a netlink socket, 4 another, the rest is closed.
    struct Table;

    impl Processes for Table {
        fn kept(&self, _: u32) -> Option<Task> {
            None
        }

        fn is_netlink(&self, _: u32, descriptor: u64) -> Option<bool> {
            [(3, true), (4, false)].into_iter().find(|(known, _)| *known == descriptor).map(|(_, is)| is)
        }
    }

    #[test]
    fn a_filter_counts_by_the_socket_it_is_on() {
        let mut record = ActRecord::zeroed();
        record.reason = reason::SOCKET_FILTER;
        record.flags = act_flags::CANDIDATE;
        let mut judged = |descriptor| {
            record.value = descriptor;
            judge(&record, &SPEC, Outcome::Reported, &Table, &Config::default()).map(|judged| judged.severity)
        };
        assert_eq!(judged(3), None);
        assert_eq!(judged(4), Some(Severity::HIGH));
        assert_eq!(judged(5), Some(Severity::LOW), "gone: told, but not believed");
    }
}
