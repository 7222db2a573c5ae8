//! `foreign_exec`: execution of what is not part of the image. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/foreign_exec.rs`).

use std::path::PathBuf;

use edge_abi::{ActRecord, Detector, act_flags, reason, task_flags};
use edge_wire::{Act, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, WatchPath, keys};
use crate::config::{Action, Config};
use crate::enrich::look::{alive, nameless};
use crate::enrich::{Processes, place};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ForeignExec,
    keys: keys!("foreign_exec"),
    actions: &[Action::Kill, Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: false,
    allow: ALLOW,
    watch: IMAGE,
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
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(1204, 0), Severity::MEDIUM)
}

/// Directories of the image; `watch` adds to them.
const IMAGE: &[WatchPath] = &[
    tree("/bin/"),
    tree("/sbin/"),
    tree("/usr/"),
    tree("/lib/"),
    tree("/lib64/"),
    tree("/opt/"),
    tree("/etc/"),
    tree("/init"),
];

/// One directory of the image. No access to it is watched: what is executed from elsewhere is.
const fn tree(path: &'static str) -> WatchPath {
    WatchPath { path, reason: reason::SOLE, access: 0 }
}

/// The directories that belong to the image under this configuration; none while the detector is off.
#[must_use]
pub fn image(config: &Config) -> Vec<&str> {
    if !config.act(SPEC.detector).enabled {
        return Vec::new();
    }
    let own = config.watched.iter().filter(|watched| watched.detector == SPEC.detector as u8);
    IMAGE.iter().map(|tree| tree.path).chain(own.map(|watched| watched.path.as_str())).collect()
}

/// Where a process is, or was, or else its parent is.
fn directory(tgid: u32, processes: &dyn Processes) -> Option<Vec<u8>> {
    let kept = processes.kept(tgid);
    let known = kept.filter(|task| task.cwd_len != 0 && task.flags & task_flags::CWD_UNKNOWN == 0);
    let known = known.and_then(|task| Some(task.cwd.get(..task.cwd_len as usize)?.to_vec()));
    processes.cwd(tgid).or(known).or_else(|| processes.cwd(kept?.parent))
}

/// Looks the program up in the manifest; `None` without one.
fn by_manifest(
    record: &ActRecord,
    given: &[u8],
    processes: &dyn Processes,
    config: &Config,
) -> Option<Resolved> {
    let tgid = record.header.tgid;
    let running = PathBuf::from(format!("/proc/{tgid}/exe"));
    let whole = match given.first() {
        Some(b'/') => Some(place::join(b"", given)),
        _ => directory(tgid, processes).map(|cwd| place::join(&cwd, given)),
    };
    if record.flags & (act_flags::LSM | act_flags::KPROBE) != 0 {
        // The file that the kernel saw is not listed. Unless it holds what is listed: then it was put there anew.
        let file = processes.reach(tgid, None, given).unwrap_or_else(|| running.clone());
        let is_listed =
            processes.is_listed(config, &file, whole.as_deref().unwrap_or(given), record.value)?;
        return Some(if is_listed { Resolved::Harmless } else { Resolved::Certain });
    }
    // The program that runs may be the interpreter of a script that was given, or what a link leads to.
    let exe = processes.exe(tgid);
    let path = exe.as_deref().unwrap_or_default();
    let runs = processes.is_listed(config, &running, alive(path), 0)?;
    let stands_for_itself = given.starts_with(b"/dev/fd/") || given.starts_with(b"/proc/");
    let is_given = match (&whole, processes.reach(tgid, None, given)) {
        _ if stands_for_itself => true,
        (Some(whole), Some(file)) => {
            processes.is_path_listed(whole) || processes.is_listed(config, &file, whole, 0) == Some(true)
        }
        _ => false,
    };
    Some(if runs && is_given {
        Resolved::Harmless
    } else if exe.is_some() && processes.exe(tgid).is_some() {
        Resolved::Certain
    } else if record.value == 0 && is_given {
        // Gone before it could be looked at: the kernel saw its file, or else its path is all there is.
        Resolved::Harmless
    } else {
        Resolved::Unknown
    })
}

