//! `credential_access`: reading secrets. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/credential_access.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Pass, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::CredentialAccess,
    keys: keys!("credential_access"),
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
    Pass::alone("/bin/login"),
    Pass::alone("/bin/su"),
    Pass::alone("/usr/bin/sudo"),
    Pass::alone("/usr/bin/passwd"),
    Pass::alone("/usr/sbin/sshd"),
    Pass::alone("/usr/lib/openssh/sshd-session"),
    Pass::alone("/usr/sbin/dropbear"),
    Pass::alone("/usr/sbin/chpasswd"),
    Pass::alone("/usr/sbin/useradd"),
    Pass::alone("/usr/sbin/usermod"),
    Pass::alone("/usr/sbin/unix_chkpwd"),
    Pass::alone("/sbin/sulogin"),
    Pass::alone("/usr/bin/chage"),
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    // Backups at night read everything.
    Pass::with_children("/usr/sbin/cron"),
    Pass::with_children("/usr/sbin/crond"),
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/sbin/wpa_supplicant"),
    Pass::alone("/usr/sbin/NetworkManager"),
    Pass::alone("/usr/sbin/pppd"),
    Pass::alone("/usr/bin/ssh-keygen"),
    Pass::alone("/usr/bin/dropbearkey"),
    Pass::alone("/usr/bin/ssh"),
    Pass::alone("/usr/sbin/nginx"),
    Pass::alone("/usr/sbin/lighttpd"),
    Pass::alone("/usr/sbin/mosquitto"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
];

/// What is watched.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "/etc/shadow", reason: reason::PASSWORD_FILE, access: watch_access::READ },
    WatchPath { path: "/etc/gshadow", reason: reason::PASSWORD_FILE, access: watch_access::READ },
    WatchPath { path: "/etc/ssh/ssh_host_", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "/etc/dropbear/dropbear_", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "*/.ssh/id_rsa", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "*/.ssh/id_ed25519", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "*/.ssh/id_ecdsa", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "/etc/ssl/private/", reason: reason::PRIVATE_KEY, access: watch_access::READ },
    WatchPath { path: "/etc/wpa_supplicant", reason: reason::TOKEN, access: watch_access::READ },
    WatchPath {
        path: "/etc/NetworkManager/system-connections/",
        reason: reason::TOKEN,
        access: watch_access::READ,
    },
    WatchPath { path: "/etc/ppp/chap-secrets", reason: reason::TOKEN, access: watch_access::READ },
    WatchPath { path: "/etc/ppp/pap-secrets", reason: reason::TOKEN, access: watch_access::READ },
    WatchPath { path: "*/.docker/config.json", reason: reason::TOKEN, access: watch_access::READ },
    WatchPath { path: "*/.aws/credentials", reason: reason::TOKEN, access: watch_access::READ },
    WatchPath { path: "/etc/edge-agent/", reason: reason::OWN_SECRET, access: watch_access::READ },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::PASSWORD_FILE => (Technique::new(1003, 8), Severity::HIGH),
        reason::PRIVATE_KEY => (Technique::new(1552, 4), Severity::HIGH),
        _ => (Technique::new(1552, 0), Severity::MEDIUM),
    }
}
