//! `fetch_loop`: download tools started again and again, or piped into an interpreter. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/fetch_loop.rs`).

use edge_abi::{ActRecord, Detector, reason, task_flags};
use edge_wire::{Act, Bytes, Severity, Technique};

use super::spec::{Bounds, Pass, Resolved, Span, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;
use crate::enrich::look::{inode, reads_program};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::FetchLoop,
    keys: keys!("fetch_loop"),
    actions: &[Action::Kill],
    threshold: Some(Bounds { default: 6, least: 2, most: 1_000 }),
    origin_factor: 0,
    window: Some(Span::seconds(60, 1, 3600)),
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
        reason::PIPED => (Technique::new(1059, 4), Severity::HIGH),
        _ => (Technique::new(1105, 0), Severity::MEDIUM),
    }
}

/// Looks whether a tool and an interpreter of one parent are the two ends of one pipe, and whether the interpreter takes its program
/// from there.
fn resolve(act: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    let tgid = record.header.tgid;
    let is = |tgid: u32, flag: u32| processes.kept(tgid).is_some_and(|task| task.flags & flag != 0);
    let pipe = |tgid: u32, number: u32| inode(&processes.descriptor(tgid, number)?, "pipe");
    let fetcher = is(tgid, task_flags::FETCHER);
    let Some(own) = pipe(tgid, u32::from(fetcher)) else {
        let gone = processes.descriptor(tgid, 0).is_none();
        return if gone { Resolved::Unknown } else { Resolved::Harmless };
    };
    let (wanted, number) = if fetcher { (task_flags::INTERPRETER, 0) } else { (task_flags::FETCHER, 1) };
    let Some(parent) = processes.stat(tgid).map(|stat| stat.parent) else { return Resolved::Unknown };
    let other = processes
        .children(parent)
        .into_iter()
        .find(|other| *other != tgid && is(*other, wanted) && pipe(*other, number) == Some(own));
    let Some(other) = other else { return Resolved::Harmless };
    let (tool, interpreter) = if fetcher { (tgid, other) } else { (other, tgid) };
    if !processes.cmdline(interpreter).is_some_and(|words| reads_program(&words)) {
        return Resolved::Harmless;
    }
    act.target = interpreter;
    act.target_comm = processes.comm(interpreter);
    if let Some(task) = processes.kept(tool).filter(|task| task.exe_len != 0) {
        act.object = Bytes::until_nul(&task.exe);
    }
    act.count = 1;
    Resolved::Certain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    /// A tool and an interpreter of one shell, joined by a pipe or not.
    fn stage(tool: u32, shell: u32, reads: &str, words: &str) -> Stage {
        Stage::default()
            .child(tool, 3, task_flags::FETCHER)
            .child(shell, 3, task_flags::INTERPRETER)
            .kept_exe(tool, "/usr/bin/wget")
            .descriptor(tool, 0, "/dev/null")
            .descriptor(tool, 1, "pipe:[5]")
            .descriptor(shell, 0, reads)
            .cmdline(shell, words)
    }

    fn found(stage: &Stage) -> Option<(Severity, u32)> {
        let (severity, act) = judged(&SPEC, reason::PIPED, "/bin/sh", 0, stage)?;
        Some((severity, act.target))
    }

    #[test]
    fn both_ends_of_one_pipe_are_found_from_either() {
        assert_eq!(found(&stage(7, 9, "pipe:[5]", "sh\0")), Some((Severity::HIGH, 9)));
        assert_eq!(found(&stage(9, 7, "pipe:[5]", "sh\0-s\0")), Some((Severity::HIGH, 7)));
        let (_, act) = judged(&SPEC, reason::PIPED, "/bin/sh", 0, &stage(9, 7, "pipe:[5]", "sh\0")).unwrap();
        assert_eq!(act.object.as_slice(), b"/usr/bin/wget");
    }

    #[test]
    fn data_for_a_script_is_no_program() {
        assert_eq!(found(&stage(7, 9, "pipe:[6]", "sh\0")), None, "another pipe");
        assert_eq!(found(&stage(7, 9, "pipe:[5]", "python3\0-c\0import json\0")), None);
        assert_eq!(found(&stage(7, 9, "pipe:[5]", "sh\0/usr/lib/parse.sh\0")), None);
        assert_eq!(found(&Stage::default()), Some((Severity::LOW, 0)), "gone");
    }
}
