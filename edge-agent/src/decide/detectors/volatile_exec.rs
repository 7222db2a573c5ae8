//! `volatile_exec`: execution from volatile storage. Plain cases are certain in the kernel
//! (`edge-ebpf/src/detectors/volatile_exec.rs`); what it could not follow is resolved here.

use core::time::Duration;

use edge_abi::{Outcome, VolatileExecRecord, exec_flags, reason};
use edge_wire::{Bytes, DetectorId, Evidence, Reason, Severity, Technique, VolatileExec};

use crate::config;
use crate::decide::Judged;
use crate::decide::suppress::key;
use crate::enrich::look::{alive, base, nameless};
use crate::enrich::{Processes, place};

/// Number and name on the wire.
pub const DETECTOR: DetectorId = DetectorId::VOLATILE_EXEC;

/// How long ago a dropped file may have been changed: what the kernel side remembers, and some time for this agent to look.
const FRESH: Duration = Duration::from_secs(660);

/// The path resolved, if it can be, and what it was resolved against.
fn resolve(
    record: &VolatileExecRecord,
    processes: &impl Processes,
    policy: &config::VolatileExec,
) -> Option<place::Path> {
    let path = field(&record.path, record.path_len);
    if is_descriptor(record) {
        // Only the process itself shows what it has open.
        let tgid = record.header.tgid;
        let exe = || processes.exe(tgid).map(|exe| place::join(b"", alive(&exe)));
        if record.flags & exec_flags::CANDIDATE != 0 {
            return exe();
        }
        // Told before it began, the program is still the one before, and the descriptor is open; an exec changes the program
        // first and closes the descriptor then, so whoever finds it closed finds the program changed.
        let volatile = |path: &place::Path| place::is_volatile(path, policy);
        return exe()
            .filter(volatile)
            .or_else(|| open(path, tgid, processes).filter(volatile))
            .or_else(|| exe().filter(volatile));
    }
    if path.first() == Some(&b'/') {
        return Some(place::join(b"", path));
    }
    // The process itself knows best; when it is gone, so does the kernel side, then its parent, which a shell's child
    // shares its directory with.
    let tgid = record.header.tgid;
    let candidate = record.flags & exec_flags::CANDIDATE != 0;
    let kept = field(&record.cwd, record.cwd_len);
    let own = processes.cwd(tgid);
    let directory = match (own, kept.is_empty() || candidate) {
        (Some(own), _) => own,
        (None, false) => kept.to_vec(),
        (None, true) => processes.cwd(processes.kept(tgid)?.parent)?,
    };
    Some(place::join(&directory, path))
}

/// What is open as the descriptor that `path` names (`/dev/fd/3`, or `/dev/fd/3/x` for a file in a directory), as it is now.
fn open(path: &[u8], tgid: u32, processes: &impl Processes) -> Option<place::Path> {
    let rest = path.strip_prefix(b"/dev/fd/")?;
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let (number, below) = rest.split_at_checked(end)?;
    let number = core::str::from_utf8(number).ok()?.parse().ok()?;
    let link = processes.descriptor(tgid, number)?;
    Some(place::join(alive(&link), below.strip_prefix(b"/").unwrap_or(below)))
}

/// The used part of a field.
fn field(bytes: &[u8], length: u32) -> &[u8] {
    bytes.get(..bytes.len().min(length as usize)).unwrap_or_default()
}

/// Whether the program was named by a descriptor. When that cannot be looked at any more, it is `fileless_exec` that tells.
fn is_descriptor(record: &VolatileExecRecord) -> bool {
    let path = field(&record.path, record.path_len);
    path.starts_with(b"/dev/fd/") || path.starts_with(b"/proc/")
}

/// Weighs a program executed by a relative of who made a file of that name executable; `None` when it is another file.
fn dropped(record: &VolatileExecRecord, path: Option<&[u8]>, processes: &impl Processes) -> Option<Severity> {
    if let Some(file) = path.and_then(|path| processes.file(path)) {
        return file.age.is_some_and(|age| age < FRESH).then_some(Severity::MEDIUM);
    }
    // It is gone already: whoever unlinks what he has just started hides it.
    match processes.exe(record.header.tgid) {
        Some(exe) => nameless(&exe).map(|_| Severity::MEDIUM),
        None => Some(Severity::LOW),
    }
}

/// Weighs a process that unlinks a file of its program's name; `None` when it is another file.
fn unlinked(
    record: &VolatileExecRecord,
    path: Option<&[u8]>,
    processes: &impl Processes,
) -> Option<Severity> {
    let path = path?;
    if let Some(exe) = processes.exe(record.header.tgid) {
        return (alive(&exe) == path).then_some(Severity::MEDIUM);
    }
    let task = processes.kept(record.header.tgid)?;
    let kept = field(&task.exe, task.exe_len);
    (kept == path || (kept.first() != Some(&b'/') && base(kept) == base(path))).then_some(Severity::LOW)
}

