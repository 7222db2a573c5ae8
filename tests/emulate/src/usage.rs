//! What the program says to a person.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one place that speaks to a person")]

use std::error::Error as _;
use std::process::ExitCode;

use crate::failure::Failure;

/// The help text.
pub(crate) const USAGE: &str = "\
usage: edge-emulate COMMAND [--OPTION VALUE ...]

Prints a JSON line when it starts and one when it ends; times are CLOCK_MONOTONIC nanoseconds.

victims:
  prepare --dir D --files N --bytes B [--folders F]      N text files of B bytes, one after the other in F
                                           folders of D, noted in D.prepared
  count-lost --dir D                       how many of them lost their name or content
attacks:
  ransom --dir D [--files N] [--mode rewrite-rename|new-unlink|inplace|mmap|partial|rename-only|
         truncate] [--delay-us U] [--threads T] [--after P]   encrypts the files of D with a local stream,
                                           once somebody writes to the named pipe P
  wipe --dir D [--files N]                 overwrites the files of D with zeros and unlinks them
  scan [--net 127.0.0.0/8] --port P --hosts N [--udp]    N loopback destinations, one try each
  guess [--addr 127.0.0.1] --port P --tries N            N connections to one login port
  flood --kind rename|connect|exec|exec-distinct --count N --dir D [--name W] [--socket]
                                           as many events as the machine can make; what is executed is called W
  flood --kind memfd --count N             executions of what is in memory only
  flood --kind act --act A --count N [--OPTION VALUE ...]     one act again and again in one process
benign twins:
  package-upgrade --dir D --files N        as dpkg replaces files
  tar-backup --dir D --out F [--compressed]  reads all, writes one archive
  log-rotate --dir D --logs N --keep K     shifts, compresses and removes logs
  config-push --port P --hosts N           N connections, as a configuration tool makes
  database --file F [--pages N]            page writes in place
  file-sync --dir D --files N              .name.XXXXXX, then renamed over name
  media-import --dir D --files N           new files of incompressible content, renamed into place
acts:
  act list                                 every act: attack or benign, name, options, what it does
  act DETECTOR.VARIANT [--OPTION VALUE ...]  one act; exit code 77 when this machine lacks what it needs
links:
  mqtt-ping --addr A --port P --topic T --payload X      one acknowledged publish
costs:
  measure --operation getpid|open_close|write|rename|fork_exec|connect --count N --dir D [--rounds 3]
          [--program /bin/true] [--warm-up N]
                                           nanoseconds of N operations, in each round
  tiny --file F                            the smallest program there is, for fork_exec
  prototypes --functions F,F,...           prototypes of kernel functions, as the kernel's BTF has them
  offsets --out F [--wrong STRUCT.MEMBER] [--foreign 1]  an offsets file of this kernel, or a misleading one
  programs                                 runs and nanoseconds of each BPF program, if the kernel counts
";

/// Prints the help.
pub(crate) fn show() -> ExitCode {
    print!("{USAGE}");
    ExitCode::SUCCESS
}

/// Prints lines that a person or a test asked for.
pub(crate) fn print(lines: impl Iterator<Item = String>) -> ExitCode {
    for line in lines {
        println!("{line}");
    }
    ExitCode::SUCCESS
}

/// Refuses a command line. Exit code 64, as `sysexits` has it.
pub(crate) fn refuse(message: &str) -> ExitCode {
    eprintln!("edge-emulate: {message}\n\n{USAGE}");
    ExitCode::from(64)
}

/// Reports that a command could not be carried out. Exit code 77 when the machine lacks what it needs, else 10.
pub(crate) fn fail(command: &str, failure: &Failure) -> ExitCode {
    match failure.source() {
        Some(source) => eprintln!("edge-emulate {command}: {failure}: {source}"),
        None => eprintln!("edge-emulate {command}: {failure}"),
    }
    ExitCode::from(if matches!(failure, Failure::Unsupported { .. }) { 77 } else { 10 })
}
