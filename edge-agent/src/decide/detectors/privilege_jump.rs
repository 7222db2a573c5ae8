//! `privilege_jump`: root or capabilities gained without the usual door. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/privilege_jump.rs`).

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, keys};
use super::watched::reach;
use crate::config::{Action, Config};
use crate::enrich::Processes;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::PrivilegeJump,
    keys: keys!("privilege_jump"),
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
    Pass::with_children("/usr/bin/dpkg"),
    Pass::with_children("/usr/bin/opkg"),
    Pass::with_children("/usr/bin/rpm"),
    Pass::with_children("/usr/bin/apt-get"),
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::SETUID_FILE | reason::CAPABILITY_GAINED => (Technique::new(1548, 1), Severity::HIGH),
        _ => (Technique::new(1068, 0), Severity::CRITICAL),
    }
}

/// `S_ISUID` of a file's mode.
const SET_UID: u32 = 0o4000;

/// Looks at what the kernel side could not tell.
fn resolve(evidence: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    if record.reason == reason::ROOT_GAINED {
        return look_at_door(evidence, processes);
    }
    // Set-gid alone means something else to a directory: what is made in it gets its group.
    match reach(evidence, record, processes).and_then(|path| path.metadata().ok()) {
        Some(found) if found.is_dir() => Resolved::Harmless,
        Some(_) => Resolved::Certain,
        None => Resolved::Unknown,
    }
}

/// Whether the program that has become root is one that is meant to.
fn look_at_door(evidence: &Act, processes: &dyn Processes) -> Resolved {
    // A program that was started by a relative path is no login: its file is not where anybody could look.
    let door = processes.file(evidence.object.as_slice()).is_some_and(|file| file.mode & SET_UID != 0);
    let absolute = evidence.object.as_slice().first() == Some(&b'/');
    if door && absolute { Resolved::Harmless } else { Resolved::Certain }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;
    use edge_abi::Task;

    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    /// This machine, nothing kept.
    struct Here;

    impl Processes for Here {
        fn kept(&self, _: u32) -> Option<Task> {
            None
        }
    }

    #[test]
    fn a_set_gid_directory_is_ordinary_and_a_file_is_not() {
        let look = |path: &str| {
            let mut record = ActRecord::zeroed();
            record.header.tgid = std::process::id();
            record.value = u64::from((-100_i32).cast_unsigned()) << 32 | 0o2755;
            record.path_len = path.len() as u16;
            record.path[..path.len()].copy_from_slice(path.as_bytes());
            let mut evidence = Act::default();
            (resolve(&mut evidence, &record, &Here, &Config::default()), evidence.value)
        };
        assert_eq!(look("/etc"), (Resolved::Harmless, 0o2755));
        assert_eq!(look("/etc/passwd"), (Resolved::Certain, 0o2755));
        assert_eq!(look("/etc/passwd/none").0, Resolved::Unknown);
    }

    #[test]
    fn a_set_uid_program_is_a_door_and_others_are_not() {
        let stage = Stage::default().mode("/usr/bin/sudo", 0o104_755).mode("/usr/bin/app", 0o100_755);
        let found = |path: &str| judged(&SPEC, reason::ROOT_GAINED, path, 1000, &stage);
        assert_eq!(found("/usr/bin/sudo"), None);
        let (severity, act) = found("/usr/bin/app").unwrap();
        assert_eq!((severity, act.value), (Severity::CRITICAL, 1000));
        assert!(found("./exploit").is_some());
        assert!(found("/data/gone").is_some());
    }
}
