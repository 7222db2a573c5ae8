//! Small numbered vocabularies. Each is open: a reader keeps a number it does not know instead of failing on it.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Declares one open vocabulary: a transparent byte with named constants.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $constant:ident = $number:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(
            /// The number on the wire.
            pub u8,
        );

        impl $name {
            $($(#[$item])* pub const $constant: Self = Self($number);)*

            /// Every member this version knows, in numeric order.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)*];

            /// The name used in config, logs and documents; `None` for a number of a newer schema.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }

            /// The member called `name`.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self($number)),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => out.pad(name),
                    None => write!(out, "unknown-{}", self.0),
                }
            }
        }
    };
}

vocabulary! {
    /// Which detector judged. The number also tells how the evidence of a verdict is laid out.
    DetectorId {
        /// Ransomware and wipers: mass rename, delete and overwrite. ATT&CK T1486, T1485.
        FILE_TAMPER = 1 "file_tamper",
        /// Fan-out or guessing towards login ports. ATT&CK T1046, T1021, T1110.
        LATERAL_SCAN = 2 "lateral_scan",
        /// Execution from volatile storage. ATT&CK T1059, T1105.
        VOLATILE_EXEC = 3 "volatile_exec",
        /// Execution of what has no name on disk. ATT&CK T1620.
        FILELESS_EXEC = 4 "fileless_exec",
        /// Execution of what is not part of the image. ATT&CK T1204.
        FOREIGN_EXEC = 5 "foreign_exec",
        /// An interpreter that talks to a socket. ATT&CK T1059.004.
        SHELL_ON_SOCKET = 6 "shell_on_socket",
        /// Many connections from one source to a login port of this machine. ATT&CK T1110.
        LOGIN_GUESSING = 7 "login_guessing",
        /// Raw and packet sockets and socket filters. ATT&CK T1095, T1205.
        RAW_SOCKET = 8 "raw_socket",
        /// Writing to flash, disks, memory or the watchdog. ATT&CK T1495, T1561.
        DEVICE_TAMPER = 9 "device_tamper",
        /// Writing kernel settings that guard the machine. ATT&CK T1562.
        SYSCTL_TAMPER = 10 "sysctl_tamper",
        /// Writing where programs are started from. ATT&CK T1037, T1053, T1098.004, T1543, T1546, T1574.006.
        PERSISTENCE = 11 "persistence",
        /// Reading secrets. ATT&CK T1003.008, T1552.
        CREDENTIAL_ACCESS = 12 "credential_access",
        /// Code brought into the kernel. ATT&CK T1547.006, T1014.
        KERNEL_CODE = 13 "kernel_code",
        /// Reaching into another process's memory. ATT&CK T1055.008, T1055.009.
        PROCESS_INJECTION = 14 "process_injection",
        /// Root or capabilities gained without the usual door. ATT&CK T1068, T1548.001.
        PRIVILEGE_JUMP = 15 "privilege_jump",
        /// A process under a borrowed name. ATT&CK T1036.
        MASQUERADE = 16 "masquerade",
        /// Signals to guards, cleared logs, the agent's own files. ATT&CK T1562.001, T1070.002.
        IMPAIR_DEFENSES = 17 "impair_defenses",
        /// One process ends many of other services. ATT&CK T1489, T1529.
        MASS_KILL = 18 "mass_kill",
        /// Sustained use of the processor. ATT&CK T1496.
        RESOURCE_HIJACK = 19 "resource_hijack",
        /// `io_uring` set up by a program that is not expected to. ATT&CK T1106.
        URING_USE = 20 "uring_use",
        /// Namespaces, mounts and roots changed. ATT&CK T1611.
        NAMESPACE_ESCAPE = 21 "namespace_escape",
        /// Download tools started again and again, or piped into an interpreter. ATT&CK T1105, T1059.004.
        FETCH_LOOP = 22 "fetch_loop",
        /// A destination or listening port never seen before. ATT&CK T1071, T1571.
        NEW_EGRESS = 23 "new_egress",
        /// More packets or bytes out than the ceiling. ATT&CK T1498, T1499.
        FLOOD_OUT = 24 "flood_out",
        /// Firewall rules or the default route removed. ATT&CK T1562.004.
        NET_TAMPER = 25 "net_tamper",
        /// More fieldbus or serial writes than the ceiling. ATT&CK T0806, T0814.
        BUS_FLOOD = 26 "bus_flood",
    }
}

impl DetectorId {
    /// Whether its evidence is an [`crate::Act`].
    #[must_use]
    pub const fn has_act(self) -> bool {
        self.0 >= Self::FILELESS_EXEC.0 && self.0 <= Self::BUS_FLOOD.0
    }

    /// Its bit in [`crate::Heartbeat::live`]; `None` for a number the field has no bit for.
    #[must_use]
    pub const fn bit(self) -> Option<u32> {
        1_u32.checked_shl(self.0 as u32)
    }
}

