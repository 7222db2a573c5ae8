//! `edge-watch`: what agents report, for people and for programs.
//!
//! `link` brings deliveries from the broker, `verify` says whether they are all, `filter` which of them are wanted, `render`
//! how they look; `watch` joins these. `broker` and `demo` need the feature `broker`.
#![forbid(unsafe_code)]

#[cfg(feature = "broker")]
mod broker;
mod cli;
mod decode;
#[cfg(feature = "broker")]
mod demo;
mod error;
mod filter;
mod link;
mod manifest;
mod moment;
mod offsets;
mod render;
mod verify;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use cli::Verb;
use error::WatchError;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe has seen enough.
        Err(WatchError::Output(source)) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // With standard error closed there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "edge-watch: {}", error::chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Does what the command line asks for.
fn run(verb: Verb) -> Result<(), WatchError> {
    let say = |text: &str| std::io::stdout().write_all(text.as_bytes()).map_err(WatchError::Output);
    match verb {
        #[cfg(feature = "broker")]
        Verb::Broker { listen } => broker::serve(listen),
        Verb::Decode(options) => decode::run(&options),
        #[cfg(feature = "broker")]
        Verb::Demo(options) => demo::run(&options),
        #[cfg(feature = "broker")]
        Verb::DemoVictim(options) => demo::victim::run(&options),
        Verb::Help => say(cli::USAGE),
        Verb::Manifest(verb) => manifest::run(&verb),
        Verb::Offsets(options) => offsets::run(&options),
        Verb::Version => say(concat!("edge-watch ", env!("CARGO_PKG_VERSION"), "\n")),
        Verb::Watch(options) => watch::run(&options),
    }
}
