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
    fn severity_orders_by_badness() {
        assert!(Severity::CRITICAL > Severity::HIGH && Severity::LOW > Severity::INFO);
    }
}