vocabulary! {
    /// How bad it is if true. The order is the order of delivery when the uplink is scarce.
    Severity {
        /// Worth knowing.
        INFO = 0 "info",
        /// Unusual on a fixed-function device.
        LOW = 1 "low",
        /// Probably an intrusion in an early stage.
        MEDIUM = 2 "medium",
        /// An intrusion that acts.
        HIGH = 3 "high",
        /// Damage is being done.
        CRITICAL = 4 "critical",
    }
}

vocabulary! {
    /// What policy wanted to happen.
    Action {
        /// Report only.
        OBSERVE = 0 "observe",
        /// End the process with SIGKILL, from inside the kernel.
        KILL = 1 "kill",
        /// Refuse the operation with EPERM.
        DENY = 2 "deny",
    }
}

vocabulary! {
    /// What did happen.
    Disposition {
        /// Reported, nothing else was wanted.
        REPORTED = 0 "reported",
        /// The process was sent SIGKILL by the kernel program.
        KILLED = 1 "killed",
        /// The operation was refused.
        DENIED = 2 "denied",
        /// The wanted action could not be taken; the verdict is then only a report.
        FAILED = 3 "failed",
    }
}

vocabulary! {
    /// Which hook family delivered the evidence, and so what the detector can and cannot see.
    Rung {
        /// Not attached: this detector sees nothing.
        OFF = 0 "off",
        /// Tracepoints and raw tracepoints: sees syscall arguments, which can change after the look.
        TRACEPOINT = 1 "tracepoint",
        /// cgroup-BPF: sees and can refuse network operations of every ABI and of `io_uring`.
        CGROUP = 2 "cgroup",
        /// kprobes on `security_*`.
        KPROBE = 3 "kprobe",
        /// BPF LSM: blind to nothing and able to refuse.
        LSM = 4 "lsm",
        /// The agent's own look at `/proc`, every few minutes: what was so at that moment.
        PROC = 5 "proc",
    }
}

