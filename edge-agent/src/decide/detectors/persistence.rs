//! `persistence`: writing where programs are started from. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/persistence.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::Persistence,
    keys: keys!("persistence"),
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
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    Pass::alone("/usr/bin/crontab"),
    Pass::alone("/usr/bin/systemctl"),
    Pass::alone("/usr/sbin/update-rc.d"),
    Pass::alone("/sbin/ldconfig"),
    Pass::alone("/usr/bin/passwd"),
    Pass::alone("/usr/sbin/chpasswd"),
    Pass::alone("/usr/sbin/useradd"),
    Pass::alone("/usr/sbin/adduser"),
    Pass::alone("/usr/sbin/usermod"),
    Pass::alone("/usr/sbin/groupadd"),
    Pass::alone("/usr/bin/chage"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
];

/// What is watched.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "/etc/init.d/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/etc/rc", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/etc/inittab", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/etc/systemd/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/usr/lib/systemd/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/lib/systemd/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/run/systemd/system/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/etc/network/if-", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/etc/cron", reason: reason::CRON, access: watch_access::WRITE },
    WatchPath { path: "/etc/anacrontab", reason: reason::CRON, access: watch_access::WRITE },
    WatchPath { path: "/var/spool/cron", reason: reason::CRON, access: watch_access::WRITE },
    WatchPath { path: "/var/spool/at", reason: reason::CRON, access: watch_access::WRITE },
    WatchPath {
        path: "*/.ssh/authorized_keys",
        reason: reason::AUTHORIZED_KEYS,
        access: watch_access::WRITE,
    },
    WatchPath {
        path: "*/.ssh/authorized_keys2",
        reason: reason::AUTHORIZED_KEYS,
        access: watch_access::WRITE,
    },
    WatchPath {
        path: "/etc/dropbear/authorized_keys",
        reason: reason::AUTHORIZED_KEYS,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/etc/profile", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "/etc/bash.bashrc", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "*/.profile", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "*/.bashrc", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "*/.bash_profile", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "*/.bash_logout", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "/etc/update-motd.d/", reason: reason::PROFILE, access: watch_access::WRITE },
    WatchPath { path: "/etc/ld.so.preload", reason: reason::PRELOAD, access: watch_access::WRITE },
    WatchPath { path: "/etc/ld.so.conf", reason: reason::PRELOAD, access: watch_access::WRITE },
    WatchPath { path: "/etc/udev/", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/usr/lib/udev/", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/lib/udev/", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath {
        path: "/etc/NetworkManager/dispatcher.d/",
        reason: reason::EVENT_HOOK,
        access: watch_access::WRITE,
    },
    WatchPath { path: "/etc/udhcpc", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/usr/share/udhcpc/", reason: reason::EVENT_HOOK, access: watch_access::WRITE },
    WatchPath { path: "/etc/pam.d/", reason: reason::ACCOUNT, access: watch_access::WRITE },
    WatchPath { path: "/etc/passwd", reason: reason::ACCOUNT, access: watch_access::WRITE },
    WatchPath { path: "/etc/shadow", reason: reason::ACCOUNT, access: watch_access::WRITE },
    WatchPath { path: "/etc/group", reason: reason::ACCOUNT, access: watch_access::WRITE },
    WatchPath { path: "/etc/sudoers", reason: reason::ACCOUNT, access: watch_access::WRITE },
    WatchPath { path: "/etc/modules-load.d/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
    WatchPath { path: "/etc/modprobe.d/", reason: reason::INIT_SCRIPT, access: watch_access::WRITE },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::INIT_SCRIPT => (Technique::new(1543, 0), Severity::HIGH),
        reason::CRON => (Technique::new(1053, 3), Severity::HIGH),
        reason::AUTHORIZED_KEYS => (Technique::new(1098, 4), Severity::HIGH),
        reason::PROFILE => (Technique::new(1546, 4), Severity::MEDIUM),
        reason::PRELOAD => (Technique::new(1574, 6), Severity::CRITICAL),
        reason::EVENT_HOOK => (Technique::new(1546, 0), Severity::MEDIUM),
        _ => (Technique::new(1098, 0), Severity::MEDIUM),
    }
}
