//! Running the programs the harness needs, with errors that name what is missing.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus};

/// Why a program of the machine did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The machine lacks the program.
    #[error("program {program} is missing; install the Debian package {package}")]
    Missing {
        /// The program's name.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The program exists and could not be started.
    #[error("program {program} cannot be started")]
    Start {
        /// The program's name.
        program: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program ran and reported failure.
    #[error("{command} ended with {status}: {last_words}")]
    Refused {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its error output.
        last_words: String,
    },
}

/// A program of the machine, and the package that brings it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The program's name, found through `PATH`.
    pub(crate) program: &'static str,
    /// The Debian package named when it is missing.
    pub(crate) package: &'static str,
}

impl Tool {
    /// A command for this program with its arguments.
    pub(crate) fn command<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments);
        command
    }

    /// Runs `command` (made by [`Tool::command`]) to its end and returns its standard output.
    pub(crate) fn output(self, command: &mut Command) -> Result<Vec<u8>, ToolError> {
        let done = command.output().map_err(|source| self.start_error(source))?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        Err(ToolError::Refused {
            command: format!("{command:?}"),
            status: done.status,
            last_words: last_lines(&String::from_utf8_lossy(&done.stderr), 5),
        })
    }

    /// Tells a missing program from one that cannot start.
    pub(crate) fn start_error(self, source: io::Error) -> ToolError {
        if source.kind() == io::ErrorKind::NotFound {
            return ToolError::Missing { program: self.program, package: self.package };
        }
        ToolError::Start { program: self.program, source }
    }
}

/// The last `count` lines that are not empty, joined for a one-line message.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let tool = Tool { program: "edge-no-such-program", package: "none" };
        let error = tool.output(&mut tool.command(["x"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "program edge-no-such-program is missing; install the Debian package none"
        );
    }

    #[test]
    fn a_failure_carries_the_last_words() {
        let tool = Tool { program: "sh", package: "dash" };
        let error = tool.output(&mut tool.command(["-c", "echo one >&2; echo two >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().ends_with("exit status: 3: one; two"), "{error}");
        assert_eq!(last_lines("a\n\nb\nc\n", 2), "b; c");
    }
}