vocabulary! {
    /// Why a detector decided, where it has several reasons.
    Reason {
        /// The detector has one reason only.
        SOLE = 0 "sole",
        /// Many files rewritten with content that looks encrypted.
        ENCRYPTED_CONTENT = 1 "encrypted_content",
        /// Many files renamed to their own name with a new ending.
        NEW_ENDING = 2 "new_ending",
        /// Many files overwritten with a constant or emptied.
        OVERWRITTEN = 3 "overwritten",
        /// Very many files deleted.
        MASS_DELETE = 4 "mass_delete",
        /// Many distinct hosts on several login ports.
        FAN_OUT = 5 "fan_out",
        /// Many distinct hosts on one login port.
        LATERAL = 6 "lateral",
        /// Very many tries towards login ports of few hosts.
        GUESSING = 7 "guessing",
        /// The image is a memfd: it never had a name in a file system.
        MEMFD = 8 "memfd",
        /// The image was deleted before it was executed.
        DELETED_FILE = 9 "deleted_file",
        /// Executed through a file descriptor, so that no path names it.
        DESCRIPTOR = 10 "descriptor",
        /// Written by one process and executed by a relative of it.
        DROPPED_AND_RUN = 11 "dropped_and_run",
        /// A process deleted the file it was executed from.
        SELF_UNLINK = 12 "self_unlink",
        /// An interpreter's standard input or output is a socket.
        SOCKET_STDIO = 13 "socket_stdio",
        /// An interpreter's pipes lead to a process that holds a socket.
        RELAY = 14 "relay",
        /// A raw IP socket.
        RAW = 15 "raw",
        /// A packet socket.
        PACKET = 16 "packet",
        /// A filter program attached to a socket.
        SOCKET_FILTER = 17 "socket_filter",
        /// A flash device opened for writing, or erased.
        FLASH = 18 "flash",
        /// A whole disk or partition opened for writing.
        DISK = 19 "disk",
        /// Physical or kernel memory opened.
        MEMORY_DEVICE = 20 "memory_device",
        /// The watchdog opened by a second program.
        WATCHDOG = 21 "watchdog",
        /// The watchdog told to stop.
        WATCHDOG_DISABLED = 22 "watchdog_disabled",
        /// An init script or unit written.
        INIT_SCRIPT = 23 "init_script",
        /// A timer table written.
        CRON = 24 "cron",
        /// A list of keys that may log in written.
        AUTHORIZED_KEYS = 25 "authorized_keys",
        /// A file that shells or logins run written.
        PROFILE = 26 "profile",
        /// A file that every program loads written.
        PRELOAD = 27 "preload",
        /// A rule or script that the system runs on events written.
        EVENT_HOOK = 28 "event_hook",
        /// Accounts, passwords or sudo rules written.
        ACCOUNT = 29 "account",
        /// Password hashes read.
        PASSWORD_FILE = 30 "password_file",
        /// A private key read.
        PRIVATE_KEY = 31 "private_key",
        /// A token or stored password read.
        TOKEN = 32 "token",
        /// The agent's own keys or configuration read.
        OWN_SECRET = 33 "own_secret",
        /// A kernel module loaded.
        MODULE = 34 "module",
        /// A BPF program loaded by somebody else.
        BPF_PROGRAM = 35 "bpf_program",
        /// Another kernel loaded.
        KEXEC = 36 "kexec",
        /// Another process attached to, or its memory poked.
        PTRACE = 37 "ptrace",
        /// Another process's memory written by `process_vm_writev`.
        REMOTE_WRITE = 38 "remote_write",
        /// Another process's `/proc/PID/mem` opened for writing.
        PROC_MEM = 39 "proc_mem",
        /// User id 0 without a set-uid program or a login.
        ROOT_GAINED = 40 "root_gained",
        /// Capabilities the process had not, without a program that grants them.
        CAPABILITY_GAINED = 41 "capability_gained",
        /// A file made set-uid or set-gid.
        SETUID_FILE = 42 "setuid_file",
        /// Named like a kernel thread.
        KERNEL_NAME = 43 "kernel_name",
        /// A name made to be misread: trailing space, hidden program.
        DECEPTIVE_NAME = 44 "deceptive_name",
        /// Something mounted over a process's folder in /proc.
        HIDDEN_PROC = 45 "hidden_proc",
        /// Called as a well-known program that it is not.
        FOREIGN_NAME = 46 "foreign_name",
        /// The agent, a logger or the watchdog daemon sent a signal that stops it.
        GUARD_SIGNALLED = 47 "guard_signalled",
        /// A log emptied, deleted or replaced.
        LOG_CLEARED = 48 "log_cleared",
        /// The agent's own files changed.
        OWN_FILE = 49 "own_file",
        /// Namespaces left.
        UNSHARE = 50 "unshare",
        /// Another process's namespaces entered.
        SETNS = 51 "setns",
        /// A file system mounted.
        MOUNT = 52 "mount",
        /// The root file system changed.
        PIVOT_ROOT = 53 "pivot_root",
        /// A file written that makes the kernel run a program.
        HOST_HOOK = 54 "host_hook",
        /// Again and again in a short time.
        REPEATED = 55 "repeated",
        /// Its output leads into an interpreter.
        PIPED = 56 "piped",
        /// A destination never used before.
        DESTINATION = 57 "destination",
        /// A listening port never used before.
        LISTENER = 58 "listener",
        /// Connections at a steady interval.
        BEACON = 59 "beacon",
        /// Packets per second beyond the ceiling.
        PACKETS = 60 "packets",
        /// Bytes per second beyond the ceiling.
        BYTES = 61 "bytes",
        /// Firewall rules flushed or tables deleted.
        RULES_REMOVED = 62 "rules_removed",
        /// Firewall rules replaced.
        RULES_REPLACED = 63 "rules_replaced",
        /// The default route removed.
        ROUTE_REMOVED = 64 "route_removed",
        /// The counts of many processes of one origin together.
        SPREAD_WORK = 65 "spread_work",
        /// Slowly, over the long window.
        SLOW = 66 "slow",
        /// Firewall rules that drop everything.
        DROPS_ALL = 67 "drops_all",
        /// Firewall rules that lead packets elsewhere.
        REDIRECTS = 68 "redirects",
    }
}

vocabulary! {
    /// Whether an agent can be heard, as its retained status says.
    State {
        /// Gone without a word; the broker published the last will.
        LOST = 0 "lost",
        /// Connected and watching.
        ONLINE = 1 "online",
        /// Ended on request.
        STOPPED = 2 "stopped",
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn names_and_numbers_agree_both_ways() {
        for &detector in DetectorId::ALL {
            let name = detector.name().expect("a listed member has a name");
            assert_eq!(DetectorId::from_name(name), Some(detector));
        }
        assert_eq!(DetectorId(200).to_string(), "unknown-200");
        assert_eq!(Severity::from_name("fatal"), None);
    }

    #[test]
    fn every_detector_has_one_layout_and_one_bit() {
        let acts = DetectorId::ALL.iter().filter(|detector| detector.has_act()).count();
        assert_eq!((acts, DetectorId::ALL.len()), (23, 26));
        assert!(!DetectorId(0).has_act() && !DetectorId(27).has_act() && !DetectorId(255).has_act());
        let bits = DetectorId::ALL.iter().fold(0, |bits, detector| bits | detector.bit().unwrap_or_default());
        assert_eq!(bits, 0x07ff_fffe);
        assert_eq!((DetectorId(31).bit(), DetectorId(32).bit()), (Some(1 << 31), None));
    }

    #[test]
    fn severity_orders_by_badness() {
        assert!(Severity::CRITICAL > Severity::HIGH && Severity::LOW > Severity::INFO);
    }
}
