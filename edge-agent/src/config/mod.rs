//! The configuration: one TOML file, read at start and again on SIGHUP, into a [`Config`] of fixed size.
//!
//! Text goes one way: `document` (TOML to keys) -> `reader` (one key to one typed value) -> `read` and `read_acts` (the schema) ->
//! [`Config`]. Everything on that way lives on the heap only until [`Config::load`] returns. `packaging/edge-agent.toml`
//! describes every key for people and spells out the defaults; tests keep it, the schema and the ranges in step.

mod declare;
mod default;
pub mod device;
mod diff;
mod document;
mod error;
mod nearest;
mod problem;
mod programs;
pub mod ranges;
mod read;
mod read_acts;
mod reader;
mod types;
mod value;

#[cfg(test)]
mod acts_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub(crate) use declare::{listener, words};
pub use diff::{Changes, NeedsRestart, diff};
pub use error::ConfigError;
pub use problem::{PROBLEM_COUNT, Problem, Problems};
pub use read::LEVELS;
pub use types::*;

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Where the file is when the command line does not say.
pub const DEFAULT_PATH: &str = "/etc/edge-agent/edge-agent.toml";
/// The longest file read, in bytes: some three times the packaged one with all its comments. The parser's tokens take up
/// to 41 bytes of heap for each byte of a hostile file, 9 for the packaged one (256 kB), until `load` returns.
pub const FILE_BYTES: usize = 96 * 1024;

impl Config {
    /// Reads and checks a file. All mistakes are told at once, up to [`PROBLEM_COUNT`].
    ///
    /// # Errors
    /// The file cannot be read, is longer than [`FILE_BYTES`], is not UTF-8, or says something that cannot be meant.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = || path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            // One byte more than allowed tells a long file from one that just fits; a device without end stops too.
            .and_then(|opened| opened.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|source| ConfigError::Read { file: file(), source })?;
        Self::parse(&bytes, &file())
    }

    /// Checks the bytes of a file; `file` is its name in messages.
    ///
    /// # Errors
    /// As [`Config::load`], except for reading.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, ConfigError> {
        let file = || file.to_owned();
        if bytes.len() > FILE_BYTES {
            return Err(ConfigError::TooLong { file: file(), limit_bytes: FILE_BYTES });
        }
        let source = core::str::from_utf8(bytes).map_err(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            ConfigError::NotText { file: file(), line: 1 + document::newlines(valid) }
        })?;
        let (config, problems) = read::read(source);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { file: file(), problems }) }
    }
}
