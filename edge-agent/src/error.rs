//! Why the agent ended: one variant for each stage, each with what to do about it and an exit code of its own.

use crate::cli::CliError;
use crate::config::{ConfigError, device::NoDeviceId};
use core::fmt;
use std::error::Error;

/// How the process ends. The numbers are part of the interface: init scripts and tests rely on them. They keep clear of
/// 1 and 2 (shells, panics) and of 126..165 (shells, signals); from 64 up they mean what `sysexits.h` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Ended as asked, or `check` found nothing missing.
    Done = 0,
    /// No tracefs.
    MissingTracefs = 10,
    /// No cgroup2 hierarchy, or not the configured directory in it.
    MissingCgroup2 = 11,
    /// The kernel has no BPF, or does not let us use it.
    MissingBpf = 12,
    /// The kernel refused a map or a program.
    Load = 13,
    /// A program could not be attached to its hook.
    Attach = 14,
    /// The command line is wrong.
    Usage = 64,
    /// The link to the broker cannot even be tried.
    Publish = 69,
    /// The running agent met something it cannot continue after.
    Runtime = 70,
    /// Privileges are missing.
    Permission = 77,
    /// The configuration is wrong.
    Config = 78,
}

impl ExitCode {
    /// All of them, ascending.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::MissingTracefs,
        Self::MissingCgroup2,
        Self::MissingBpf,
        Self::Load,
        Self::Attach,
        Self::Usage,
        Self::Publish,
        Self::Runtime,
        Self::Permission,
        Self::Config,
    ];

    /// The number the process ends with.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it means, for `--help`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "ended as asked, or nothing is missing",
            Self::MissingTracefs => "tracefs is not mounted",
            Self::MissingCgroup2 => "cgroup2 is not mounted, or lacks the configured directory",
            Self::MissingBpf => "the kernel lacks BPF, or refuses it",
            Self::Load => "the kernel refused a map or a program",
            Self::Attach => "a program could not be attached",
            Self::Usage => "the command line is wrong",
            Self::Publish => "the link to the broker cannot be tried",
            Self::Runtime => "something failed that the agent cannot continue after",
            Self::Permission => "not root, or a capability is missing",
            Self::Config => "the configuration is wrong",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// How the kernel turned the `bpf` system call down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfRefusal {
    /// `ENOSYS`: it does not exist in this kernel.
    Absent,
    /// `EPERM`, although the privileges are there: lockdown, seccomp or a container forbids it.
    Forbidden,
}

/// Why the agent ended. The message names the fact; causes are sources; what to do is in [`AgentError::fix`].
#[derive(Debug)]
pub enum AgentError {
    /// A program could not be attached.
    Attach {
        /// The program.
        program: &'static str,
        /// The hook, as the kernel names it.
        hook: String,
        /// What the kernel or the loader said.
        source: Box<dyn Error>,
    },
    /// The command line is wrong.
    Cli(CliError),
    /// The configuration is wrong.
    Config(ConfigError),
    /// There is nothing to call this gateway by.
    DeviceId(NoDeviceId),
    /// The kernel refused a map or a program.
    Load {
        /// Its name.
        name: String,
        /// What the kernel or the loader said.
        source: Box<dyn Error>,
    },
    /// The kernel has no BPF, or refuses it.
    MissingBpf(BpfRefusal),
    /// No cgroup2 directory where one is needed.
    MissingCgroup2 {
        /// Where it was looked for.
        path: String,
    },
    /// No tracefs where one is needed.
    MissingTracefs {
        /// Where it was looked for.
        path: String,
    },
    /// A privilege is missing.
    Permission {
        /// The capability, such as `CAP_BPF`.
        capability: &'static str,
    },
    /// The link to the broker cannot even be tried.
    Publish {
        /// What is needed for it.
        what: String,
        /// Why it is not there.
        source: Box<dyn Error>,
    },
    /// The running agent cannot continue.
    Runtime {
        /// What it was doing.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl AgentError {
    /// The exit code that tells this kind of error from all others.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Attach { .. } => ExitCode::Attach,
            Self::Cli(_) => ExitCode::Usage,
            Self::Config(_) | Self::DeviceId(_) => ExitCode::Config,
            Self::Load { .. } => ExitCode::Load,
            Self::MissingBpf(_) => ExitCode::MissingBpf,
            Self::MissingCgroup2 { .. } => ExitCode::MissingCgroup2,
            Self::MissingTracefs { .. } => ExitCode::MissingTracefs,
            Self::Permission { .. } => ExitCode::Permission,
            Self::Publish { .. } => ExitCode::Publish,
            Self::Runtime { .. } => ExitCode::Runtime,
        }
    }

    /// What to do about it, one sentence.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        match self {
            Self::Attach { .. } => "run `edge-agent check` to see which hooks this kernel offers",
            Self::Cli(_) => "see `edge-agent --help`",
            Self::Config(_) => "correct the file, then test it with `edge-agent check --config FILE`",
            Self::DeviceId(_) => {
                "set `device.id`, or create /etc/machine-id (`systemd-machine-id-setup`, `dbus-uuidgen`), or give the \
                 machine a host name of its own"
            }
            Self::Load { .. } => {
                "run `edge-agent check` to see what this kernel lacks; it must be 5.10 or newer"
            }
            Self::MissingBpf(BpfRefusal::Absent) => {
                "build the kernel with CONFIG_BPF_SYSCALL=y and CONFIG_CGROUP_BPF=y"
            }
            Self::MissingBpf(BpfRefusal::Forbidden) => {
                "start the agent outside of containers and seccomp filters, and the kernel without \
                 lockdown=confidentiality"
            }
            Self::MissingCgroup2 { .. } => {
                "mount it with `mount -t cgroup2 none /sys/fs/cgroup` (CONFIG_CGROUPS=y), and create the directory that \
                 `scope.cgroup` names"
            }
            Self::MissingTracefs { .. } => {
                "mount it with `mount -t tracefs none /sys/kernel/tracing` (CONFIG_FTRACE=y, CONFIG_FTRACE_SYSCALLS=y)"
            }
            Self::Permission { .. } => {
                "start the agent as root, or by a service manager that gives it CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and \
                 CAP_SYS_RESOURCE"
            }
            Self::Publish { .. } => "see `[mqtt]` in the configuration",
            Self::Runtime { .. } => "restart the agent; if it recurs, report it with this message",
        }
    }

    /// Everything a person needs, on lines of its own: message, causes, fix.
    #[must_use]
    pub const fn report(&self) -> Report<'_> {
        Report(self)
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach { program, hook, .. } => write!(f, "program {program} cannot be attached to {hook}"),
            Self::Cli(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::DeviceId(error) => error.fmt(f),
            Self::Load { name, .. } => write!(f, "the kernel refused {name}"),
            Self::MissingBpf(BpfRefusal::Absent) => f.write_str("this kernel has no bpf system call"),
            Self::MissingBpf(BpfRefusal::Forbidden) => f.write_str("the bpf system call is forbidden here"),
            Self::MissingCgroup2 { path } => write!(f, "{path} is not a cgroup2 directory"),
            Self::MissingTracefs { path } => write!(f, "{path} is not a tracefs"),
            Self::Permission { capability } => write!(f, "not root and without {capability}"),
            Self::Publish { what, .. } => write!(f, "{what} is not usable"),
            Self::Runtime { what, .. } => f.write_str(what),
        }
    }
}

