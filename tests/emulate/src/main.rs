//! `edge-emulate`: harmless emulations of attacks, and of the ordinary work that resembles them.
//!
//! Runs in guests and on hosts under test. It touches only the files it is given, processes it made and addresses of
//! its own machine; acts that touch more refuse to run but in a guest. It is one small static program, so that it fits
//! beside the agent in any image. See [`usage::USAGE`] for its commands.

mod acts;
mod attack;
mod benign;
mod clock;
mod content;
mod failure;
mod files;
mod measure;
mod mqtt;
mod options;
mod report;
mod sys;
mod types;
mod usage;

use std::process::ExitCode;

use failure::Failure;
use options::Options;
use report::Report;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else { return usage::refuse("no command given") };
    if name == "--help" {
        return usage::show();
    }
    if name == "act" {
        return acts::main(words);
    }
    if name == "prototypes" {
        return match Options::parse(words).and_then(|options| types::prototypes(&options)) {
            Ok(lines) => usage::print(lines.into_iter()),
            Err(failure) => usage::fail(&name, &failure),
        };
    }
    let done = Options::parse(words).and_then(|options| run(&name, &options));
    match done {
        Ok(report) => report.end(),
        Err(Failure::Usage(message)) => usage::refuse(&message),
        Err(failure) => usage::fail(&name, &failure),
    }
}

/// Runs one command.
fn run(name: &str, options: &Options) -> Result<Report, Failure> {
    match name {
        "prepare" => files::prepare(options),
        "count-lost" => files::count_lost(options),
        "ransom" => attack::ransom(options),
        "wipe" => attack::wipe(options),
        "scan" => attack::scan(options),
        "guess" => attack::guess(options),
        "flood" => attack::flood(options),
        "package-upgrade" => benign::package_upgrade(options),
        "tar-backup" => benign::tar_backup(options),
        "log-rotate" => benign::log_rotate(options),
        "config-push" => benign::config_push(options),
        "database" => benign::database(options),
        "file-sync" => benign::file_sync(options),
        "media-import" => benign::media_import(options),
        "mqtt-ping" => mqtt::ping(options),
        "measure" => measure::measure(options),
        "programs" => measure::programs(),
        "tiny" => measure::tiny(options),
        "offsets" => types::offsets(options),
        _ => Err(Failure::Usage(format!("unknown command `{name}`"))),
    }
}
