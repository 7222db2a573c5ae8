//! Which stand is taken, and what becomes of those that do not hold.

use super::super::report::Reached;
use super::*;

/// What keeps everything above tracepoints away.
fn lacks() -> Lacks {
    Lacks {
        lsm: "no lsm".into(),
        kprobes: "no kprobes".into(),
        entry: "no entry".into(),
        offsets: "no offsets".into(),
        tasks: "no tasks".into(),
    }
}

/// The rung and reasons of a detector.
fn chosen(detector: DetectorId, means: Means) -> Reach {
    Choice::new(&[detector], means, &lacks()).reaches().pop().unwrap()
}

#[test]
fn the_highest_stand_that_is_possible_is_taken() {
    let entry = Means { kprobes: true, entry: true, ..Means::default() };
    let high = chosen(DetectorId::NET_TAMPER, entry);
    assert_eq!((Rung(high.rung), high.why.as_str()), (Rung::KPROBE, ""));
    let low = chosen(DetectorId::NET_TAMPER, Means::default());
    assert_eq!((Rung(low.rung), low.why.as_str()), (Rung::TRACEPOINT, "kprobe: no entry"));
    assert_eq!(Rung(chosen(DetectorId::LATERAL_SCAN, Means::default()).rung), Rung::CGROUP);
}

#[test]
fn devices_and_settings_stand_in_the_cgroup_where_it_can_tell_the_process() {
    for (detector, first) in
        [(DetectorId::DEVICE_TAMPER, Program::Device), (DetectorId::SYSCTL_TAMPER, Program::Sysctl)]
    {
        let high = chosen(detector, Means { tasks: true, ..Means::default() });
        assert_eq!((Rung(high.rung), high.first), (Rung::CGROUP, Some(first)));
        let low = chosen(detector, Means::default());
        assert_eq!(Rung(low.rung), Rung::TRACEPOINT);
        assert!(low.why.contains("cgroup: no tasks"), "{}", low.why);
    }
}

#[test]
fn every_detector_has_a_stand_that_needs_nothing() {
    for detector in DetectorId::ALL.iter().filter(|detector| !stands(**detector).is_empty()) {
        let reach = chosen(*detector, Means::default());
        assert!(reach.first.is_some(), "{detector}: {}", reach.why);
    }
}

#[test]
fn stands_are_ordered_and_jumps_have_what_jumps() {
    for (detector, stand) in DetectorId::ALL.iter().map(|detector| (*detector, stands(*detector))) {
        let height = |rung: Rung| match rung {
            Rung::LSM => 4,
            // It sees what is written to a setting, which the security hooks of files do not.
            Rung::CGROUP if detector == DetectorId::SYSCTL_TAMPER => 4,
            Rung::CGROUP => 3,
            Rung::KPROBE => 2,
            _ => 1,
        };
        assert!(stand.is_sorted_by(|above, below| height(above.rung) >= height(below.rung)), "{detector}");
        for program in
            stand.iter().flat_map(|stand| stand.programs.iter().map(move |program| (stand, program)))
        {
            if let (stand, Hook::Jump(from, ..)) = (program.0, program.1.hook()) {
                assert!(stand.programs.contains(&from), "{} without {}", program.1.name(), from.name());
            }
        }
    }
}

#[test]
fn a_stand_that_looks_at_syscalls_has_the_program_that_does() {
    for stand in DetectorId::ALL.iter().flat_map(|detector| stands(*detector)) {
        let looks = stand.programs.iter().any(|program| program.hook() == Hook::Entry);
        assert_eq!(looks, !stand.syscalls.is_empty(), "{stand:?}");
    }
}

#[test]
fn only_syscalls_that_a_stand_looks_at_are_wanted() {
    let choice = Choice::new(&[DetectorId::KERNEL_CODE], Means::default(), &lacks());
    assert!(choice.wants(SyscallClass::Module) && !choice.wants(SyscallClass::Write));
    assert!(choice.programs().contains(&Program::SysActs) && !choice.programs().contains(&Program::SysPaths));
}

#[test]
fn what_does_not_hold_falls_as_far_as_there_is_something_below() {
    let entry = Means { kprobes: true, entry: true, ..Means::default() };
    let detectors = [DetectorId::NET_TAMPER, DetectorId::FETCH_LOOP];
    let mut choice = Choice::new(&detectors, entry, &lacks());
    let refused = |program| (program, Reached::Refused("EINVAL".into()));
    let report = Report {
        programs: vec![refused(Program::SysEnter), refused(Program::ExecActs)],
        ..Report::default()
    };
    // With handlers out of the question, the raw tracepoint is allowed.
    assert!(choice.fall(&report, Means { entry: false, ..entry }, &lacks()));
    assert!(!choice.fall(&report, Means { entry: false, ..entry }, &lacks()), "nothing is below");
    let reaches = choice.reaches();
    assert_eq!(Rung(reaches[0].rung), Rung::TRACEPOINT);
    assert_eq!(reaches[0].why, "kprobe: sys_enter refused, EINVAL");
    assert_eq!(
        (reaches[1].first, reaches[1].why.as_str()),
        (Some(Program::ExecActs), ""),
        "stays, and is off"
    );
}

#[test]
fn security_hooks_come_before_syscalls_where_they_can_refuse() {
    let lsm = Means { kprobes: true, entry: true, lsm: true, offsets: true, ..Means::default() };
    for detector in [DetectorId::KERNEL_CODE, DetectorId::VOLATILE_EXEC, DetectorId::MASS_KILL] {
        assert_eq!(Rung(chosen(detector, lsm).rung), Rung::LSM, "{detector}");
    }
    let kprobes = Means { lsm: false, ..lsm };
    assert_eq!(Rung(chosen(DetectorId::VOLATILE_EXEC, kprobes).rung), Rung::KPROBE);
    assert_eq!(chosen(DetectorId::VOLATILE_EXEC, kprobes).first, Some(Program::ObjectPlace));
    assert_eq!(chosen(DetectorId::KERNEL_CODE, kprobes).first, Some(Program::SysEnter));
    assert_eq!(Rung(chosen(DetectorId::MASS_KILL, kprobes).rung), Rung::TRACEPOINT);
}
