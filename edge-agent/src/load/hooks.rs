//! Which detectors' acts are judged where the kernel asks its security modules, so that programs at other places leave them alone.

use edge_abi::Detector;
use edge_wire::{Action, DetectorId, Rung};

use super::program::Program;
use super::report::Report;
use super::{action, is_enabled, rung};
use crate::config::Config;

/// A detector, and the programs that see all its acts of one kind together.
const HOOKS: [(Detector, &[Program]); 7] = [
    (Detector::KernelCode, &[Program::ObjectRead, Program::ObjectLoad, Program::ObjectBpf]),
    (Detector::ProcessInjection, &[Program::ObjectTrace]),
    (Detector::NamespaceEscape, &[Program::ObjectMount, Program::ObjectMove, Program::ObjectPivot]),
    (Detector::RawSocket, &[Program::ObjectSocket]),
    (Detector::ImpairDefenses, &[Program::ObjectKill]),
    (Detector::MassKill, &[Program::ObjectKill]),
    (Detector::UringUse, &[Program::ObjectRing]),
];

/// Their [`Detector::bit`]s. A detector of which one program is missing is judged as on the rungs below.
#[must_use]
pub(super) fn judged(report: &Report) -> u32 {
    let all = |programs: &[Program]| programs.iter().all(|program| report.runs(*program));
    HOOKS.iter().filter(|(_, programs)| all(programs)).fold(0, |bits, (detector, _)| bits | detector.bit())
}

/// The detectors that are told to refuse but stand where nothing can be refused: they observe.
pub(super) fn toothless(report: &Report, config: &Config) -> impl Iterator<Item = (DetectorId, Rung)> {
    let told = DetectorId::ALL
        .iter()
        .copied()
        .filter(|detector| is_enabled(config, *detector) && action(config, *detector) == Action::DENY);
    let rungs: Vec<_> = told.map(|detector| (detector, rung(report, detector))).collect();
    // Raw IP sockets are refused by a program of the cgroup, whatever the detector stands on.
    let bites = |detector: DetectorId, rung: Rung| {
        rung == Rung::LSM
            || rung == Rung::CGROUP
            || (detector == DetectorId::RAW_SOCKET && report.runs(Program::SockCreate))
    };
    rungs.into_iter().filter(move |(detector, rung)| !bites(*detector, *rung))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::{Reach, Reached};

    #[test]
    fn a_detector_needs_all_of_its_hooks() {
        let mut report = Report::default();
        assert_eq!(judged(&report), 0);
        report.programs.push((Program::ObjectRead, Reached::Attached));
        report.programs.push((Program::ObjectLoad, Reached::Attached));
        report.programs.push((Program::ObjectBpf, Reached::Loaded("no".into())));
        report.programs.push((Program::ObjectKill, Reached::Attached));
        assert_eq!(judged(&report), Detector::ImpairDefenses.bit() | Detector::MassKill.bit());
    }

    #[test]
    fn who_is_to_refuse_and_cannot_is_named() {
        let source = "[policy]\naction = \"enforce\"\n[detectors.kernel_code]\naction = \"deny\"\n\
             [detectors.raw_socket]\naction = \"deny\"\n[detectors.mass_kill]\naction = \"kill\"\n";
        let config = Config::parse(source.as_bytes(), "agent.toml").unwrap();
        let named =
            |report: &Report| toothless(report, &config).map(|(detector, _)| detector).collect::<Vec<_>>();
        let mut report = Report::default();
        assert_eq!(named(&report), [DetectorId::RAW_SOCKET, DetectorId::KERNEL_CODE]);
        report.programs.push((Program::SockCreate, Reached::Attached));
        report.programs.push((Program::ObjectRead, Reached::Attached));
        report.reaches.push(Reach {
            detector: DetectorId::KERNEL_CODE.0,
            rung: Rung::LSM.0,
            first: Some(Program::ObjectRead),
            why: String::new(),
        });
        assert_eq!(named(&report), []);
    }
}
