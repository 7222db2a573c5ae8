//! What came of loading, as the loader process tells the agent: one line per program.

use edge_abi::SAMPLE_NS;
use serde::{Deserialize, Serialize};

/// A program of the kernel object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// IPv4 bind.
    Bind4,
    /// IPv6 bind.
    Bind6,
    /// IPv4 connect.
    Connect4,
    /// IPv6 connect.
    Connect6,
    /// A sample of the processor's use.
    CpuClock,
    /// Device node opened.
    Device,
    /// IP packet out.
    Egress,
    /// Program executed.
    Exec,
    /// What detectors of acts make of it.
    ExecActs,
    /// Where it was executed from.
    ExecPlace,
    /// The records of `ExecActs`.
    ExecReport,
    /// Process ended.
    Exit,
    /// Process made.
    Fork,
    /// IPv4 datagram without connect.
    Sendmsg4,
    /// IPv6 datagram without connect.
    Sendmsg6,
    /// Signal made.
    Signal,
    /// Socket of the internet families made.
    SockCreate,
    /// TCP socket changed its state.
    SockState,
    /// Kernel setting written.
    Sysctl,
    /// Syscalls judged by their registers.
    SysActs,
    /// Syscall begun.
    SysEnter,
    /// What `file_tamper` makes of a path.
    SysFiles,
    /// Syscalls about sockets, routes and buses.
    SysNet,
    /// The same for a whole origin.
    SysOrigin,
    /// Names and standard descriptors.
    SysNames,
    /// First path of a syscall.
    SysPaths,
    /// Second path of a syscall.
    SysSecond,
    /// A process unlinks what it runs.
    SysUnlink,
    /// Data written.
    SysWrite,
}

