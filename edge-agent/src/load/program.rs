//! The programs of the kernel object, one line each: what it is called there, and how it comes to run.

use edge_abi::SAMPLE_NS;
use serde::{Deserialize, Serialize};

use super::means::Means;

/// How a program comes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Attached to the cgroup.
    Cgroup(CgroupPoint),
    /// A timer on every CPU, with so many nanoseconds between two samples.
    Clock(u64),
    /// Where syscalls begin: the raw tracepoint `sys_enter`, or a kprobe at the handler of each syscall that is watched.
    Entry,
    /// Reached by a tail call from another program, whose type it is loaded with: that program, the map it jumps through, and the
    /// place in it.
    Jump(Program, &'static str, u32),
    /// Where the kernel asks its security modules: `bpf_lsm_NAME` where an LSM program can be attached, else a kprobe at
    /// `security_NAME`. The context's words are the hook's arguments either way.
    Security(&'static str),
    /// A tracepoint, by category and name.
    Tracepoint(&'static str, &'static str),
}

/// Where in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupPoint {
    /// IPv4 addresses are bound to.
    Bind4,
    /// The same for IPv6.
    Bind6,
    /// IPv4 addresses are connected to.
    Connect4,
    /// The same for IPv6.
    Connect6,
    /// Device nodes are opened and made.
    Device,
    /// IP packets leave.
    Egress,
    /// IPv4 datagrams are sent without connecting.
    Sendmsg4,
    /// The same for IPv6.
    Sendmsg6,
    /// Sockets of the internet families are made.
    SockCreate,
    /// Kernel settings are read and written.
    Sysctl,
}

impl CgroupPoint {
    /// Its name in section names and in the kernel's documents.
    const fn name(self) -> &'static str {
        match self {
            Self::Bind4 => "cgroup/bind4",
            Self::Bind6 => "cgroup/bind6",
            Self::Connect4 => "cgroup/connect4",
            Self::Connect6 => "cgroup/connect6",
            Self::Device => "cgroup/dev",
            Self::Egress => "cgroup_skb/egress",
            Self::Sendmsg4 => "cgroup/sendmsg4",
            Self::Sendmsg6 => "cgroup/sendmsg6",
            Self::SockCreate => "cgroup/sock_create",
            Self::Sysctl => "cgroup/sysctl",
        }
    }
}

/// Declares [`Program`] with its three tables from one line per program.
macro_rules! programs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $hook:expr;)*) => {
        /// A program of the kernel object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Program {
            $($(#[$doc])* $variant,)*
        }

        impl Program {
            /// All of them, in the order they are attached: those that are jumped to before those that jump, followers of
            /// processes before those that judge.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// Its name in the object, and in `bpftool prog`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// How it comes to run.
            #[must_use]
            pub const fn hook(self) -> Hook {
                match self {
                    $(Self::$variant => $hook,)*
                }
            }
        }
    };
}

