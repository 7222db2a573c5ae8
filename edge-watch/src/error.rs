//! What can go wrong, and which exit code tells so to a script.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchError {
    /// The address cannot be listened on; the caller chose it.
    #[cfg(feature = "broker")]
    #[error("broker cannot listen on {0}")]
    Listen(std::net::SocketAddr, #[source] io::Error),
    /// The broker's threads ended, which they do only when the listener breaks.
    #[cfg(feature = "broker")]
    #[error("broker ended: {0}")]
    BrokerEnded(String),
    /// `--count` verdicts did not come within `--timeout`.
    #[error("{got} of {wanted} verdicts within {seconds} s")]
    Count {
        /// Verdicts wanted.
        wanted: u64,
        /// Verdicts shown.
        got: u64,
        /// The timeout.
        seconds: u64,
    },
    /// Manifests, or a manifest and a root file system, are not alike; in what, stands on standard output.
    #[error("{count} differences")]
    Differ {
        /// How many.
        count: usize,
    },
    /// The demo could not be played, or did not end as it must.
    #[cfg(feature = "broker")]
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// A file the caller named cannot be read.
    #[error("{} cannot be read", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A kernel that no offsets file can be made of.
    #[error("{}", path.display())]
    Kernel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A manifest that is none, or that no manifest can be.
    #[error("{}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: edge_manifest::Error,
    },
    /// A program that may listen, but that the root file system does not hold.
    #[error("{} of --listen is no program of the root file system", path.display())]
    Program {
        /// Its path in there.
        path: PathBuf,
    },
    /// A file the caller named cannot be written.
    #[error("{} cannot be written", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing can be written to standard output.
    #[error("standard output does not take the line")]
    Output(#[source] io::Error),
    /// The bytes given to `decode` are no message.
    #[error("payload does not decode")]
    Payload(#[source] edge_wire::WireError),
    /// The broker does not let us in; asking again will not help.
    #[error("broker {broker} refuses: {reason}")]
    Refused {
        /// The broker.
        broker: String,
        /// What it answered.
        reason: String,
    },
    /// The system gives no event loop or no signal handler.
    #[error("event loop cannot start")]
    Runtime(#[source] io::Error),
    /// The command line is not understood.
    #[error("{0}\ntry 'edge-watch --help'")]
    Usage(String),
}

impl WatchError {
    /// The exit code, listed in the usage text: 1 a result that is not as wanted, 2 usage, 3 the system or the broker, and
    /// those of the demo.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Count { .. }
            | Self::Differ { .. }
            | Self::Kernel { .. }
            | Self::Manifest { .. }
            | Self::Payload(_)
            | Self::Program { .. } => 1,
            Self::Usage(_) => 2,
            Self::Input { .. }
            | Self::Output(_)
            | Self::Refused { .. }
            | Self::Runtime(_)
            | Self::Save { .. } => 3,
            #[cfg(feature = "broker")]
            Self::BrokerEnded(_) | Self::Listen(..) => 3,
            #[cfg(feature = "broker")]
            Self::Demo(error) => error.exit_code(),
        }
    }
}

/// An error and its causes, from the outside in.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}
