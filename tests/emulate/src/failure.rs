//! Why a command could not be carried out.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// A file could not be used.
    File {
        /// What was tried: `reading`, `renaming`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The other end of a connection did not do its part.
    Peer {
        /// What it did.
        problem: String,
        /// What the kernel said, if it had a say.
        source: Option<io::Error>,
    },
}

impl Failure {
    /// For `map_err`: wraps an I/O error with what was tried on which file.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }

    /// For `map_err`: wraps an I/O error of a connection.
    pub(crate) fn peer(problem: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Peer { problem: problem.to_owned(), source: Some(source) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => out.write_str(message),
            Self::File { action, path, .. } => write!(out, "{action} {} is not possible", path.display()),
            Self::Peer { problem, .. } => out.write_str(problem),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(_) | Self::Peer { source: None, .. } => None,
            Self::File { source, .. } | Self::Peer { source: Some(source), .. } => Some(source),
        }
    }
}