impl Error for AgentError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Attach { source, .. } | Self::Load { source, .. } | Self::Publish { source, .. } => {
                Some(source.as_ref())
            }
            Self::Runtime { source, .. } => Some(source),
            // Those that wrap an error show it as it is: its message is the whole story.
            Self::Cli(_)
            | Self::Config(_)
            | Self::DeviceId(_)
            | Self::MissingBpf(_)
            | Self::MissingCgroup2 { .. }
            | Self::MissingTracefs { .. }
            | Self::Permission { .. } => None,
        }
    }
}

impl From<CliError> for AgentError {
    fn from(error: CliError) -> Self {
        Self::Cli(error)
    }
}

impl From<ConfigError> for AgentError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<NoDeviceId> for AgentError {
    fn from(error: NoDeviceId) -> Self {
        Self::DeviceId(error)
    }
}

/// Shows an error with its causes and what to do about it, without a final new line.
#[derive(Clone, Copy, Debug)]
pub struct Report<'e>(&'e AgentError);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        write!(f, "\nfix: {}", self.0.fix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn exit_codes_are_distinct_and_out_of_the_shells_way() {
        let numbers = ExitCode::ALL.map(ExitCode::number);
        assert!(numbers.is_sorted_by(|left, right| left < right), "{numbers:?}");
        assert!(numbers.iter().all(|number| !matches!(number, 1 | 2 | 126..=165)), "{numbers:?}");
    }

    #[test]
    fn a_report_holds_message_cause_and_fix() {
        let error = AgentError::Publish {
            what: "password file /etc/pw".into(),
            source: Box::new(io::Error::from(io::ErrorKind::NotFound)),
        };
        assert_eq!(
            error.report().to_string(),
            "password file /etc/pw is not usable: entity not found\nfix: see `[mqtt]` in the configuration"
        );
    }

    #[test]
    fn what_is_missing_has_a_code_of_its_own() {
        for (error, number, part) in [
            (AgentError::Permission { capability: "CAP_BPF" }, 77, "CAP_BPF"),
            (AgentError::MissingBpf(BpfRefusal::Absent), 12, "no bpf"),
            (AgentError::MissingBpf(BpfRefusal::Forbidden), 12, "forbidden"),
            (AgentError::MissingTracefs { path: "/t".into() }, 10, "/t"),
            (AgentError::MissingCgroup2 { path: "/c".into() }, 11, "/c"),
            (AgentError::DeviceId(NoDeviceId), 78, "machine-id"),
        ] {
            assert_eq!(error.exit_code().number(), number, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
