//! Sums what test runners print: Rust's harness (and those that imitate it) and Python's unittest.

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds another sum.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
    }

    /// Whether nothing ran at all.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Reads the lines of one run.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Sums of the harnesses that have ended.
    tally: Tally,
    /// Python's `Ran N tests`, until the line that says how they ended.
    python_ran: Option<u64>,
}

impl Reader {
    /// Takes one line of output.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            let passed = number_before(rest, " passed").unwrap_or(0);
            let failed = number_before(rest, " failed").unwrap_or(0);
            self.tally.add(Tally { passed, failed });
        } else if let Some(rest) = line.strip_prefix("Ran ") {
            self.python_ran = rest.split(' ').next().and_then(|number| number.parse().ok());
        } else if let Some(ran) = self.python_ran
            && (line == "OK" || line.starts_with("OK (") || line.starts_with("FAILED ("))
        {
            let bad = value_of(line, "failures=") + value_of(line, "errors=");
            let skipped = value_of(line, "skipped=");
            self.tally.add(Tally { passed: ran.saturating_sub(bad + skipped), failed: bad });
            self.python_ran = None;
        }
    }

    /// The sum, given whether the program ended successfully: one that failed without a failed test (it did not
    /// compile, it crashed) counts as one failure.
    pub(crate) fn finish(mut self, success: bool) -> Tally {
        if !success && self.tally.failed == 0 {
            self.tally.failed = 1;
        }
        self.tally
    }
}

/// The number that stands directly before `word` in `text`.
fn number_before(text: &str, word: &str) -> Option<u64> {
    text.split(word).next()?.rsplit(' ').next()?.parse().ok()
}

/// The number that follows `key`, or 0.
fn value_of(text: &str, key: &str) -> u64 {
    let digits = text.split(key).nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(lines: &[&str], success: bool) -> Tally {
        let mut reader = Reader::default();
        for line in lines {
            reader.line(line);
        }
        reader.finish(success)
    }

    #[test]
    fn harness_results_are_added() {
        let lines = [
            "test a ... ok",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ];
        assert_eq!(sum(&lines, false), Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn unittest_results_are_added_and_skips_do_not_pass() {
        assert_eq!(sum(&["Ran 7 tests in 0.002s", "", "OK"], true), Tally { passed: 7, failed: 0 });
        assert_eq!(sum(&["Ran 7 tests in 0.1s", "OK (skipped=2)"], true), Tally { passed: 5, failed: 0 });
        let bad = sum(&["Ran 7 tests in 0.1s", "", "FAILED (failures=1, errors=2)"], false);
        assert_eq!(bad, Tally { passed: 4, failed: 3 });
    }

    #[test]
    fn a_run_that_fails_without_a_failed_test_counts_once() {
        assert_eq!(sum(&["error: could not compile"], false), Tally { passed: 0, failed: 1 });
        assert!(sum(&["nothing here"], true).is_empty());
    }
}
