//! Why a configuration could not be had.

use super::problem::Problems;
use core::fmt;
use std::io;

/// Why a configuration could not be had. Shown with one line for each mistake, each beginning with file and line.
#[derive(Debug)]
pub enum ConfigError {
    /// The file says something that cannot be meant.
    Invalid {
        /// The file as named on the command line.
        file: String,
        /// What is wrong in it.
        problems: Problems,
    },
    /// The file is not UTF-8, which TOML demands.
    NotText {
        /// The file as named on the command line.
        file: String,
        /// Line of the first wrong byte.
        line: usize,
    },
    /// The file could not be opened or read.
    Read {
        /// The file as named on the command line.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is longer than is read.
    TooLong {
        /// The file as named on the command line.
        file: String,
        /// The most that is read, in bytes.
        limit_bytes: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { file, problems } => {
                for (index, problem) in problems.list().iter().enumerate() {
                    let before = if index == 0 { "" } else { "\n" };
                    write!(f, "{before}{file}:{}: {problem}", problem.line())?;
                }
                match problems.omitted() {
                    0 => Ok(()),
                    omitted => write!(f, "\n{file}: and {omitted} more"),
                }
            }
            Self::NotText { file, line } => write!(f, "{file}:{line}: not UTF-8 text"),
            Self::Read { file, source } => write!(f, "{file}: {source}"),
            Self::TooLong { file, limit_bytes } => write!(f, "{file}: longer than {limit_bytes} bytes"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The system's words are already in the message; giving them as a source too would say them twice.
        None
    }
}
