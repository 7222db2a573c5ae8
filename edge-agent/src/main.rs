//! The edge agent's binary: command line, logging, exit code. Everything else is in the library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "help, version and reports are for a person")]

use std::env::args_os;
use std::process::ExitCode;

use edge_agent::cli::{self, Command};
use edge_agent::error::AgentError;
use edge_agent::{agent, check};
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
        Command::Help => println!("{}", cli::Help),
        Command::Version => println!("edge-agent {}", env!("CARGO_PKG_VERSION")),
        Command::Run(command) => {
            start_logging();
            agent::run(&command.config, command.log_level)?;
        }
        Command::Check(command) => {
            start_logging();
            log::set_max_level(command.log_level.unwrap_or(log::LevelFilter::Error));
            let report = check::check(&command.config)?;
            if command.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.text());
            }
            report.verdict()?;
        }
    }
    Ok(())
}

/// Logs to standard error without colour and time stamps: the service manager adds them.
fn start_logging() {
    // Fails only when a logger is already there.
    let _ = SimpleLogger::new().init();
}
