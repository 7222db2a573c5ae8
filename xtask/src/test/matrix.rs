//! Which guest tests run: names are `arch/kernel/detector/case`, and a choice is turned into the filter and the skips
//! that the test harness understands.

use crate::build::Target;
use anyhow::{Result, ensure};
use edge_tests::vm::{Arch, Kernel, matrix};

/// A choice from the matrix; `None` is everything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// One architecture.
    pub(super) arch: Option<Arch>,
    /// One kernel.
    pub(super) kernel: Option<Kernel>,
    /// A detector's name. The set is open, so that a misspelt one is caught as a group that ran nothing.
    pub(super) detector: Option<String>,
    /// The highest rung that agents may stand on; by default their own default, and only cases that pass on the whole matrix.
    pub(super) rung: Option<String>,
}

/// Reads the name of a rung that `load.rung` takes.
pub(super) fn rung(name: &str) -> Result<String> {
    ensure!(
        matches!(name, "lsm" | "kprobe" | "tracepoint"),
        "rung `{name}` is none of lsm, kprobe, tracepoint"
    );
    Ok(name.to_owned())
}

impl Choice {
    /// Whether nothing was chosen.
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The guests that are left.
    pub(super) fn guests(&self) -> Vec<(Arch, Kernel)> {
        let chosen = |(arch, kernel): &(Arch, Kernel)| {
            self.arch.is_none_or(|one| one == *arch) && self.kernel.is_none_or(|one| one == *kernel)
        };
        matrix().into_iter().filter(chosen).collect()
    }

    /// Whether programs for `target` are used by what is left.
    pub(super) fn needs(&self, target: Target) -> bool {
        match target {
            Target::Aarch64 => self.arch != Some(Arch::Armhf),
            Target::Armv7 => self.arch != Some(Arch::Arm64),
            Target::Host => true,
        }
    }

    /// Arguments for the harness. It takes one filter; everything else that was not chosen is skipped by a part of its
    /// name that no other name holds.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut skips = Vec::new();
        if let Some(chosen) = self.arch {
            skips.extend(Arch::ALL.iter().filter(|other| **other != chosen).map(|other| format!("{other}/")));
        }
        if let Some(chosen) = self.kernel {
            skips.extend(
                Kernel::ALL.iter().filter(|other| **other != chosen).map(|other| format!("/{other}/")),
            );
        }
        let filter = self.detector.iter().map(|detector| format!("/{detector}/"));
        filter.chain(skips.into_iter().flat_map(|part| ["--skip".to_owned(), part])).collect()
    }
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
        let detector = (!detector.is_empty()).then(|| detector.to_owned());
        Choice { arch: arch.parse().ok(), kernel: kernel.parse().ok(), detector, rung: None }
    }

    #[test]
    fn one_cell_is_one_cell() {
        let arguments = choice("arm64", "6.1", "file_tamper").arguments();
        assert!(selects(&arguments, "arm64/6.1/file_tamper/attack_caught"));
        for other in ["armhf/6.1/file_tamper/a", "arm64/6.12/file_tamper/a", "arm64/6.1/lateral_scan/a"] {
            assert!(!selects(&arguments, other), "{other}");
        }
    }

    #[test]
    fn parts_that_were_not_chosen_stay_open() {
        let arguments = choice("", "6.12", "").arguments();
        assert!(
            selects(&arguments, "armhf/6.12/flood/books") && selects(&arguments, "arm64/6.12/file_tamper/a")
        );
        assert!(!selects(&arguments, "armhf/6.1/flood/books"));
        assert!(choice("", "", "").arguments().is_empty());
    }

    #[test]
    fn guests_follow_the_choice() {
        assert_eq!(choice("", "", "x").guests().len(), 8);
        assert_eq!(choice("armhf", "", "").guests().len(), 4);
        assert!(
            choice("armhf", "", "").needs(Target::Armv7) && !choice("armhf", "", "").needs(Target::Aarch64)
        );
        assert_eq!(choice("armhf", "7.2", "").guests(), [(Arch::Armhf, Kernel::V7_2)]);
    }
}