/// Weighs an exec; `None` for a candidate that leads elsewhere.
///
/// A candidate that cannot be resolved is told at low severity: it is gone, and silence would be a way to hide.
#[must_use]
pub fn judge(
    record: &VolatileExecRecord,
    outcome: Outcome,
    processes: &impl Processes,
    policy: &config::VolatileExec,
) -> Option<Judged> {
    let resolved = resolve(record, processes, policy);
    let candidate = record.flags & exec_flags::CANDIDATE != 0;
    let reason = record.reason as u8;
    let severity = match (&resolved, candidate) {
        _ if reason == reason::DROPPED_AND_RUN => dropped(record, resolved.as_deref(), processes)?,
        _ if reason == reason::SELF_UNLINK => unlinked(record, resolved.as_deref(), processes)?,
        (None, true) if is_descriptor(record) => return None,
        (Some(path), true) if !place::is_volatile(path, policy) => return None,
        (None, true) => Severity::LOW,
        _ => Severity::MEDIUM,
    };
    let given = field(&record.path, record.path_len);
    let mut flags = 0;
    for (abi, wire) in [(exec_flags::RELATIVE, VolatileExec::RELATIVE), (exec_flags::CUT, VolatileExec::CUT)]
    {
        if record.flags & abi != 0 {
            flags |= wire;
        }
    }
    if resolved.is_some() {
        flags |= VolatileExec::RESOLVED;
    }
    let path = resolved.as_deref().unwrap_or(given);
    let relative = record.flags & exec_flags::RELATIVE != 0;
    let cwd = if relative { field(&record.cwd, record.cwd_len) } else { b"" };
    let evidence =
        VolatileExec { flags, path: Bytes::cut(path), cwd: Bytes::cut(cwd), reason: Reason(reason) };
    // The same program started again by the same user is the same finding, whatever its process id.
    let key = key((DETECTOR, reason, path, record.header.uid, outcome as u8));
    // The caller makes it T1105 when the process shows that what runs is this very file, and not an interpreter of it.
    let technique = match reason {
        reason::DROPPED_AND_RUN => Technique::T1105,
        reason::SELF_UNLINK => Technique::new(1070, 4),
        _ => Technique::T1059,
    };
    Some(Judged { technique, severity, evidence: Evidence::VolatileExec(evidence), key })
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use bytemuck::Zeroable as _;

    use super::*;
    use crate::config::Config;
    use crate::decide::detectors::staged::Stage;

    /// A process whose working directory is known, or not.
    struct In(Option<&'static str>);

    impl Processes for In {
        fn kept(&self, _: u32) -> Option<edge_abi::Task> {
            None
        }

        fn cwd(&self, _: u32) -> Option<Vec<u8>> {
            self.0.map(|directory| directory.as_bytes().to_vec())
        }
    }

    fn record(path: &str, flags: u32, cwd: &str) -> VolatileExecRecord {
        let mut record = VolatileExecRecord::zeroed();
        record.flags = flags;
        record.path_len = path.len() as u32;
        record.path[..path.len()].copy_from_slice(path.as_bytes());
        record.cwd_len = cwd.len() as u32;
        record.cwd[..cwd.len()].copy_from_slice(cwd.as_bytes());
        record
    }

    fn told(record: &VolatileExecRecord, processes: &In) -> Option<(Severity, VolatileExec)> {
        let policy = Config::default().detectors.volatile_exec;
        let judged = judge(record, Outcome::Reported, processes, &policy)?;
        let Evidence::VolatileExec(evidence) = judged.evidence else {
            panic!("evidence of another detector")
        };
        Some((judged.severity, evidence))
    }

    #[test]
    fn an_absolute_path_is_told_as_it_is() {
        let (severity, evidence) = told(&record("/tmp/x", 0, ""), &In(None)).unwrap();
        assert_eq!((severity, evidence.path.as_slice()), (Severity::MEDIUM, &b"/tmp/x"[..]));
    }

    #[test]
    fn a_relative_path_is_resolved_even_when_the_process_is_gone() {
        let record = record("./x", exec_flags::RELATIVE, "/tmp/d");
        let (_, evidence) = told(&record, &In(None)).unwrap();
        assert_eq!(evidence.path.as_slice(), b"/tmp/d/x");
        assert_eq!(evidence.flags, VolatileExec::RELATIVE | VolatileExec::RESOLVED);
        assert_eq!(told(&record, &In(Some("/tmp/d/deeper"))).unwrap().1.path.as_slice(), b"/tmp/d/deeper/x");
    }

    #[test]
    fn candidates_are_dismissed_told_or_left_open() {
        let flags = exec_flags::RELATIVE | exec_flags::CANDIDATE;
        assert_eq!(told(&record("../bin/x", flags, "/tmp"), &In(Some("/tmp"))), None);
        assert_eq!(told(&record("x", flags, ""), &In(Some("/dev/shm"))).unwrap().0, Severity::MEDIUM);
        let (severity, evidence) = told(&record("x", flags, ""), &In(None)).unwrap();
        assert_eq!(
            (severity, evidence.path.as_slice(), evidence.flags),
            (Severity::LOW, &b"x"[..], VolatileExec::RELATIVE)
        );
        assert_eq!(told(&record("/tmp/../bin/sh", exec_flags::CANDIDATE, ""), &In(None)), None);
        let sneaky = told(&record("/usr/../tmp/x", exec_flags::CANDIDATE, ""), &In(None)).unwrap();
        assert_eq!(sneaky.1.path.as_slice(), b"/tmp/x");
    }

    fn told_by(record: &VolatileExecRecord, stage: &Stage) -> Option<(Severity, Technique)> {
        let policy = Config::default().detectors.volatile_exec;
        let judged = judge(record, Outcome::Reported, stage, &policy)?;
        Some((judged.severity, judged.technique))
    }

    fn about(path: &str, reason: u8) -> VolatileExecRecord {
        let mut record = record(path, exec_flags::CANDIDATE, "");
        (record.reason, record.header.tgid) = (u32::from(reason), 7);
        record
    }

    #[test]
    fn a_dropped_file_is_fresh_or_gone() {
        let dropped = about("/data/x", reason::DROPPED_AND_RUN);
        let told = Some((Severity::MEDIUM, Technique::T1105));
        assert_eq!(told_by(&dropped, &Stage::default().aged("/data/x", 0o755, 3)), told);
        assert_eq!(told_by(&dropped, &Stage::default().exe(7, "/data/x (deleted)")), told);
        assert_eq!(told_by(&dropped, &Stage::default().aged("/data/x", 0o755, 86_400)), None, "another one");
        assert_eq!(told_by(&dropped, &Stage::default()), Some((Severity::LOW, Technique::T1105)));
    }

    #[test]
    fn who_unlinks_what_it_runs_is_told() {
        let unlinked = about("/data/x", reason::SELF_UNLINK);
        let told = |severity| Some((severity, Technique::new(1070, 4)));
        for exe in ["/data/x", "/data/x (deleted)"] {
            assert_eq!(told_by(&unlinked, &Stage::default().exe(7, exe)), told(Severity::MEDIUM));
        }
        assert_eq!(told_by(&unlinked, &Stage::default().exe(7, "/usr/bin/x")), None, "a file of that name");
        assert_eq!(told_by(&unlinked, &Stage::default().kept_exe(7, "/data/x")), told(Severity::LOW));
        assert_eq!(told_by(&unlinked, &Stage::default().kept_exe(7, "/usr/bin/x")), None);
    }

    #[test]
    fn a_descriptor_is_what_it_has_open() {
        let by_descriptor = record("/dev/fd/3", exec_flags::CANDIDATE, "");
        let stage = |exe| Stage::default().exe(0, exe);
        assert_eq!(
            told_by(&by_descriptor, &stage("/tmp/x (deleted)")),
            Some((Severity::MEDIUM, Technique::T1059))
        );
        assert_eq!(told_by(&by_descriptor, &stage("/usr/bin/x")), None);
        assert_eq!(told_by(&by_descriptor, &Stage::default()), None, "told by fileless_exec");
    }

    #[test]
    fn a_descriptor_is_looked_at_before_the_program_has_begun() {
        let path = |record: &VolatileExecRecord, stage: &Stage| {
            let policy = Config::default().detectors.volatile_exec;
            let judged = judge(record, Outcome::Reported, stage, &policy).unwrap();
            let Evidence::VolatileExec(evidence) = judged.evidence else { panic!("another detector's") };
            String::from_utf8(evidence.path.as_slice().to_vec()).unwrap()
        };
        let file = record("/dev/fd/3", 0, "");
        let early = Stage::default().exe(0, "/usr/bin/loader").descriptor(0, 3, "/tmp/x");
        assert_eq!(path(&file, &early), "/tmp/x");
        assert_eq!(path(&file, &Stage::default().exe(0, "/tmp/x")), "/tmp/x");
        let below = record("/dev/fd/3/d/x", 0, "");
        let early = Stage::default().exe(0, "/usr/bin/loader").descriptor(0, 3, "/tmp");
        assert_eq!(path(&below, &early), "/tmp/d/x");
        let neither = Stage::default().exe(0, "/usr/bin/loader").descriptor(0, 3, "socket:[7]");
        assert_eq!(path(&file, &neither), "/dev/fd/3", "as it was given");
    }

    /// A process whose exec is done between the first look at its program and the one at its descriptor.
    #[derive(Default)]
    struct Execs(Cell<bool>);

    impl Processes for Execs {
        fn kept(&self, _: u32) -> Option<edge_abi::Task> {
            None
        }

        fn exe(&self, _: u32) -> Option<Vec<u8>> {
            Some(if self.0.get() { b"/tmp/x".to_vec() } else { b"/usr/bin/loader".to_vec() })
        }

        fn descriptor(&self, _: u32, _: u32) -> Option<Vec<u8>> {
            self.0.set(true);
            None
        }
    }

    #[test]
    fn a_descriptor_closed_by_the_exec_is_looked_at_again() {
        let policy = Config::default().detectors.volatile_exec;
        let path = resolve(&record("/dev/fd/3", 0, ""), &Execs::default(), &policy);
        assert_eq!(path.as_deref(), Some(&b"/tmp/x"[..]));
    }
}
