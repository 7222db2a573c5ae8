//! The JSON lines a command prints: one when it starts (an attack may not live to print another) and one at its end.
#![expect(clippy::print_stdout, reason = "these lines are the program's product")]

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::clock::monotonic_ns;

/// A command's account of itself.
#[derive(Debug)]
pub(crate) struct Report {
    /// The last line so far, without its closing brace.
    line: String,
}

impl Report {
    /// Prints the line that says the command starts now.
    pub(crate) fn start(command: &'static str) -> Self {
        let (pid, start_ns) = (std::process::id(), monotonic_ns());
        let line = format!("{{\"emulate\":\"{command}\",\"pid\":{pid},\"start_ns\":{start_ns}");
        println!("{line}}}");
        Self { line }
    }

    /// Adds a number.
    pub(crate) fn count(mut self, name: &str, count: u64) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.line, ",\"{name}\":{count}");
        self
    }

    /// The last line, with the time at which the command ended.
    pub(crate) fn finish(self, end_ns: u64) -> String {
        format!("{},\"end_ns\":{end_ns}}}", self.line)
    }

    /// Prints the last line.
    pub(crate) fn end(self) -> ExitCode {
        println!("{}", self.finish(monotonic_ns()));
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_one_json_object() {
        let report = Report { line: "{\"emulate\":\"wipe\",\"start_ns\":1".to_owned() };
        let line = report.count("files", 3).finish(9);
        assert_eq!(line, r#"{"emulate":"wipe","start_ns":1,"files":3,"end_ns":9}"#);
    }
}
