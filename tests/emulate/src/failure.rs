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
    /// The kernel refused what an act needs.
    Kernel {
        /// What was tried: `making a child`, ...
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The running kernel, or the machine, lacks what an act needs; that says nothing about an agent.
    Unsupported {
        /// What was tried.
        action: &'static str,
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

    /// For `map_err`: wraps a refusal by the kernel, told apart from what it does not have.
    pub(crate) fn kernel(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            if is_absent(&source) {
                Self::Unsupported { action, source }
            } else {
                Self::Kernel { action, source }
            }
        }
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
            Self::Kernel { action, .. } => write!(out, "{action} is not possible"),
            Self::Unsupported { action, .. } => write!(out, "{action} is not supported here"),
            Self::Peer { problem, .. } => out.write_str(problem),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(_) | Self::Peer { source: None, .. } => None,
            Self::File { source, .. }
            | Self::Kernel { source, .. }
            | Self::Unsupported { source, .. }
            | Self::Peer { source: Some(source), .. } => Some(source),
        }
    }
}

/// Whether an error says that the kernel has no such call, protocol or device.
fn is_absent(error: &io::Error) -> bool {
    const ABSENT: [i32; 6] = [
        libc::ENOSYS,
        libc::EOPNOTSUPP,
        libc::EAFNOSUPPORT,
        libc::EPROTONOSUPPORT,
        libc::ESOCKTNOSUPPORT,
        libc::ENODEV,
    ];
    error.raw_os_error().is_some_and(|number| ABSENT.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_lacks_is_told_apart_from_what_it_refuses() {
        let absent = Failure::kernel("setting up a ring")(io::Error::from_raw_os_error(libc::ENOSYS));
        assert_eq!(absent.to_string(), "setting up a ring is not supported here");
        let refused = Failure::kernel("making a child")(io::Error::from_raw_os_error(libc::ENOMEM));
        assert_eq!(refused.to_string(), "making a child is not possible");
    }
}
