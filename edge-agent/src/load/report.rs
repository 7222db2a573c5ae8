//! What came of loading, as the loader process tells the agent: one line per program.

use serde::{Deserialize, Serialize};

/// A program of the kernel object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// IPv4 connect.
    Connect4,
    /// IPv6 connect.
    Connect6,
    /// Program executed.
    Exec,
    /// Process made.
    Fork,
    /// IPv4 datagram without connect.
    Sendmsg4,
    /// IPv6 datagram without connect.
    Sendmsg6,
    /// Syscall begun.
    SysEnter,
}

impl Program {
    /// All of them, in the order they are attached: followers of processes before those that judge.
    pub const ALL: [Self; 7] = [
        Self::Fork,
        Self::SysEnter,
        Self::Exec,
        Self::Connect4,
        Self::Connect6,
        Self::Sendmsg4,
        Self::Sendmsg6,
    ];

    /// Its name in the object, and in `bpftool prog`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect4 => "connect4",
            Self::Connect6 => "connect6",
            Self::Exec => "exec",
            Self::Fork => "fork",
            Self::Sendmsg4 => "sendmsg4",
            Self::Sendmsg6 => "sendmsg6",
            Self::SysEnter => "sys_enter",
        }
    }

    /// The hook, as the kernel names it.
    #[must_use]
    pub const fn hook(self) -> &'static str {
        match self {
            Self::Connect4 => "cgroup/connect4",
            Self::Connect6 => "cgroup/connect6",
            Self::Exec => "tracepoint sched:sched_process_exec",
            Self::Fork => "tracepoint sched:sched_process_fork",
            Self::Sendmsg4 => "cgroup/sendmsg4",
            Self::Sendmsg6 => "cgroup/sendmsg6",
            Self::SysEnter => "raw_tracepoint sys_enter",
        }
    }
}

/// How far a program came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reached {
    /// It runs.
    Attached,
    /// The verifier took it, the hook did not.
    Loaded(String),
    /// The kernel refused it.
    Refused(String),
}

/// A map, by name and cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapCost {
    /// Its name in the object.
    pub name: String,
    /// Bytes of kernel memory, as the kernel accounts them (`memlock` in `/proc/self/fdinfo`).
    pub bytes: u64,
}

/// Everything the loader has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Each program that was wanted.
    pub programs: Vec<(Program, Reached)>,
    /// Every map, in the order in which its descriptor was handed over.
    pub maps: Vec<MapCost>,
    /// Why nothing could be loaded at all; empty when it could.
    pub failure: String,
    /// Most memory the loader process used, in KiB.
    pub peak_kib: u64,
}

impl Report {
    /// Whether `program` runs.
    #[must_use]
    pub fn runs(&self, program: Program) -> bool {
        self.programs.iter().any(|(known, reached)| *known == program && *reached == Reached::Attached)
    }

    /// Bytes of all maps together.
    #[must_use]
    pub fn map_bytes(&self) -> u64 {
        self.maps.iter().map(|map| map.bytes).sum()
    }
}
