//! Where each detector can stand, highest first, and the highest that this machine lets it.

use edge_abi::SyscallClass;
use edge_wire::{DetectorId, Rung};

use super::classes::{
    BUSES, CODE, DATA, DESCRIPTORS, DIRECTORIES, LINKS, MEMORY, MODES, NAMES, NAMESPACES, OPENS, REMOVES,
    RENAMES, REQUESTS, SETUP, SOCKETS, UNMAPS, WRITES,
};
use super::means::{Lacks, Means};
use super::program::{Hook, Program};
use super::report::{Reach, Report};

/// One way for a detector to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// What it is called towards subscribers. On the LSM rung the security hooks among `programs` are LSM programs, on the kprobe
    /// rung kprobes; [`Hook::Entry`] is a kprobe there and a raw tracepoint on the tracepoint rung.
    pub rung: Rung,
    /// The programs; it sees nothing without the first one. Fork, exit and exec follow processes: who it was, what it descends
    /// from, whether it is allowed.
    pub programs: &'static [Program],
    /// The syscalls whose beginning its programs want to see, in groups.
    pub syscalls: &'static [&'static [SyscallClass]],
}

/// Programs that follow processes, with others in front.
macro_rules! following {
    ($($program:ident),*) => {
        &[$(Program::$program,)* Program::Fork, Program::Exit, Program::Exec]
    };
}

/// One stand.
macro_rules! stand {
    ($rung:ident, [$($program:ident),*], [$($syscalls:expr),*]) => {
        Stand { rung: Rung::$rung, programs: following!($($program),*), syscalls: &[$($syscalls),*] }
    };
}

/// The stands of what judges syscalls as they begin: at their handlers, or at the raw tracepoint.
macro_rules! entry {
    ([$($program:ident),*], [$($syscalls:expr),*]) => {
        &[
            stand!(KPROBE, [SysEnter $(, $program)*], [$($syscalls),*]),
            stand!(TRACEPOINT, [SysEnter $(, $program)*], [$($syscalls),*]),
        ]
    };
}

/// What watches files knows them by what they are; where it cannot, it reads paths wherever a file is named, and follows working directories. First the programs that can refuse on the
/// LSM rung alone, then the programs and syscalls that it needs on any rung, then those that only paths need.
macro_rules! watching {
    (LSM [$($object:ident),*], [$($program:ident),*], [$($syscalls:expr),*]) => {
        &[
            stand!(
                LSM,
                [FileOpen, InodeRename, InodeArrive, InodeUnlink, InodeSetattr, InodeLink, InodeSymlink, InodeCreate, InodeMknod
                    $(, $object)* $(, $program)*],
                [$($syscalls),*]
            ),
            stand!(
                KPROBE,
                [FileOpen, InodeRename, InodeArrive, InodeUnlink, InodeSetattr, InodeLink, InodeSymlink, InodeMknod $(, $program)*],
                [$($syscalls),*]
            ),
            stand!(
                KPROBE,
                [SysEnter, SysPaths, SysSecond $(, $program)*],
                [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES $(, $syscalls)*]
            ),
            stand!(
                TRACEPOINT,
                [SysEnter, SysPaths, SysSecond $(, $program)*],
                [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES $(, $syscalls)*]
            ),
        ]
    };
}

/// A stand of `volatile_exec` at security hooks: where programs lie, and what becomes of their files.
macro_rules! volatile {
    ($rung:ident) => {
        stand!($rung, [ObjectPlace, ExecPlace, FileOpen, InodeSetattr, InodeUnlink], [])
    };
}

