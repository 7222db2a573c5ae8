//! Running a target's tests in order, one at a time, with what they measured printed at the end.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::programs::host_program;

/// What a test returns: what it measured, if anything.
pub type Outcome = Result<Option<String>, Box<dyn Error>>;

/// A test and its name.
pub type Test = (&'static str, fn() -> Outcome);

/// Runs the tests that the command line chooses, one after the other: they measure, and share the machine's kernel. Without the
/// programs under test (a plain `cargo test`) they are listed as ignored.
#[must_use]
pub fn run(tests: &[Test]) -> ExitCode {
    run_beside(1, tests)
}

/// The same, so many at a time: what each measures is within a guest of its own, and no time.
#[expect(clippy::print_stdout, reason = "what was measured is what a person runs these tests for")]
#[must_use]
pub fn run_beside(threads: usize, tests: &[Test]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(threads);
    let able = host_program("edge-agent").is_ok();
    let measured = Arc::new(Mutex::new(Vec::new()));
    let trial = |&(name, test): &Test| {
        let measured = Arc::clone(&measured);
        let run = move || match test() {
            Ok(None) => Ok(()),
            Ok(Some(text)) => {
                measured.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}: {text}"));
                Ok(())
            }
            Err(error) => Err(Failed::from(explain(&*error))),
        };
        Trial::test(name, run).with_ignored_flag(!able)
    };
    let conclusion = libtest_mimic::run(&arguments, tests.iter().map(trial).collect());
    for line in measured.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("measured {line}");
    }
    conclusion.exit_code()
}

/// An error with its causes, in one line.
#[must_use]
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