programs! {
    /// Process made.
    Fork = "fork", Hook::Tracepoint("sched", "sched_process_fork");
    /// Process ended.
    Exit = "exit", Hook::Tracepoint("sched", "sched_process_exit");
    // The places are those of `Jump` in `edge-ebpf/src/sensors/syscall.rs`.
    /// First path of a syscall.
    SysPaths = "sys_paths", Hook::Jump(Program::SysEnter, "JUMPS", 0);
    /// Second path of a syscall.
    SysSecond = "sys_second", Hook::Jump(Program::SysEnter, "JUMPS", 1);
    /// What `file_tamper` makes of a path.
    SysFiles = "sys_files", Hook::Jump(Program::SysEnter, "JUMPS", 2);
    /// The same for a whole origin.
    SysOrigin = "sys_origin", Hook::Jump(Program::SysEnter, "JUMPS", 5);
    /// Data written.
    SysWrite = "sys_write", Hook::Jump(Program::SysEnter, "JUMPS", 3);
    /// Syscalls judged by their registers.
    SysActs = "sys_acts", Hook::Jump(Program::SysEnter, "JUMPS", 4);
    /// Syscalls about sockets, routes and buses.
    SysNet = "sys_net", Hook::Jump(Program::SysEnter, "JUMPS", 8);
    /// Names and standard descriptors.
    SysNames = "sys_names", Hook::Jump(Program::SysEnter, "JUMPS", 12);
    /// A process unlinks what it runs.
    SysUnlink = "sys_unlink", Hook::Jump(Program::SysEnter, "JUMPS", 13);
    /// Syscall begun.
    SysEnter = "sys_enter", Hook::Entry;
    // Those of `ExecJump` in `edge-ebpf/src/sensors/exec.rs`.
    /// The records of `ExecActs`.
    ExecReport = "exec_report", Hook::Jump(Program::Exec, "EXEC_JUMPS", 2);
    /// What detectors of acts make of an executed program.
    ExecActs = "exec_acts", Hook::Jump(Program::Exec, "EXEC_JUMPS", 1);
    /// Where it was executed from.
    ExecPlace = "exec_place", Hook::Jump(Program::Exec, "EXEC_JUMPS", 0);
    /// Program executed.
    Exec = "exec", Hook::Tracepoint("sched", "sched_process_exec");
    /// Where a file that is about to be executed lies.
    ObjectPlace = "object_place", Hook::Security("bprm_check_security");
    /// What else that file is.
    ObjectExec = "object_exec", Hook::Security("bprm_check_security");
    /// File read into the kernel.
    ObjectRead = "object_read", Hook::Security("kernel_read_file");
    /// Data loaded into the kernel.
    ObjectLoad = "object_load", Hook::Security("kernel_load_data");
    /// BPF program loaded.
    ObjectBpf = "object_bpf", Hook::Security("bpf");
    /// Socket of any family made.
    ObjectSocket = "object_socket", Hook::Security("socket_create");
    /// File system mounted.
    ObjectMount = "object_mount", Hook::Security("sb_mount");
    /// Mount put in place.
    ObjectMove = "object_move", Hook::Security("move_mount");
    /// Root changed.
    ObjectPivot = "object_pivot", Hook::Security("sb_pivotroot");
    /// Process or thread made: with which namespaces.
    ObjectClone = "object_clone", Hook::Security("task_alloc");
    /// Descriptor duplicated.
    ObjectFcntl = "object_fcntl", Hook::Security("file_fcntl");
    /// File of a ring made.
    ObjectRing = "object_ring", Hook::Security("inode_init_security_anon");
    /// Signal sent.
    ObjectKill = "object_kill", Hook::Security("task_kill");
    /// Another process reached into.
    ObjectTrace = "object_trace", Hook::Security("ptrace_access_check");
    /// File given an attribute.
    ObjectAttribute = "object_attribute", Hook::Security("inode_setxattr");
    // Those of `edge-ebpf/src/sensors/object/`.
    /// File opened.
    FileOpen = "file_open", Hook::Security("file_open");
    /// File read or written.
    FilePermission = "file_permission", Hook::Security("file_permission");
    /// File mapped.
    MmapFile = "mmap_file", Hook::Security("mmap_file");
    /// File renamed.
    InodeRename = "inode_rename", Hook::Security("inode_rename");
    /// The name that a renamed file gets.
    InodeArrive = "inode_arrive", Hook::Security("inode_rename");
    /// Name removed.
    InodeUnlink = "inode_unlink", Hook::Security("inode_unlink");
    /// Name removed by a process that runs what it names.
    InodeGone = "inode_gone", Hook::Security("inode_unlink");
    /// Mode set.
    ObjectMode = "object_mode", Hook::Security("inode_setattr");
    /// File made with a mode.
    ObjectMake = "object_make", Hook::Security("inode_create");
    /// Name given to a file that has one.
    InodeLink = "inode_link", Hook::Security("inode_link");
    /// Symbolic link made.
    InodeSymlink = "inode_symlink", Hook::Security("inode_symlink");
    /// File made.
    InodeCreate = "inode_create", Hook::Security("inode_create");
    /// Node made.
    /// Attributes of a file set.
    InodeSetattr = "inode_setattr", Hook::Security("inode_setattr");
    /// Signal made.
    Signal = "signal", Hook::Tracepoint("signal", "signal_generate");
    /// IPv4 connect.
    Connect4 = "connect4", Hook::Cgroup(CgroupPoint::Connect4);
    /// IPv6 connect.
    Connect6 = "connect6", Hook::Cgroup(CgroupPoint::Connect6);
    /// IPv4 datagram without connect.
    Sendmsg4 = "sendmsg4", Hook::Cgroup(CgroupPoint::Sendmsg4);
    /// IPv6 datagram without connect.
    Sendmsg6 = "sendmsg6", Hook::Cgroup(CgroupPoint::Sendmsg6);
    /// IPv4 bind.
    Bind4 = "bind4", Hook::Cgroup(CgroupPoint::Bind4);
    /// IPv6 bind.
    Bind6 = "bind6", Hook::Cgroup(CgroupPoint::Bind6);
    /// Device node opened.
    Device = "device", Hook::Cgroup(CgroupPoint::Device);
    /// Kernel setting written.
    Sysctl = "sysctl", Hook::Cgroup(CgroupPoint::Sysctl);
    /// Socket of the internet families made.
    SockCreate = "sock_create", Hook::Cgroup(CgroupPoint::SockCreate);
    /// IP packet out.
    Egress = "egress", Hook::Cgroup(CgroupPoint::Egress);
    /// TCP socket changed its state.
    SockState = "sock_state", Hook::Tracepoint("sock", "inet_sock_set_state");
    /// A sample of the processor's use.
    CpuClock = "cpu_clock", Hook::Clock(SAMPLE_NS);
}