/// The stands of a detector, highest first.
#[must_use]
pub(super) const fn stands(detector: DetectorId) -> &'static [Stand] {
    match detector {
        DetectorId::FILE_TAMPER => &[
            stand!(
                LSM,
                [
                    InodeRename,
                    InodeUnlink,
                    InodeSetattr,
                    FileOpen,
                    FilePermission,
                    MmapFile,
                    SysEnter,
                    SysWrite
                ],
                [UNMAPS]
            ),
            stand!(
                KPROBE,
                [InodeRename, InodeUnlink, InodeSetattr, FileOpen, MmapFile, SysEnter, SysWrite],
                [WRITES]
            ),
            stand!(
                KPROBE,
                [SysEnter, SysPaths, SysSecond, SysFiles, SysOrigin, SysWrite],
                [OPENS, RENAMES, REMOVES, DATA]
            ),
            stand!(
                TRACEPOINT,
                [SysEnter, SysPaths, SysSecond, SysFiles, SysOrigin, SysWrite],
                [OPENS, RENAMES, REMOVES, DATA]
            ),
        ],
        DetectorId::LATERAL_SCAN => &[stand!(CGROUP, [Connect4, Connect6, Sendmsg4, Sendmsg6], [])],
        DetectorId::VOLATILE_EXEC => &[
            volatile!(LSM),
            volatile!(KPROBE),
            Stand {
                rung: Rung::TRACEPOINT,
                programs: &[
                    Program::Exec,
                    Program::ExecPlace,
                    Program::Fork,
                    Program::Exit,
                    Program::SysEnter,
                    Program::SysPaths,
                    Program::SysSecond,
                    Program::SysUnlink,
                ],
                syscalls: &[OPENS, RENAMES, REMOVES, MODES, DIRECTORIES],
            },
        ],
        DetectorId::CREDENTIAL_ACCESS
        | DetectorId::PERSISTENCE
        | DetectorId::SYSCTL_TAMPER => watching!(LSM [], [], []),
        DetectorId::DEVICE_TAMPER => watching!(LSM [], [SysEnter, SysActs], [REQUESTS]),
        DetectorId::NAMESPACE_ESCAPE => watching!(
            LSM [ObjectMount, ObjectMove, ObjectPivot], [SysEnter, SysActs], [NAMESPACES]
        ),
        DetectorId::PROCESS_INJECTION => watching!(LSM [ObjectTrace], [SysEnter, SysActs], [MEMORY]),
        DetectorId::PRIVILEGE_JUMP => &[
            stand!(
                LSM,
                [ObjectExec, ObjectAttribute, ExecActs, ExecReport, SysEnter, SysPaths, SysSecond],
                [OPENS, MODES]
            ),
            stand!(
                KPROBE,
                [ObjectAttribute, ExecActs, ExecReport, SysEnter, SysPaths, SysSecond],
                [OPENS, MODES]
            ),
            stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysPaths, SysSecond], [OPENS, MODES]),
        ],
        DetectorId::FILELESS_EXEC | DetectorId::FOREIGN_EXEC => &[
            stand!(LSM, [ObjectExec, ExecActs, ExecReport], []),
            stand!(KPROBE, [ObjectExec, ExecActs, ExecReport], []),
            stand!(TRACEPOINT, [ExecActs, ExecReport], []),
        ],
        DetectorId::FETCH_LOOP => {
            &[stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames], [DESCRIPTORS])]
        }
        DetectorId::SHELL_ON_SOCKET => {
            &[stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames, SockCreate], [DESCRIPTORS])]
        }
        DetectorId::MASQUERADE => {
            &[stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames], [NAMES])]
        }
        DetectorId::BUS_FLOOD => watching!(LSM [], [SysEnter, SysNet, SysWrite], [BUSES]),
        DetectorId::IMPAIR_DEFENSES => watching!(LSM [ObjectKill], [Signal], []),
        DetectorId::FLOOD_OUT => &[stand!(CGROUP, [Egress, SockCreate], [])],
        DetectorId::KERNEL_CODE => &[
            stand!(LSM, [ObjectRead, ObjectLoad, ObjectBpf], []),
            stand!(KPROBE, [SysEnter, SysActs], [CODE]),
            stand!(TRACEPOINT, [SysEnter, SysActs], [CODE]),
        ],
        DetectorId::URING_USE => &[
            stand!(LSM, [ObjectRing], []),
            stand!(KPROBE, [SysEnter, SysActs], [SETUP]),
            stand!(TRACEPOINT, [SysEnter, SysActs], [SETUP]),
        ],
        DetectorId::LOGIN_GUESSING => {
            &[Stand { rung: Rung::TRACEPOINT, programs: &[Program::SockState], syscalls: &[] }]
        }
        DetectorId::NET_TAMPER => entry!([SysNet], [SOCKETS, REQUESTS]),
        DetectorId::RAW_SOCKET => &[
            stand!(LSM, [ObjectSocket, SysEnter, SysNet, SockCreate], [SOCKETS]),
            stand!(KPROBE, [SysEnter, SysNet, SockCreate], [SOCKETS]),
            stand!(TRACEPOINT, [SysEnter, SysNet, SockCreate], [SOCKETS]),
        ],
        DetectorId::RESOURCE_HIJACK => &[stand!(TRACEPOINT, [CpuClock, ExecPlace], [])],
        DetectorId::MASS_KILL => {
            &[stand!(LSM, [ObjectKill], []), stand!(TRACEPOINT, [Signal], [])]
        }
        _ => &[],
    }
}

/// Whether anything a detector can stand on needs `program`.
#[must_use]
pub(super) fn may_need(detector: DetectorId, program: Program) -> bool {
    stands(detector).iter().any(|stand| stand.programs.contains(&program))
}

/// The rung a detector has reached.
#[must_use]
pub fn rung(report: &Report, detector: DetectorId) -> Rung {
    let reach = report.reach(detector).filter(|reach| reach.first.is_some_and(|first| report.runs(first)));
    reach.map_or(Rung::OFF, |reach| Rung(reach.rung))
}

/// Whether a detector's highest stand is one where it can refuse, so that it cannot on those below.
#[must_use]
pub(super) fn refuses_on_lsm_only(detector: DetectorId) -> bool {
    stands(detector).first().is_some_and(|highest| highest.rung == Rung::LSM)
}

