//! `kernel_code`: code brought into the kernel. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/kernel_code.rs`).

use std::path::PathBuf;

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Bytes, Severity, Technique};

use super::spec::{Pass, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::look::alive;
use crate::enrich::{Processes, place};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::KernelCode,
    keys: keys!("kernel_code"),
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
    look: Some(look),
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
    Pass::alone("/sbin/udevd"),
    Pass::alone("/sbin/mdev"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
    Pass::alone("/sbin/modprobe"),
    Pass::alone("/usr/bin/edge-agent"),
    Pass::alone("/usr/sbin/edge-agent"),
    Pass::alone("/usr/lib/systemd/systemd-executor"),
    Pass::alone("/usr/lib/systemd/systemd-networkd"),
    Pass::alone("/usr/lib/systemd/systemd-modules-load"),
    Pass::with_children("/usr/bin/runc"),
    Pass::with_children("/usr/sbin/runc"),
    Pass::with_children("/usr/bin/crun"),
    Pass::with_children("/usr/bin/podman"),
    Pass::with_children("/usr/bin/dockerd"),
    Pass::with_children("/usr/bin/containerd"),
    Pass::with_children("/usr/bin/containerd-shim-runc-v2"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::MODULE => (Technique::new(1547, 6), Severity::HIGH),
        reason::BPF_PROGRAM => (Technique::new(1014, 0), Severity::MEDIUM),
        _ => (Technique::new(1014, 0), Severity::CRITICAL),
    }
}

/// Numbers below this are descriptors, and those from here on addresses: no program has memory so low (`vm.mmap_min_addr`), and few so many
/// files.
const LOWEST_ADDRESS: u64 = 65_536;

/// Looks where a module, or another kernel, comes from, and whether a module is signed. Code that comes from where nothing is installed is as
/// bad as it gets; that a module is not signed is only said, since few gateways sign theirs.
fn look(
    evidence: &mut Act,
    record: &ActRecord,
    processes: &dyn Processes,
    config: &Config,
) -> Option<Severity> {
    if !matches!(evidence.reason.0, reason::MODULE | reason::KEXEC) {
        return None;
    }
    let tgid = record.header.tgid;
    let file = if evidence.object.is_empty() {
        // Only the syscall was seen: what it was given is still open, if the process has not ended.
        let number = u32::try_from(record.value).ok().filter(|number| u64::from(*number) < LOWEST_ADDRESS);
        let number = number.filter(|_| evidence.reason.0 == reason::MODULE && record.value != 0)?;
        evidence.object = Bytes::cut(alive(&processes.descriptor(tgid, number)?));
        PathBuf::from(format!("/proc/{tgid}/fd/{number}"))
    } else {
        processes.reach(tgid, None, evidence.object.as_slice())?
    };
    if evidence.reason.0 == reason::MODULE && processes.is_signed(&file) == Some(false) {
        evidence.flags |= Act::UNSIGNED;
    }
    // A module that the image does not have, whoever loads it.
    let is_foreign = evidence.reason.0 == reason::MODULE
        && processes.is_listed(config, &file, evidence.object.as_slice(), 0) == Some(false);
    if is_foreign && !place::is_volatile(evidence.object.as_slice(), &config.detectors.volatile_exec) {
        return Some(Severity::CRITICAL);
    }
    if !place::is_volatile(evidence.object.as_slice(), &config.detectors.volatile_exec) {
        return None;
    }
    evidence.flags |= Act::VOLATILE;
    Some(Severity::CRITICAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    #[test]
    fn a_module_from_a_volatile_place_is_critical_and_an_unsigned_one_is_told() {
        let stage = || Stage::default().descriptor(7, 3, "/tmp/x.ko").signed("/proc/7/fd/3", false);
        let (severity, act) = judged(&SPEC, reason::MODULE, "", 3, &stage()).unwrap();
        assert_eq!((severity, act.flags), (Severity::CRITICAL, Act::VOLATILE | Act::UNSIGNED));
        assert_eq!(act.object.as_slice(), b"/tmp/x.ko");
        let gone = stage().descriptor(7, 3, "/tmp/x.ko (deleted)");
        assert_eq!(judged(&SPEC, reason::MODULE, "", 3, &gone).unwrap().1.object.as_slice(), b"/tmp/x.ko");
        let installed = Stage::default().descriptor(7, 3, "/lib/modules/x.ko").signed("/proc/7/fd/3", true);
        let (severity, act) = judged(&SPEC, reason::MODULE, "", 3, &installed).unwrap();
        assert_eq!((severity, act.flags), (Severity::HIGH, 0));
    }

    #[test]
    fn a_path_from_the_hook_is_looked_at_itself() {
        let stage = Stage::default().signed("/data/x.ko", false);
        let (severity, act) = judged(&SPEC, reason::MODULE, "/data/x.ko", 0, &stage).unwrap();
        assert_eq!((severity, act.flags), (Severity::HIGH, Act::UNSIGNED));
        let (severity, act) = judged(&SPEC, reason::KEXEC, "/run/zImage", 0, &stage).unwrap();
        assert_eq!((severity, act.flags), (Severity::CRITICAL, Act::VOLATILE));
    }

    #[test]
    fn a_module_that_the_image_does_not_have_is_critical() {
        let stage = Stage::default().listed("/lib/modules/x.ko", 5);
        let severity = |path| judged(&SPEC, reason::MODULE, path, 0, &stage).unwrap().0;
        assert_eq!(severity("/lib/modules/x.ko"), Severity::HIGH);
        assert_eq!(severity("/lib/modules/y.ko"), Severity::CRITICAL);
    }

    #[test]
    fn what_cannot_be_looked_at_is_told_as_it_is() {
        let stage = Stage::default();
        for (reason, value) in
            [(reason::MODULE, 3), (reason::MODULE, 0xffff_8000_1000), (reason::MODULE, 0), (reason::KEXEC, 0)]
        {
            let (_, act) = judged(&SPEC, reason, "", value, &stage).unwrap();
            assert_eq!((act.flags, act.object.is_empty(), act.value), (0, true, value));
        }
        assert!(judged(&SPEC, reason::BPF_PROGRAM, "", 3, &stage).is_some());
    }
}
