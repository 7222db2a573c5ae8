//! Which detector stands where, and what a machine without a hook means.

use super::*;

/// A report in which `detector` stands on `first`, which came so far.
fn standing(detector: DetectorId, on: Rung, first: Program, reached: Reached) -> Report {
    let reach = Reach { detector: detector.0, rung: on.0, first: Some(first), why: String::new() };
    Report { programs: vec![(first, reached)], reaches: vec![reach], ..Report::default() }
}

#[test]
fn only_what_an_enabled_detector_may_stand_on_is_needed() {
    let mut config = Config::default();
    assert!(may_need(&config, Program::SysEnter));
    config.detectors.file_tamper.enabled = false;
    config.detectors.volatile_exec.enabled = false;
    for act in &mut config.detectors.acts {
        act.enabled = false;
    }
    assert!(!may_need(&config, Program::SysEnter) && may_need(&config, Program::Connect4));
}

#[test]
fn refusing_needs_the_rung_that_can() {
    let mut config = Config::default();
    config.policy.action = config::Mode::Enforce;
    for act in &mut config.detectors.acts {
        act.action = config::Action::Deny;
    }
    let at = |rung| standing(DetectorId::PERSISTENCE, rung, Program::FileOpen, Reached::Attached);
    assert!(!cannot_deny(&config, &at(Rung::LSM), DetectorId::PERSISTENCE));
    assert!(cannot_deny(&config, &at(Rung::KPROBE), DetectorId::PERSISTENCE));
    let mut beside = standing(DetectorId::RAW_SOCKET, Rung::KPROBE, Program::SysEnter, Reached::Attached);
    assert!(cannot_deny(&config, &beside, DetectorId::RAW_SOCKET));
    beside.programs.push((Program::SockCreate, Reached::Attached));
    assert!(!cannot_deny(&config, &beside, DetectorId::RAW_SOCKET), "a cgroup program refuses");
    config.policy.action = config::Mode::Observe;
    assert!(!cannot_deny(&config, &at(Rung::KPROBE), DetectorId::PERSISTENCE));
}

#[test]
fn a_detector_without_its_first_program_is_off() {
    let detector = DetectorId::LATERAL_SCAN;
    let report = standing(detector, Rung::CGROUP, Program::Connect4, Reached::Loaded("no".into()));
    assert_eq!(rung(&report, detector), Rung::OFF);
    assert_eq!(rung(&report, DetectorId::VOLATILE_EXEC), Rung::OFF, "not to run at all");
    let report = standing(detector, Rung::CGROUP, Program::Connect4, Reached::Attached);
    assert_eq!(rung(&report, detector), Rung::CGROUP);
}

#[test]
fn a_blind_agent_does_not_start() {
    let reached = Reached::Loaded("ENOENT".into());
    let report = standing(DetectorId::FILE_TAMPER, Rung::TRACEPOINT, Program::SysEnter, reached);
    let error = require_one(&Config::default(), &report);
    assert!(matches!(error, Err(AgentError::Attach { program: "sys_enter", .. })));
}
