//! The edge agent's binary: command line, logging, exit code. Everything else is in the library.
#![expect(clippy::print_stderr, reason = "errors are for a person")]

use std::env::args_os;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use edge_agent::cli::{self, Command};
use edge_agent::config::Config;
use edge_agent::error::AgentError;
use edge_agent::{agent, check, load};
use simple_logger::SimpleLogger;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            error.exit_code().into()
        }
    }
}

/// Does what the command line says.
fn run() -> Result<(), AgentError> {
    match cli::parse(args_os().skip(1))? {
        Command::Detach(command) => {
            let names = load::detach(&Config::load(&command.config)?)?;
            say(format_args!("detached: {names} maps and links"));
        }
        Command::Help => say(cli::Help),
        Command::Version => say(concat!("edge-agent ", env!("CARGO_PKG_VERSION"))),
        Command::Run(command) => {
            start_logging();
            agent::run(&command.config, command.log_level)?;
        }
        Command::Check(command) => {
            start_logging();
            log::set_max_level(command.log_level.unwrap_or(log::LevelFilter::Error));
            let report = check::check(&command.config)?;
            if command.json {
                say(report.json());
            } else {
                say(report.text());
            }
            report.verdict()?;
        }
    }
    Ok(())
}

/// Writes to standard output. A reader that has gone away, as `head` does, is no reason to panic.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Logs to standard error without colour and time stamps: the service manager adds them.
fn start_logging() {
    // Fails only when a logger is already there.
    let _ = SimpleLogger::new().init();
}
