//! What can be in the demo's way.

use std::io;
use std::path::PathBuf;

/// Why the demo was not played to a good end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The agent is not there.
    #[error("no agent at {}: build it, or name it with --agent", .0.display())]
    Agent(PathBuf),
    /// The agent ended before it was asked to.
    #[error("agent ended with {status}; its log ends:\n{log}")]
    AgentEnded {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// Our own broker does not work.
    #[error("embedded broker: {0}")]
    Broker(String),
    /// No cgroup2 is mounted.
    #[error(
        "no cgroup2 file system is mounted, which the agent needs as its scope: mount -t cgroup2 none /sys/fs/cgroup"
    )]
    Cgroup,
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; everything is removed again")]
    Interrupted,
    /// Something of the system did not work.
    #[error("{what} is not possible")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// What was waited for did not come.
    #[error("waited {ms} ms for {what}; the agent's log ends:\n{log}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        ms: u64,
        /// The last lines of the agent's log.
        log: String,
    },
    /// It ended otherwise than it must.
    #[error("{lost} files lost where {expected} must be; the emulation: {ending}")]
    Outcome {
        /// Files lost.
        lost: u32,
        /// Files that must be lost.
        expected: u32,
        /// How the emulation ended.
        ending: String,
    },
    /// The emulation was pointed at files that are not its own.
    #[error("{} is no folder of a demo: {reason}", path.display())]
    Refused {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not root.
    #[error("loading programs into the kernel and making a cgroup need root: try sudo")]
    Root,
    /// The emulation did not say when it began: a fault of ours.
    #[error("emulation says it began at {0:?}, which is no time")]
    Time(String),
}

impl DemoError {
    /// The exit code, as the usage text lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::AgentEnded { .. } | Self::Late { .. } | Self::Outcome { .. } => 1,
            Self::Broker(_) | Self::Io { .. } | Self::Refused { .. } | Self::Time(_) => 3,
            Self::Root => 4,
            Self::Cgroup => 5,
            Self::Agent(_) => 6,
            // What a shell shows for a program that SIGINT ended.
            Self::Interrupted => 130,
        }
    }

    /// For `map_err`: what was to be done and did not work.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}

#[cfg(test)]
impl PartialEq for DemoError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
