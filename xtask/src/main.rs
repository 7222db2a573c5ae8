//! Every development verb of the edge agent: `cargo xtask <verb>`. CI runs only these verbs.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "xtask speaks to the person who typed the verb"
)]

mod bench;
mod build;
mod compiler;
mod cross;
mod demo;
mod digest;
mod dist;
mod ebpf;
mod elf;
mod kernels;
mod lint;
mod lock;
mod metadata;
mod process;
mod remap;
mod setup;
mod size;
mod test;
mod verb;
mod vm;
mod workspace;
mod yocto;

use std::process::ExitCode;

fn main() -> ExitCode {
    match verb::dispatch(lexopt::Parser::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The sum of the tests has been printed, and stays the last line.
            if !error.is::<test::Failed>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