/// Looks where a program that was not given by a plain path lies.
fn resolve(act: &mut Act, record: &ActRecord, processes: &dyn Processes, config: &Config) -> Resolved {
    if let Some(resolved) = by_manifest(record, act.object.as_slice(), processes, config) {
        return resolved;
    }
    let tgid = record.header.tgid;
    let of_image = |path: &[u8]| image(config).iter().any(|tree| path.starts_with(tree.as_bytes()));
    // The program itself may be the interpreter of a script that lies elsewhere.
    let given = act.object.as_slice();
    let script = match given.first() {
        Some(b'/') if given.starts_with(b"/dev/fd/") || given.starts_with(b"/proc/") => None,
        Some(b'/') => Some(place::join(b"", given)),
        _ => directory(tgid, processes).map(|cwd| place::join(&cwd, given)),
    };
    let Some(exe) = processes.exe(tgid) else {
        return if script.is_some_and(|path| of_image(&path)) {
            Resolved::Harmless
        } else {
            Resolved::Unknown
        };
    };
    let gone = nameless(&exe).is_some();
    if !gone && of_image(alive(&exe)) && script.is_none_or(|path| of_image(&path)) {
        return Resolved::Harmless;
    }
    Resolved::Certain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged_at, judged_under};

    fn enabled() -> Config {
        let mut config = Config::default();
        for act in &mut config.detectors.acts {
            act.enabled = true;
        }
        config
    }

    #[test]
    fn the_image_is_its_directories_and_those_of_the_configuration() {
        assert!(image(&Config::default()).is_empty(), "off");
        let mut config = enabled();
        let own = crate::config::Watched { detector: SPEC.detector as u8, path: "/app/".try_into().unwrap() };
        config.watched.push(own).unwrap();
        assert!(image(&config).contains(&"/usr/") && image(&config).contains(&"/app/"));
    }

    #[test]
    fn what_could_not_be_told_is_looked_up() {
        let found = |path: &str, stage: &Stage| {
            judged_under(&enabled(), &SPEC, reason::SOLE, path, 0, stage).map(|told| told.0)
        };
        let shell = Stage::default().exe(7, "/bin/busybox").cwd(7, "/usr/lib/app");
        assert_eq!(found("./run.sh", &shell), None);
        assert_eq!(found("../../../bin/sh", &shell), None);
        let elsewhere = Stage::default().exe(7, "/bin/busybox").cwd(7, "/data");
        assert_eq!(found("./run.sh", &elsewhere), Some(Severity::MEDIUM), "a script that lies elsewhere");
        assert_eq!(found("/dev/fd/3", &Stage::default().exe(7, "/data/x")), Some(Severity::MEDIUM));
        assert_eq!(found("./gone", &Stage::default()), Some(Severity::LOW));
        assert_eq!(found("./gone", &Stage::default().cwd(7, "/usr/bin")), None, "where it was is known");
    }

    /// What becomes of a candidate under a manifest that lists `/bin/busybox`, inode 5, and `/usr/bin/run.sh`, inode 6.
    fn listed(stage: Stage, flags: u8, path: &str, inode: u64) -> Option<Severity> {
        let stage = stage.listed("/bin/busybox", 5).listed("/usr/bin/run.sh", 6);
        let flags = flags | act_flags::CANDIDATE;
        judged_at(&enabled(), &SPEC, (reason::SOLE, flags), path, inode, &stage).map(|told| told.0)
    }

    #[test]
    fn the_file_that_the_kernel_saw_is_the_one_that_counts() {
        let at_hook =
            |path: &str, inode| listed(Stage::default().cwd(7, "/usr/bin"), act_flags::KPROBE, path, inode);
        assert_eq!(at_hook("/bin/busybox", 5), None, "put there anew, with the same content");
        assert_eq!(at_hook("/bin/busybox", 9), Some(Severity::MEDIUM), "another was executed under its name");
        assert_eq!(at_hook("/data/x", 9), Some(Severity::MEDIUM));
        assert_eq!(at_hook("/data/x", 5), Some(Severity::MEDIUM));
    }

    #[test]
    fn without_hooks_both_the_script_and_its_interpreter_have_to_be_listed() {
        let run = |exe: &str, path: &str| {
            let stage = Stage::default().exe(7, exe).cwd(7, "/usr/bin");
            // What the link of a process leads to is reached through the process.
            let stage = if exe == "/bin/busybox" { stage.listed("/proc/7/exe", 5) } else { stage };
            listed(stage, 0, path, 5)
        };
        assert_eq!(run("/bin/busybox", "/usr/bin/run.sh"), None);
        assert_eq!(run("/bin/busybox", "/bin/busybox"), None, "by way of a link");
        assert_eq!(run("/bin/busybox", "/usr/bin/other.sh"), Some(Severity::MEDIUM));
        assert_eq!(run("/data/sh", "/usr/bin/run.sh"), Some(Severity::MEDIUM));
        assert_eq!(run("/bin/busybox", "/proc/self/exe"), None);
        let gone = |inode| listed(Stage::default(), 0, "/usr/bin/run.sh", inode);
        assert_eq!((gone(0), gone(9)), (None, Some(Severity::LOW)));
    }
}
