//! Which programs serve which detector, and on which rung it then stands.

use edge_wire::{DetectorId, Rung};

use super::report::{Program, Report};

/// The programs of a detector; it sees nothing without the first one. Fork, exit and exec follow processes: who it was, what it
/// descends from, whether it is allowed.
#[must_use]
pub const fn programs(detector: DetectorId) -> &'static [Program] {
    use Program::{Exec as EXEC, Exit as EXIT, Fork as FORK};
    match detector {
        DetectorId::FILE_TAMPER => &[
            Program::SysEnter,
            Program::SysPaths,
            Program::SysSecond,
            Program::SysFiles,
            Program::SysOrigin,
            Program::SysWrite,
            FORK,
            EXIT,
            EXEC,
        ],
        DetectorId::LATERAL_SCAN => {
            &[Program::Connect4, Program::Connect6, Program::Sendmsg4, Program::Sendmsg6, FORK, EXIT, EXEC]
        }
        DetectorId::VOLATILE_EXEC => &[
            Program::Exec,
            Program::ExecPlace,
            FORK,
            EXIT,
            Program::SysEnter,
            Program::SysPaths,
            Program::SysSecond,
            Program::SysUnlink,
        ],
        DetectorId::CREDENTIAL_ACCESS | DetectorId::PERSISTENCE => {
            &[Program::SysEnter, Program::SysPaths, Program::SysSecond, FORK, EXIT, EXEC]
        }
        DetectorId::SYSCTL_TAMPER => {
            &[Program::SysEnter, Program::SysPaths, Program::SysSecond, Program::Sysctl, FORK, EXIT, EXEC]
        }
        DetectorId::DEVICE_TAMPER => &[
            Program::SysEnter,
            Program::SysPaths,
            Program::SysSecond,
            Program::SysActs,
            Program::Device,
            FORK,
            EXIT,
            EXEC,
        ],
        DetectorId::NAMESPACE_ESCAPE | DetectorId::PROCESS_INJECTION => {
            &[Program::SysEnter, Program::SysPaths, Program::SysSecond, Program::SysActs, FORK, EXIT, EXEC]
        }
        DetectorId::PRIVILEGE_JUMP => &[
            Program::ExecActs,
            Program::ExecReport,
            Program::SysEnter,
            Program::SysPaths,
            Program::SysSecond,
            FORK,
            EXIT,
            EXEC,
        ],
        DetectorId::FILELESS_EXEC | DetectorId::FOREIGN_EXEC => {
            &[Program::ExecActs, Program::ExecReport, EXEC, FORK, EXIT]
        }
        DetectorId::FETCH_LOOP | DetectorId::MASQUERADE | DetectorId::SHELL_ON_SOCKET => {
            &[Program::ExecActs, Program::ExecReport, Program::SysEnter, Program::SysNames, FORK, EXIT, EXEC]
        }
        DetectorId::BUS_FLOOD => &[
            Program::SysEnter,
            Program::SysNet,
            Program::SysPaths,
            Program::SysSecond,
            Program::SysWrite,
            FORK,
            EXIT,
            EXEC,
        ],
        DetectorId::IMPAIR_DEFENSES => {
            &[Program::SysEnter, Program::SysPaths, Program::SysSecond, Program::Signal, FORK, EXIT, EXEC]
        }
        DetectorId::FLOOD_OUT => &[Program::Egress, Program::SockCreate, FORK, EXIT, EXEC],
        DetectorId::KERNEL_CODE | DetectorId::URING_USE => {
            &[Program::SysEnter, Program::SysActs, FORK, EXIT, EXEC]
        }
        DetectorId::LOGIN_GUESSING => &[Program::SockState],
        DetectorId::NEW_EGRESS => &[
            Program::Connect4,
            Program::Connect6,
            Program::Sendmsg4,
            Program::Sendmsg6,
            Program::Bind4,
            Program::Bind6,
            Program::SockState,
            FORK,
            EXIT,
            EXEC,
        ],
        DetectorId::NET_TAMPER => &[Program::SysEnter, Program::SysNet, FORK, EXIT, EXEC],
        DetectorId::RAW_SOCKET => {
            &[Program::SysEnter, Program::SysNet, Program::SockCreate, FORK, EXIT, EXEC]
        }
        DetectorId::RESOURCE_HIJACK => &[Program::CpuClock, Program::ExecPlace, FORK, EXIT, EXEC],
        DetectorId::MASS_KILL => &[Program::Signal, FORK, EXIT, EXEC],
        _ => &[],
    }
}

/// Whether a detector can refuse where it stands.
#[must_use]
pub fn can_deny(report: &Report, detector: DetectorId) -> bool {
    let beside = detector == DetectorId::RAW_SOCKET && report.runs(Program::SockCreate);
    beside || matches!(rung(report, detector), Rung::CGROUP | Rung::LSM)
}

/// The rung a detector has reached.
#[must_use]
pub fn rung(report: &Report, detector: DetectorId) -> Rung {
    let beside = match detector {
        DetectorId::DEVICE_TAMPER => Some(Program::Device),
        DetectorId::SYSCTL_TAMPER => Some(Program::Sysctl),
        _ => None,
    };
    if beside.is_some_and(|program| report.runs(program)) {
        return Rung::CGROUP;
    }
    match programs(detector).first() {
        Some(first @ (Program::Connect4 | Program::Egress)) if report.runs(*first) => Rung::CGROUP,
        Some(first) if report.runs(*first) => Rung::TRACEPOINT,
        _ => Rung::OFF,
    }
}
