//! The command line: from arguments to a typed [`Command`]. Nothing is read or checked beyond its form.

use crate::config::{DEFAULT_PATH, LEVELS};
use crate::error::ExitCode;
use core::fmt;
use lexopt::{Arg, Parser};
use log::LevelFilter;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What the agent was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell what this kernel allows.
    Check(Check),
    /// End what an earlier agent left in the kernel.
    Detach(Detach),
    /// Print [`Help`].
    Help,
    /// Watch, judge and publish until told to end.
    Run(Run),
    /// Print the version.
    Version,
}

/// `edge-agent run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The configuration file.
    pub config: PathBuf,
    /// Overrides `log.level`, also across reloads.
    pub log_level: Option<LevelFilter>,
}

/// `edge-agent check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The configuration file.
    pub config: PathBuf,
    /// One JSON object instead of text.
    pub json: bool,
    /// Overrides `log.level`.
    pub log_level: Option<LevelFilter>,
}

/// `edge-agent detach`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detach {
    /// The configuration file, which says where it was left.
    pub config: PathBuf,
}

/// What is wrong with the command line; always the caller's fault.
#[derive(Debug)]
pub enum CliError {
    /// `--log-level` with a level that does not exist.
    Level {
        /// What was given.
        given: String,
    },
    /// No command.
    NoCommand,
    /// An option of another command.
    NotForCommand {
        /// The option.
        option: &'static str,
        /// The command.
        command: &'static str,
    },
    /// An option without its value, an unknown option, an argument too many.
    Syntax(lexopt::Error),
    /// A command that does not exist.
    UnknownCommand {
        /// What was given.
        given: String,
    },
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { given } => {
                write!(f, "log level {given:?} does not exist, expected")?;
                LEVELS.iter().try_for_each(|(name, _)| write!(f, " {name}"))
            }
            Self::NoCommand => f.write_str("no command, expected run, check or detach"),
            Self::NotForCommand { option, command } => write!(f, "{option} is not an option of {command}"),
            Self::Syntax(error) => error.fmt(f),
            Self::UnknownCommand { given } => {
                write!(f, "command {given:?} does not exist, expected run, check or detach")
            }
        }
    }
}

impl std::error::Error for CliError {}

impl From<lexopt::Error> for CliError {
    fn from(error: lexopt::Error) -> Self {
        Self::Syntax(error)
    }
}

/// Parses the arguments after the program's name. `--help` and `--version` win over whatever follows them.
///
/// # Errors
/// The arguments do not have the form that [`Help`] shows.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let mut parser = Parser::from_args(args);
    let mut command = None;
    let mut config = PathBuf::from(DEFAULT_PATH);
    let mut log_level = None;
    let mut json = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Short('c') | Arg::Long("config") => config = PathBuf::from(parser.value()?),
            Arg::Long("json") => json = true,
            Arg::Long("log-level") => log_level = Some(level(&parser.value()?)?),
            Arg::Value(given) if command.is_none() => command = Some(given),
            unexpected => return Err(unexpected.unexpected().into()),
        }
    }
    let command = command.ok_or(CliError::NoCommand)?;
    match command.to_str() {
        Some("check") => Ok(Command::Check(Check { config, json, log_level })),
        Some("detach") if json => Err(CliError::NotForCommand { option: "--json", command: "detach" }),
        Some("detach") if log_level.is_some() => {
            Err(CliError::NotForCommand { option: "--log-level", command: "detach" })
        }
        Some("detach") => Ok(Command::Detach(Detach { config })),
        Some("run") if json => Err(CliError::NotForCommand { option: "--json", command: "run" }),
        Some("run") => Ok(Command::Run(Run { config, log_level })),
        _ => Err(CliError::UnknownCommand { given: command.to_string_lossy().into_owned() }),
    }
}

/// A log level by its name in the configuration.
fn level(given: &OsStr) -> Result<LevelFilter, CliError> {
    let found = LEVELS.iter().find(|(name, _)| given == *name).map(|(_, level)| *level);
    found.ok_or_else(|| CliError::Level { given: given.to_string_lossy().into_owned() })
}

/// The text of `--help`.
#[derive(Clone, Copy, Debug)]
pub struct Help;

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\
edge-agent {version}
Detects attacks on a Linux gateway from inside the kernel and publishes them over MQTT.

Usage:
  edge-agent run    [--config FILE] [--log-level LEVEL]
  edge-agent check  [--config FILE] [--log-level LEVEL] [--json]
  edge-agent detach [--config FILE]

Commands:
  run     watch, judge and publish until SIGTERM; SIGHUP reloads the configuration
  check   check the configuration and tell what this kernel allows: features, detectors, memory
  detach  end what a stopped agent has left watching in the kernel (`load.pins`)

Options:
  -c, --config FILE      configuration [default: {DEFAULT_PATH}]
      --log-level LEVEL  error, warn, info, debug or trace; overrides the configuration
      --json             print one JSON object
  -h, --help             print this text
  -V, --version          print the version

Exit codes:
",
            version = env!("CARGO_PKG_VERSION"),
        )?;
        ExitCode::ALL.iter().try_for_each(|code| writeln!(f, "  {:>2}  {}", code.number(), code.meaning()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses words as the shell would pass them.
    fn parse_words(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_have_defaults() {
        let config = PathBuf::from("/etc/edge-agent/edge-agent.toml");
        assert_eq!(parse_words("run"), Ok(Command::Run(Run { config: config.clone(), log_level: None })));
        assert_eq!(parse_words("check"), Ok(Command::Check(Check { config, json: false, log_level: None })));
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        let expected =
            Command::Check(Check { config: "a".into(), json: true, log_level: Some(LevelFilter::Warn) });
        assert_eq!(parse_words("check --config a --json --log-level=warn"), Ok(expected.clone()));
        assert_eq!(parse_words("-c a --log-level warn check --json"), Ok(expected));
    }

    #[test]
    fn help_and_version_need_no_command() {
        assert_eq!(parse_words("--help"), Ok(Command::Help));
        assert_eq!(parse_words("run -h"), Ok(Command::Help));
        assert_eq!(parse_words("-V"), Ok(Command::Version));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("", "no command, expected run, check or detach"),
            ("start", "command \"start\" does not exist, expected run, check or detach"),
            ("run --json", "--json is not an option of run"),
            (
                "run --log-level loud",
                "log level \"loud\" does not exist, expected error warn info debug trace",
            ),
            ("run --config", "missing argument for option '--config'"),
            ("run --colour", "invalid option '--colour'"),
            ("run again", "unexpected argument \"again\""),
        ] {
            assert_eq!(parse_words(line), Err(message.to_owned()), "{line}");
        }
    }

    #[test]
    fn help_lists_every_exit_code_within_a_hundred_columns() {
        let help = Help.to_string();
        for code in ExitCode::ALL {
            assert!(help.contains(&format!("{:>2}  {}\n", code.number(), code.meaning())), "{code:?}");
        }
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }
}
