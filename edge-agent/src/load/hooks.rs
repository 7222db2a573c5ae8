//! Which detectors' acts are judged where the kernel asks its security modules, so that programs at other places leave them alone.

use edge_abi::Detector;

use super::program::Program;
use super::report::Report;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::Reached;

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
}
