//! Which guest tests run: names are `arch/kernel/detector/case`, and a choice is turned into the filter and the skips
//! that the test harness understands.

use anyhow::{Result, ensure};

/// What may be chosen, with the spellings of the test names.
const ARCHES: &[&str] = &["arm64", "armhf"];
/// The kernels of the matrix.
const KERNELS: &[&str] = &["5.10", "6.1", "6.12", "7.2"];

/// A choice from the matrix; `None` is everything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// `arm64` or `armhf`.
    pub(super) arch: Option<String>,
    /// The version of one kernel of the matrix.
    pub(super) kernel: Option<String>,
    /// A detector's name. The set is open, so that a misspelt one is caught as a group that ran nothing.
    pub(super) detector: Option<String>,
}

impl Choice {
    /// Whether nothing was chosen.
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Arguments for the harness.
    ///
    /// # Errors
    /// An architecture or kernel that is not in the matrix.
    pub(super) fn arguments(&self) -> Result<Vec<String>> {
        let mut arguments = Vec::new();
        // The harness takes one filter; everything else that was not chosen is skipped by its delimited part.
        if let Some(detector) = &self.detector {
            arguments.push(format!("/{detector}/"));
        }
        skip_others(
            "architecture",
            self.arch.as_deref(),
            ARCHES,
            |other| format!("{other}/"),
            &mut arguments,
        )?;
        skip_others("kernel", self.kernel.as_deref(), KERNELS, |other| format!("/{other}/"), &mut arguments)?;
        Ok(arguments)
    }
}

/// Adds a skip for every member of `all` but the chosen one.
fn skip_others(
    what: &str,
    chosen: Option<&str>,
    all: &[&str],
    part: impl Fn(&str) -> String,
    arguments: &mut Vec<String>,
) -> Result<()> {
    let Some(chosen) = chosen else { return Ok(()) };
    ensure!(all.contains(&chosen), "{what} `{chosen}` is none of {}", all.join(", "));
    for other in all.iter().filter(|other| **other != chosen) {
        arguments.extend(["--skip".to_owned(), part(other)]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the harness would run `name`: the filter is contained, and no skip is.
    fn selects(arguments: &[String], name: &str) -> bool {
        let (mut filter, mut skipped, mut rest) = (true, false, arguments.iter());
        while let Some(argument) = rest.next() {
            if argument == "--skip" {
                skipped |= name.contains(rest.next().unwrap().as_str());
            } else {
                filter = name.contains(argument.as_str());
            }
        }
        filter && !skipped
    }

    fn choice(arch: &str, kernel: &str, detector: &str) -> Choice {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Choice { arch: some(arch), kernel: some(kernel), detector: some(detector) }
    }

    #[test]
    fn one_cell_is_one_cell() {
        let arguments = choice("arm64", "6.1", "file_tamper").arguments().unwrap();
        assert!(selects(&arguments, "arm64/6.1/file_tamper/attack_caught"));
        for other in ["armhf/6.1/file_tamper/a", "arm64/6.12/file_tamper/a", "arm64/6.1/lateral_scan/a"] {
            assert!(!selects(&arguments, other), "{other}");
        }
    }

    #[test]
    fn parts_that_were_not_chosen_stay_open() {
        let arguments = choice("", "6.12", "").arguments().unwrap();
        assert!(
            selects(&arguments, "armhf/6.12/flood/books") && selects(&arguments, "arm64/6.12/file_tamper/a")
        );
        assert!(!selects(&arguments, "armhf/6.1/flood/books"));
        assert!(choice("", "", "").arguments().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_in_the_matrix_is_refused() {
        assert!(choice("x86", "", "").arguments().unwrap_err().to_string().contains("arm64, armhf"));
        assert!(choice("", "4.19", "").arguments().unwrap_err().to_string().contains("`4.19`"));
    }
}