/// Where one detector stands.
#[derive(Debug)]
struct Chosen {
    /// Which.
    detector: DetectorId,
    /// The stand, by its place among [`stands`]; past the last one when there is none to stand on.
    index: usize,
    /// Why none of those above.
    why: String,
}

/// Where every detector that runs stands.
#[derive(Debug)]
pub(super) struct Choice {
    /// One per detector that runs.
    chosen: Vec<Chosen>,
}

impl Choice {
    /// The highest stands that these means allow.
    pub(super) fn new(detectors: &[DetectorId], means: Means, lacks: &Lacks) -> Self {
        let highest = |detector: &DetectorId| {
            let mut chosen = Chosen { detector: *detector, index: 0, why: String::new() };
            chosen.settle(means, lacks);
            chosen
        };
        Self { chosen: detectors.iter().map(highest).collect() }
    }

    /// Every program of the stands chosen, in the order of attaching.
    pub(super) fn programs(&self) -> Vec<Program> {
        let wants = |program: &Program| self.stands().any(|stand| stand.programs.contains(program));
        Program::ALL.into_iter().filter(wants).collect()
    }

    /// Whether a class of syscalls is looked at by any of the stands.
    pub(super) fn wants(&self, class: SyscallClass) -> bool {
        self.stands().any(|stand| stand.syscalls.iter().any(|group| group.contains(&class)))
    }

    /// The stands chosen.
    fn stands(&self) -> impl Iterator<Item = &'static Stand> {
        self.chosen.iter().filter_map(Chosen::stand)
    }

    /// Lets the detectors fall whose stand does not hold, as far as there is one below; whether any fell.
    pub(super) fn fall(&mut self, report: &Report, means: Means, lacks: &Lacks) -> bool {
        let mut fell = false;
        for chosen in &mut self.chosen {
            let Some(stand) = chosen.stand() else { continue };
            let failed = stand.programs.first().and_then(|first| report.failure_of(*first));
            let below = stands(chosen.detector).get(chosen.index + 1..).unwrap_or_default();
            if let Some(why) =
                failed.filter(|_| below.iter().any(|stand| allows(stand, means, lacks).is_ok()))
            {
                chosen.skip(stand, &why);
                chosen.settle(means, lacks);
                fell = true;
            }
        }
        fell
    }

    /// What the agent is told.
    pub(super) fn reaches(self) -> Vec<Reach> {
        let reach = |chosen: Chosen| Reach {
            detector: chosen.detector.0,
            rung: chosen.stand().map_or(Rung::OFF, |stand| stand.rung).0,
            first: chosen.stand().and_then(|stand| stand.programs.first().copied()),
            why: chosen.why,
        };
        self.chosen.into_iter().map(reach).collect()
    }
}

impl Chosen {
    /// The stand.
    fn stand(&self) -> Option<&'static Stand> {
        stands(self.detector).get(self.index)
    }

    /// Goes down to the first stand that is allowed.
    fn settle(&mut self, means: Means, lacks: &Lacks) {
        while let Some(stand) = self.stand() {
            match allows(stand, means, lacks) {
                Ok(()) => return,
                Err(why) => self.skip(stand, why),
            }
        }
    }

    /// Goes one down. A rung that has two stands gives its reason once.
    fn skip(&mut self, stand: &Stand, why: &str) {
        let told = format!("{}: {why}", stand.rung);
        if !self.why.contains(&told) {
            self.why.push_str(if self.why.is_empty() { "" } else { "; " });
            self.why.push_str(&told);
        }
        self.index += 1;
    }
}

/// Whether a stand is possible by these means; if not, why.
fn allows<'l>(stand: &Stand, means: Means, lacks: &'l Lacks) -> Result<(), &'l str> {
    let begins = stand.programs.first().map(|first| first.hook());
    let at_entry = begins == Some(Hook::Entry);
    let at_security = matches!(begins, Some(Hook::Security(_)));
    let (is_possible, why) = match stand.rung {
        Rung::LSM if !means.lsm => (false, lacks.lsm.as_str()),
        // Security hooks are about objects, which only offsets tell from one another.
        Rung::LSM | Rung::KPROBE if at_security && !means.offsets => (false, lacks.offsets.as_str()),
        Rung::LSM => (true, ""),
        Rung::KPROBE if at_entry => (means.entry, lacks.entry.as_str()),
        // Where one security hook is an LSM program, all are: they tell their rung by the same global.
        Rung::KPROBE if at_security && means.lsm => (false, "security hooks are LSM programs here"),
        Rung::KPROBE => (means.kprobes, lacks.kprobes.as_str()),
        Rung::TRACEPOINT if at_entry && means.entry => (false, "syscalls are seen at their handlers here"),
        _ => (true, ""),
    };
    if is_possible { Ok(()) } else { Err(why) }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
