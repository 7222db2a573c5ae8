//! `namespace_escape`: namespaces, mounts and roots changed. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/namespace_escape.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::NamespaceEscape,
    keys: keys!("namespace_escape"),
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
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
    Pass::alone("/sbin/udevd"),
    Pass::alone("/sbin/mdev"),
    Pass::alone("/usr/lib/systemd/systemd-executor"),
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/usr/lib/systemd/systemd-logind"),
    Pass::alone("/usr/sbin/vsftpd"),
    Pass::alone("/sbin/ip"),
    Pass::alone("/usr/bin/fusermount3"),
    Pass::with_children("/usr/bin/lxc-start"),
    Pass::alone("/bin/mount"),
    Pass::alone("/bin/umount"),
    Pass::alone("/sbin/mount.nfs"),
    Pass::alone("/usr/bin/udisksd"),
    Pass::alone("/usr/bin/bwrap"),
    Pass::alone("/usr/lib/snapd/snap-confine"),
    Pass::alone("/sbin/switch_root"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
];

/// What is watched.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "*/release_agent", reason: reason::HOST_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/sys/kernel/uevent_helper", reason: reason::HOST_HOOK, access: watch_access::WRITE },
    WatchPath {
        path: "/proc/sys/fs/binfmt_misc/register",
        reason: reason::HOST_HOOK,
        access: watch_access::WRITE,
    },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::HOST_HOOK => (Technique::new(1611, 0), Severity::CRITICAL),
        _ => (Technique::new(1611, 0), Severity::MEDIUM),
    }
}
