//! What was measured, as it stands in benches/cost.json.

use serde::{Deserialize, Serialize};

/// The operations and how often each is repeated in a round: ten million instructions or more, and enough audit records
/// (four to eight each) to keep auditd busy.
pub(super) const OPERATIONS: [(&str, u32); 6] = [
    ("getpid", 20_000),
    ("open_close", 4_000),
    ("write", 8_000),
    ("rename", 1_000),
    ("fork_exec", 400),
    ("connect", 2_000),
];

/// Everything that was measured.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Results {
    /// One entry per guest.
    pub(super) guests: Vec<GuestResult>,
}

/// What was measured in guests of one kernel on one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestResult {
    /// Architecture, by its Debian name.
    pub(super) arch: String,
    /// Kernel series.
    pub(super) kernel: String,
    /// The kernel's Debian version.
    pub(super) version: String,
    /// Version of the Debian package `auditd`.
    pub(super) auditd: String,
    /// How often each case was booted; those of single detectors and of counted programs once.
    pub(super) boots: u32,
    /// The agent's size.
    pub(super) agent_bytes: u64,
    /// The cases, the one with nothing running first.
    pub(super) cases: Vec<CaseResult>,
}

/// What was measured while one thing ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseResult {
    /// What ran.
    pub(super) name: String,
    /// Whether the targets hold for it.
    pub(super) judged: bool,
    /// Detectors and the rung each reached; empty when it was not the agent that ran.
    pub(super) detectors: Vec<Detector>,
    /// Whether a program ran at every syscall.
    pub(super) every_syscall: bool,
    /// Resident memory of what ran after all operations, in KiB; the largest of all boots.
    pub(super) rss_kib: Option<u64>,
    /// The most resident memory it ever had, in KiB; the largest of all boots.
    pub(super) peak_kib: Option<u64>,
    /// Records that auditd's kernel side dropped, in all boots.
    pub(super) lost: Option<u64>,
    /// Cost of each operation.
    pub(super) operations: Vec<Cost>,
    /// What each BPF program did, operation by operation; only where that was counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) programs: Vec<Program>,
}

/// What one BPF program did while one operation was repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// The operation.
    pub(super) operation: String,
    /// How often it was repeated.
    pub(super) repeats: u64,
    /// The program's name.
    pub(super) name: String,
    /// How often it ran.
    pub(super) runs: u64,
    /// How many instructions it ran for, with those that count them.
    pub(super) instructions: u64,
    /// Whether the kernel compiled it; otherwise each of its instructions takes many of the processor's.
    pub(super) compiled: bool,
}

/// A detector and where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detector {
    /// Its name.
    pub(super) name: String,
    /// The rung it reached.
    pub(super) rung: String,
}

/// What one operation cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cost {
    /// Its name.
    pub(super) operation: String,
    /// Instructions per operation in each round of each boot, rounded.
    pub(super) rounds: Vec<u64>,
}

impl Cost {
    /// The middle of all rounds; of two middles the lower.
    pub(super) fn median(&self) -> u64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
    }

    /// How far the rounds lie apart.
    pub(super) fn spread(&self) -> u64 {
        let (least, most) = (self.rounds.iter().min(), self.rounds.iter().max());
        most.copied().unwrap_or(0) - least.copied().unwrap_or(0)
    }
}

impl CaseResult {
    /// Adds what another boot of the same case measured.
    pub(super) fn merge(&mut self, other: Self) {
        self.rss_kib = self.rss_kib.max(other.rss_kib);
        self.peak_kib = self.peak_kib.max(other.peak_kib);
        self.lost = self.lost.map(|lost| lost + other.lost.unwrap_or(0));
        for cost in other.operations {
            match self.operations.iter_mut().find(|known| known.operation == cost.operation) {
                Some(known) => known.rounds.extend(cost.rounds),
                None => self.operations.push(cost),
            }
        }
    }

    /// The cost of `operation`.
    pub(super) fn cost(&self, operation: &str) -> Option<&Cost> {
        self.operations.iter().find(|cost| cost.operation == operation)
    }
}

impl GuestResult {
    /// The case called `name`.
    pub(super) fn case(&self, name: &str) -> Option<&CaseResult> {
        self.cases.iter().find(|case| case.name == name)
    }
}

impl Results {
    /// Puts `guest` in the place of what was known of the same architecture and kernel.
    pub(super) fn replace(&mut self, guest: GuestResult) {
        self.guests.retain(|known| (&known.arch, &known.kernel) != (&guest.arch, &guest.kernel));
        self.guests.push(guest);
        self.guests.sort_by(|a, b| (&a.arch, &a.kernel).cmp(&(&b.arch, &b.kernel)));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A case in which every operation cost `base` instructions, but `rename`.
    pub(crate) fn case(name: &str, base: u64, rename: u64) -> CaseResult {
        let cost = |(operation, _): (&str, u32)| {
            let middle = if operation == "rename" { rename } else { base };
            Cost { operation: operation.to_owned(), rounds: vec![middle + 1, middle, middle - 1] }
        };
        let operations = OPERATIONS.map(cost).into();
        CaseResult { name: name.to_owned(), judged: name == "agent", operations, ..CaseResult::default() }
    }

    /// A guest with these cases.
    pub(crate) fn guest(arch: &str, cases: Vec<CaseResult>) -> GuestResult {
        let text = |text: &str| text.to_owned();
        let (kernel, version, auditd) = (text("6.12"), text("6.12.95-1"), text("1:3.0.9-1"));
        GuestResult { arch: text(arch), kernel, version, auditd, boots: 1, agent_bytes: 797_112, cases }
    }

    #[test]
    fn boots_are_merged_into_one_median_and_spread() {
        let mut merged = case("agent", 100, 50);
        merged.merge(CaseResult { rss_kib: Some(7), ..case("agent", 104, 50) });
        let cost = merged.cost("getpid").unwrap();
        assert_eq!((cost.median(), cost.spread(), merged.rss_kib), (101, 6, Some(7)));
        assert_eq!(Cost::default().median(), 0);
    }

    #[test]
    fn a_guest_is_replaced_and_others_stay() {
        let mut results = Results::default();
        for (arch, cases) in [("armhf", vec![]), ("arm64", vec![]), ("armhf", vec![case("nothing", 9, 9)])] {
            results.replace(guest(arch, cases));
        }
        let kept: Vec<_> = results.guests.iter().map(|guest| (&*guest.arch, guest.cases.len())).collect();
        assert_eq!(kept, [("arm64", 0), ("armhf", 1)]);
        let text = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap().guests, results.guests);
    }
}