impl Program {
    /// The hook of the program that is attached: its own, or that of the one that jumps to it. Both are loaded as the same type.
    #[must_use]
    pub const fn base(self) -> Hook {
        match self.hook() {
            Hook::Jump(from, ..) => from.hook(),
            own => own,
        }
    }

    /// Whether it is attached to a cgroup.
    #[must_use]
    pub const fn needs_cgroup(self) -> bool {
        matches!(self.hook(), Hook::Cgroup(_))
    }

    /// Whether it needs the tracepoints that follow processes to have their fields where they are expected.
    #[must_use]
    pub const fn needs_layouts(self) -> bool {
        match self.hook() {
            Hook::Jump(from, ..) => matches!(from, Self::Exec),
            _ => matches!(self, Self::Exec | Self::Fork | Self::Signal),
        }
    }

    /// Whether it follows starts and ends of processes, by which the others know whom to let pass: so it is detached last, or those would judge
    /// strangers for as long as the kernel takes to detach everything (seconds, on a slow machine).
    #[must_use]
    pub const fn follows(self) -> bool {
        matches!(self, Self::Exec | Self::Fork | Self::Exit)
    }

    /// The hook as the kernel names it, by these means.
    #[must_use]
    pub fn place(self, means: Means) -> String {
        match self.hook() {
            Hook::Cgroup(point) => point.name().to_owned(),
            Hook::Clock(_) => "perf_event cpu-clock".to_owned(),
            Hook::Entry if means.entry => "kprobe __arm64_sys_*".to_owned(),
            Hook::Entry => "raw_tracepoint sys_enter".to_owned(),
            Hook::Jump(from, ..) => format!("jump of {}", from.name()),
            Hook::Security(name) if means.lsm => format!("lsm {name}"),
            Hook::Security(name) => format!("kprobe {}", security_function(name)),
            Hook::Tracepoint(category, name) => format!("tracepoint {category}:{name}"),
        }
    }
}

/// The function that asks a security hook. One is not called after it.
#[must_use]
pub(super) fn security_function(hook: &str) -> String {
    match hook {
        "bprm_check_security" => "security_bprm_check".to_owned(),
        other => format!("security_{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_jumped_to_is_attached_before_what_jumps() {
        let at = |wanted: Program| Program::ALL.iter().position(|program| *program == wanted).unwrap();
        for program in Program::ALL {
            if let Hook::Jump(from, ..) = program.hook() {
                assert!(at(program) < at(from), "{}", program.name());
                assert!(!matches!(from.hook(), Hook::Jump(..)), "the type comes from what is attached");
            }
        }
    }

    #[test]
    fn names_and_places_are_told_apart() {
        for (index, program) in Program::ALL.iter().enumerate() {
            for other in &Program::ALL[..index] {
                assert_ne!(program.name(), other.name());
                // Where there is more to do than one program may, there are two.
                let shared = matches!(
                    program.hook(),
                    Hook::Entry
                        | Hook::Security(
                            "bprm_check_security"
                                | "inode_create"
                                | "inode_rename"
                                | "inode_setattr"
                                | "inode_unlink"
                        )
                );
                assert!(shared || program.hook() != other.hook(), "{}, {}", program.name(), other.name());
            }
        }
    }

    #[test]
    fn places_are_named_as_the_kernel_does() {
        let plain = Means::default();
        assert_eq!(Program::SysEnter.place(plain), "raw_tracepoint sys_enter");
        assert_eq!(Program::SysEnter.place(Means { entry: true, ..plain }), "kprobe __arm64_sys_*");
        assert_eq!(Program::ExecActs.place(plain), "jump of exec");
        assert_eq!(Program::Connect4.place(plain), "cgroup/connect4");
        assert_eq!(Program::ObjectExec.place(plain), "kprobe security_bprm_check");
        assert_eq!(Program::ObjectKill.place(plain), "kprobe security_task_kill");
        assert_eq!(Program::ObjectExec.place(Means { lsm: true, ..plain }), "lsm bprm_check_security");
        assert_eq!(Program::Signal.place(plain), "tracepoint signal:signal_generate");
    }
}
