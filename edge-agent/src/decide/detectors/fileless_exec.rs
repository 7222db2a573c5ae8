//! `fileless_exec`: execution of what has no name on disk. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/fileless_exec.rs`).

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Reason, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;
use crate::enrich::look::{base, nameless};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::FilelessExec,
    keys: keys!("fileless_exec"),
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
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
];

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1620, 0), Severity::HIGH)
}

/// Looks at what the process runs; for a script, at what the descriptor that its interpreter reads has open.
fn resolve(act: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    let tgid = record.header.tgid;
    let path = act.object.as_slice();
    let number = core::str::from_utf8(base(path)).ok().and_then(|number| number.parse().ok());
    let Some(exe) = processes.exe(tgid) else {
        return Resolved::Unknown;
    };
    let script = || number.and_then(|number| processes.descriptor(tgid, number));
    let kind = nameless(&exe).or_else(|| nameless(&script()?));
    act.reason = match kind {
        Some(true) => Reason(reason::MEMFD),
        Some(false) => Reason(reason::DELETED_FILE),
        None => return Resolved::Harmless,
    };
    Resolved::Certain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    fn found(stage: &Stage, path: &str) -> Option<(u8, u8)> {
        let (severity, act) = judged(&SPEC, reason::DESCRIPTOR, path, 0, stage)?;
        Some((severity.0, act.reason.0))
    }

    #[test]
    fn what_has_no_name_is_told() {
        let stage = Stage::default().exe(7, "/memfd:x (deleted)");
        assert_eq!(found(&stage, "/dev/fd/3"), Some((Severity::HIGH.0, reason::MEMFD)));
        let stage = Stage::default().exe(7, "/data/#77 (deleted)");
        assert_eq!(found(&stage, "/proc/self/fd/3"), Some((Severity::HIGH.0, reason::DELETED_FILE)));
        let stage = Stage::default().exe(7, "/bin/busybox").descriptor(7, 3, "/memfd:script (deleted)");
        assert_eq!(found(&stage, "/dev/fd/3"), Some((Severity::HIGH.0, reason::MEMFD)));
    }

    #[test]
    fn an_ordinary_file_is_harmless_and_a_process_that_is_gone_is_unknown() {
        assert_eq!(found(&Stage::default().exe(7, "/bin/busybox"), "/dev/fd/3"), None);
        assert_eq!(found(&Stage::default(), "/dev/fd/3"), Some((Severity::LOW.0, reason::DESCRIPTOR)));
    }
}
