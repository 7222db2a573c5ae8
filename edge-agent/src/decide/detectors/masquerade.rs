//! `masquerade`: a process under a borrowed name. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/masquerade.rs`).

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Severity, Technique};

use super::spec::{Resolved, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;
use crate::enrich::look::{alive, base};
use crate::sweep::MULTI_CALL;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::Masquerade,
    keys: keys!("masquerade"),
    actions: &[Action::Kill],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: &[],
    watch: &[],
    weigh,
    resolve: Some(resolve),
    look: None,
};

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::HIDDEN_PROC => (Technique::new(1564, 0), Severity::HIGH),
        reason::DECEPTIVE_NAME => (Technique::new(1036, 6), Severity::HIGH),
        reason::FOREIGN_NAME => (Technique::new(1036, 4), Severity::MEDIUM),
        _ => (Technique::new(1036, 4), Severity::HIGH),
    }
}

/// Looks whether a process that took a daemon's name is that daemon.
fn resolve(act: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    let Some(exe) = processes.exe(record.header.tgid) else {
        return Resolved::Unknown;
    };
    let program = base(alive(&exe));
    let own = program.starts_with(act.object.as_slice()) || act.object.as_slice().starts_with(program);
    if own || MULTI_CALL.contains(&program) { Resolved::Harmless } else { Resolved::Certain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    #[test]
    fn a_daemon_may_have_its_own_name_and_others_may_not() {
        let found = |exe: &str, name: &str| {
            judged(&SPEC, reason::FOREIGN_NAME, name, 0, &Stage::default().exe(7, exe)).map(|told| told.0)
        };
        assert_eq!(found("/usr/sbin/dropbear", "dropbear"), None);
        assert_eq!(found("/usr/lib/systemd/systemd-journald", "systemd-journal"), None, "cut at 15 bytes");
        assert_eq!(found("/usr/lib/openssh/sshd-session", "sshd"), None);
        assert_eq!(found("/bin/busybox", "syslogd"), None);
        assert_eq!(found("/data/x", "dropbear"), Some(Severity::MEDIUM));
        assert_eq!(found("/data/x (deleted)", "sshd"), Some(Severity::MEDIUM));
    }
}
