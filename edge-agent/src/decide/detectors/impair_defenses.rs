//! `impair_defenses`: signals to guards, cleared logs, the agent's own files. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/impair_defenses.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ImpairDefenses,
    keys: keys!("impair_defenses"),
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
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    Pass::with_children("/usr/sbin/logrotate"),
    Pass::alone("/sbin/start-stop-daemon"),
    Pass::alone("/sbin/reboot"),
    Pass::alone("/sbin/poweroff"),
    Pass::alone("/sbin/halt"),
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/usr/lib/systemd/systemd-shutdown"),
    Pass::alone("/usr/lib/systemd/systemd-journald"),
    Pass::alone("/usr/lib/systemd/systemd-tmpfiles"),
    Pass::alone("/sbin/killall5"),
    Pass::alone("/bin/login"),
    Pass::alone("/usr/sbin/sshd"),
    Pass::alone("/sbin/syslogd"),
    Pass::alone("/usr/sbin/rsyslogd"),
];

/// What must not be stopped: the agent, loggers, watchdog daemons.
pub const GUARDS: [&str; 13] = [
    "/usr/bin/edge-agent",
    "/usr/sbin/edge-agent",
    "/sbin/syslogd",
    "/sbin/klogd",
    "/usr/sbin/rsyslogd",
    "/usr/sbin/syslog-ng",
    "/usr/lib/systemd/systemd-journald",
    "/sbin/auditd",
    "/sbin/logd",
    "/sbin/watchdog",
    "/usr/sbin/wd_keepalive",
    "/usr/bin/mender-auth",
    "/usr/sbin/fail2ban-server",
];

/// What is watched. Logs by their whole names: what an application does with its own, and what retention does with old ones,
/// is ordinary.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "/var/log/messages$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/syslog$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/auth.log$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/secure$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/kern.log$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/daemon.log$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/wtmp$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/btmp$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/lastlog$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/faillog$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/audit/", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/log/journal/", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/var/run/utmp$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/run/utmp$", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath { path: "/run/log/journal/", reason: reason::LOG_CLEARED, access: watch_access::REMOVE },
    WatchPath {
        path: "/etc/edge-agent/",
        reason: reason::OWN_FILE,
        access: watch_access::WRITE | watch_access::REMOVE,
    },
    WatchPath {
        path: "/usr/bin/edge-agent",
        reason: reason::OWN_FILE,
        access: watch_access::WRITE | watch_access::REMOVE,
    },
    WatchPath {
        path: "/usr/sbin/edge-agent",
        reason: reason::OWN_FILE,
        access: watch_access::WRITE | watch_access::REMOVE,
    },
    WatchPath {
        path: "/run/edge-agent/",
        reason: reason::OWN_FILE,
        access: watch_access::WRITE | watch_access::REMOVE,
    },
    WatchPath {
        path: "/sys/fs/bpf/edge-agent/",
        reason: reason::OWN_FILE,
        access: watch_access::WRITE | watch_access::REMOVE,
    },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::LOG_CLEARED => (Technique::new(1070, 2), Severity::MEDIUM),
        reason::GUARD_SIGNALLED => (Technique::new(1562, 1), Severity::HIGH),
        _ => (Technique::new(1562, 1), Severity::CRITICAL),
    }
}