/// How a program comes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Attached to the cgroup, where addresses are given.
    Cgroup,
    /// Attached to the cgroup, where device nodes are opened.
    CgroupDevice,
    /// Attached to the cgroup, where packets leave.
    CgroupPacket,
    /// Attached to the cgroup, where sockets are made.
    CgroupSocket,
    /// Attached to the cgroup, where settings are read and written.
    CgroupSysctl,
    /// A timer on every CPU, with so many nanoseconds between two samples.
    Clock(u64),
    /// Reached by a tail call from another program: the map that program jumps through, and the place in it.
    Jump(&'static str, u32),
    /// A raw tracepoint.
    RawTracepoint(&'static str),
    /// A tracepoint, by category and name.
    Tracepoint(&'static str, &'static str),
}

impl Program {
    /// All of them, in the order they are attached: those that are jumped to before those that jump, followers of processes
    /// before those that judge.
    pub const ALL: [Self; 29] = [
        Self::Fork,
        Self::Exit,
        Self::SysPaths,
        Self::SysSecond,
        Self::SysFiles,
        Self::SysOrigin,
        Self::SysWrite,
        Self::SysActs,
        Self::SysNet,
        Self::SysNames,
        Self::SysUnlink,
        Self::SysEnter,
        Self::ExecReport,
        Self::ExecActs,
        Self::ExecPlace,
        Self::Exec,
        Self::Signal,
        Self::Connect4,
        Self::Connect6,
        Self::Sendmsg4,
        Self::Sendmsg6,
        Self::Bind4,
        Self::Bind6,
        Self::SockCreate,
        Self::Egress,
        Self::SockState,
        Self::Device,
        Self::Sysctl,
        Self::CpuClock,
    ];

    /// Its name in the object, and in `bpftool prog`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bind4 => "bind4",
            Self::Bind6 => "bind6",
            Self::Connect4 => "connect4",
            Self::Connect6 => "connect6",
            Self::CpuClock => "cpu_clock",
            Self::Device => "device",
            Self::Sysctl => "sysctl",
            Self::Egress => "egress",
            Self::Exec => "exec",
            Self::ExecActs => "exec_acts",
            Self::ExecPlace => "exec_place",
            Self::ExecReport => "exec_report",
            Self::Exit => "exit",
            Self::Fork => "fork",
            Self::Sendmsg4 => "sendmsg4",
            Self::Sendmsg6 => "sendmsg6",
            Self::Signal => "signal",
            Self::SockCreate => "sock_create",
            Self::SockState => "sock_state",
            Self::SysActs => "sys_acts",
            Self::SysEnter => "sys_enter",
            Self::SysFiles => "sys_files",
            Self::SysNet => "sys_net",
            Self::SysOrigin => "sys_origin",
            Self::SysNames => "sys_names",
            Self::SysPaths => "sys_paths",
            Self::SysSecond => "sys_second",
            Self::SysUnlink => "sys_unlink",
            Self::SysWrite => "sys_write",
        }
    }

    /// The hook, as the kernel names it.
    #[must_use]
    pub const fn hook(self) -> &'static str {
        match self {
            Self::Bind4 => "cgroup/bind4",
            Self::Bind6 => "cgroup/bind6",
            Self::Connect4 => "cgroup/connect4",
            Self::Connect6 => "cgroup/connect6",
            Self::CpuClock => "perf_event cpu-clock",
            Self::Device => "cgroup/dev",
            Self::Sysctl => "cgroup/sysctl",
            Self::Egress => "cgroup_skb/egress",
            Self::Exec => "tracepoint sched:sched_process_exec",
            Self::ExecActs | Self::ExecPlace | Self::ExecReport => "jump of exec",
            Self::Exit => "tracepoint sched:sched_process_exit",
            Self::Fork => "tracepoint sched:sched_process_fork",
            Self::Sendmsg4 => "cgroup/sendmsg4",
            Self::Sendmsg6 => "cgroup/sendmsg6",
            Self::Signal => "tracepoint signal:signal_generate",
            Self::SockCreate => "cgroup/sock_create",
            Self::SockState => "tracepoint sock:inet_sock_set_state",
            Self::SysActs
            | Self::SysFiles
            | Self::SysNames
            | Self::SysNet
            | Self::SysOrigin
            | Self::SysPaths
            | Self::SysSecond
            | Self::SysUnlink
            | Self::SysWrite => "jump of sys_enter",
            Self::SysEnter => "raw_tracepoint sys_enter",
        }
    }

    /// How it comes to run.
    #[must_use]
    pub const fn attachment(self) -> Hook {
        match self {
            Self::Bind4 | Self::Bind6 | Self::Connect4 | Self::Connect6 | Self::Sendmsg4 | Self::Sendmsg6 => {
                Hook::Cgroup
            }
            Self::CpuClock => Hook::Clock(SAMPLE_NS),
            Self::Device => Hook::CgroupDevice,
            Self::Sysctl => Hook::CgroupSysctl,
            Self::Egress => Hook::CgroupPacket,
            Self::SockCreate => Hook::CgroupSocket,
            Self::SockState => Hook::Tracepoint("sock", "inet_sock_set_state"),
            Self::Exec => Hook::Tracepoint("sched", "sched_process_exec"),
            Self::Exit => Hook::Tracepoint("sched", "sched_process_exit"),
            Self::Fork => Hook::Tracepoint("sched", "sched_process_fork"),
            Self::Signal => Hook::Tracepoint("signal", "signal_generate"),
            Self::SysEnter => Hook::RawTracepoint("sys_enter"),
            // The places are those of `Jump` in `edge-ebpf/src/sensors/syscall.rs`.
            Self::SysPaths => Hook::Jump("JUMPS", 0),
            Self::SysSecond => Hook::Jump("JUMPS", 1),
            Self::SysFiles => Hook::Jump("JUMPS", 2),
            Self::SysWrite => Hook::Jump("JUMPS", 3),
            Self::SysActs => Hook::Jump("JUMPS", 4),
            Self::SysOrigin => Hook::Jump("JUMPS", 5),
            Self::SysNet => Hook::Jump("JUMPS", 8),
            Self::SysNames => Hook::Jump("JUMPS", 12),
            Self::SysUnlink => Hook::Jump("JUMPS", 13),
            // Those of `ExecJump` in `edge-ebpf/src/sensors/exec.rs`.
            Self::ExecPlace => Hook::Jump("EXEC_JUMPS", 0),
            Self::ExecActs => Hook::Jump("EXEC_JUMPS", 1),
            Self::ExecReport => Hook::Jump("EXEC_JUMPS", 2),
        }
    }
}

impl Program {
    /// Whether it is attached to a cgroup.
    #[must_use]
    pub const fn needs_cgroup(self) -> bool {
        matches!(
            self.attachment(),
            Hook::Cgroup | Hook::CgroupDevice | Hook::CgroupPacket | Hook::CgroupSocket | Hook::CgroupSysctl
        )
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
