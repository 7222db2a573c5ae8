//! `sysctl_tamper`: writing kernel settings that guard the machine. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/sysctl_tamper.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::SysctlTamper,
    keys: keys!("sysctl_tamper"),
    actions: &[Action::Kill, Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: ALLOW,
    watch: WATCH,
    weigh,
    resolve: Some(super::watched::resolve),
    look: None,
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
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
    // `sysctl` itself is not let pass: settings of the image are written by these at boot.
    Pass::with_children("/etc/init.d/procps"),
    Pass::with_children("/etc/init.d/procps.sh"),
    Pass::with_children("/etc/init.d/S02sysctl"),
    Pass::with_children("/usr/bin/wg-quick"),
    Pass::with_children("/usr/sbin/openvpn"),
    Pass::alone("/usr/lib/ipsec/charon"),
    Pass::alone("/usr/lib/systemd/systemd-sysctl"),
    Pass::alone("/usr/lib/systemd/systemd-coredump"),
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
];

/// What is watched.
const WATCH: &[WatchPath] = &[
    WatchPath {
        path: "/proc/sys/kernel/core_pattern",
        reason: reason::HOST_HOOK,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/proc/sys/kernel/modprobe", reason: reason::HOST_HOOK, access: watch_access::WRITE },
    WatchPath {
        path: "/proc/sys/kernel/modules_disabled",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/proc/sys/kernel/kptr_restrict", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/kernel/dmesg_restrict", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath {
        path: "/proc/sys/kernel/unprivileged_bpf_disabled",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath {
        path: "/proc/sys/kernel/perf_event_paranoid",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath {
        path: "/proc/sys/kernel/randomize_va_space",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/proc/sys/kernel/yama/", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/kernel/sysrq", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/kernel/threads-max", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/net/core/bpf_jit", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/net/ipv4/ip_forward", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath {
        path: "/proc/sys/net/ipv4/conf/all/forwarding",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath {
        path: "/proc/sys/net/ipv6/conf/all/forwarding",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/proc/sys/vm/mmap_min_addr", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/fs/protected_", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sys/fs/suid_dumpable", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/proc/sysrq-trigger", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/sys/fs/selinux/enforce", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath {
        path: "/sys/kernel/security/apparmor/.remove",
        reason: reason::SOLE,
        access: watch_access::WRITE,
    },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::HOST_HOOK => (Technique::new(1611, 0), Severity::HIGH),
        _ => (Technique::new(1562, 0), Severity::MEDIUM),
    }
}
