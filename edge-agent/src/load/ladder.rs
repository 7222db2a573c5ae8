//! The highest stand of each detector that this machine lets it have.

use edge_abi::SyscallClass;
use edge_wire::{DetectorId, Rung};

use super::means::{Lacks, Means};
use super::program::{CgroupPoint, Hook, Program};
use super::report::{Reach, Report};
use super::stands::{Stand, stands};

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

/// Whether a detector knows files by what they are where it stands, not by what they are called.
#[must_use]
pub(super) fn knows_files(report: &Report, detector: DetectorId) -> bool {
    let Some(reach) = report.reach(detector) else { return false };
    let here = |stand: &&Stand| stand.rung.0 == reach.rung && stand.programs.first().copied() == reach.first;
    let upper = stands(detector).iter().filter(here).any(|stand| stand.programs.contains(&Program::FileOpen));
    upper && report.runs(Program::FileOpen)
}

/// Whether a detector can refuse where it stands.
#[must_use]
pub fn can_deny(report: &Report, detector: DetectorId) -> bool {
    let beside = detector == DetectorId::RAW_SOCKET && report.runs(Program::SockCreate);
    beside || matches!(rung(report, detector), Rung::CGROUP | Rung::LSM)
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

    /// Goes one down. A rung that has two stands gives its reason once, and none where the other one is no worse.
    fn skip(&mut self, stand: &Stand, why: &str) {
        let told = format!("{}: {why}", stand.rung);
        if !why.is_empty() && !self.why.contains(&told) {
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
    // Cgroup programs of devices and settings have sensors of files beside them.
    let beside = stand.rung == Rung::CGROUP && stand.programs.contains(&Program::FileOpen);
    let (is_possible, why) = match stand.rung {
        Rung::LSM if !means.lsm => (false, lacks.lsm.as_str()),
        // The same is seen where syscalls begin, at a higher price.
        Rung::TRACEPOINT if stand.programs.contains(&Program::ObjectFcntl) => (means.lsm, ""),
        Rung::CGROUP if beside && !means.lsm && !means.kprobes => (false, lacks.kprobes.as_str()),
        // Security hooks are about objects, which only offsets tell from one another.
        _ if (at_security || beside) && !means.offsets => (false, lacks.offsets.as_str()),
        Rung::CGROUP if matches!(begins, Some(Hook::Cgroup(CgroupPoint::Device | CgroupPoint::Sysctl))) => {
            (means.tasks, lacks.tasks.as_str())
        }
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
