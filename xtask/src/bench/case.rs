//! The cases: what runs in the guest while operations are measured.

use anyhow::{Result, bail};
use edge_tests::vm::Arch;
use std::fmt::Write as _;

/// Rules that let auditd see what the detectors see, for 64-bit and 32-bit ARM.
const RULES: [(Arch, &str); 2] = [
    (Arch::Arm64, include_str!("../../../benches/auditd/arm64.rules")),
    (Arch::Armhf, include_str!("../../../benches/auditd/armhf.rules")),
];

/// The family of hooks that the agent is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// Whatever the agent chooses on this kernel.
    Best,
    /// `load.rung = "kprobe"`.
    Kprobe,
    /// `load.rung = "tracepoint"`.
    Tracepoint,
}

impl Rung {
    /// Reads `best`, `kprobe` or `tracepoint`.
    pub(super) fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "best" => Self::Best,
            "kprobe" => Self::Kprobe,
            "tracepoint" => Self::Tracepoint,
            _ => bail!("rung `{name}` is none of best, kprobe, tracepoint"),
        })
    }
}

/// Which detectors are enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Enabled {
    /// Those of the default configuration.
    Default,
    /// Only this one of those named.
    Only(String),
    /// None.
    None,
}

/// What runs beside the operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Case {
    /// Nothing: what the others are compared with.
    Nothing,
    /// The agent, observing.
    Agent {
        /// The rung it is held to.
        rung: Rung,
        /// Which of its detectors run.
        enabled: Enabled,
        /// Whether the kernel compiles BPF programs.
        jit: bool,
    },
    /// auditd with rules for the same behaviours.
    Auditd,
}

impl Case {
    /// The cases of every run. Debian's armhf kernels do not compile BPF programs unless told: both ways count there.
    pub(super) fn standard(arch: Arch, rungs: &[Rung]) -> Vec<Self> {
        let agent = |rung: Rung, jit| Self::Agent { rung, enabled: Enabled::Default, jit };
        let mut cases = vec![Self::Nothing];
        cases.extend(rungs.iter().map(|rung| agent(*rung, true)));
        if arch == Arch::Armhf {
            cases.push(agent(Rung::Best, false));
        }
        cases.push(Self::Auditd);
        cases
    }

    /// The agent with no detector, and with each of `detectors` alone.
    pub(super) fn parts(rung: Rung, detectors: &[String]) -> Vec<Self> {
        let alone = detectors.iter().cloned().map(Enabled::Only);
        std::iter::once(Enabled::None)
            .chain(alone)
            .map(|enabled| Self::Agent { rung, enabled, jit: true })
            .collect()
    }

    /// The name of the case in tables.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Auditd => "auditd".to_owned(),
            Self::Agent { rung, enabled, jit } => {
                let mut name = match enabled {
                    Enabled::Default => "agent".to_owned(),
                    Enabled::Only(detector) => format!("only {detector}"),
                    Enabled::None => "no detector".to_owned(),
                };
                name.push_str(match rung {
                    Rung::Best => "",
                    Rung::Kprobe => ", up to kprobe",
                    Rung::Tracepoint => ", up to tracepoint",
                });
                name.push_str(if *jit { "" } else { ", interpreted" });
                name
            }
        }
    }

    /// Whether the targets hold for it: the whole agent, its programs compiled.
    pub(super) fn is_judged(&self) -> bool {
        matches!(self, Self::Agent { enabled: Enabled::Default, jit: true, .. })
    }

    /// How many times longer than usual a round is. auditd's queue of 8192 records fills and drains in turns, each as long
    /// as a thousand renames or more; a round must hold several. Of the usual length, rounds of one boot lay from 198,000 to
    /// 444,000 instructions a rename.
    pub(super) fn stretch(&self) -> u32 {
        if *self == Self::Auditd { 6 } else { 1 }
    }

    /// How many rounds are measured when `asked` for so many: a long one needs no company, other boots give the spread.
    pub(super) fn rounds(&self, asked: u32) -> u32 {
        if *self == Self::Auditd { 1 } else { asked }
    }

    /// Words for the kernel's command line.
    pub(super) fn boot_words(&self) -> &'static [&'static str] {
        match self {
            Self::Auditd => &["audit=1"],
            _ => &[],
        }
    }

    /// What the guest does before anything is started.
    pub(super) fn preparation(&self) -> String {
        match self {
            Self::Agent { jit, .. } => format!("sysctl -q -w net.core.bpf_jit_enable={}\n", u8::from(*jit)),
            Self::Nothing | Self::Auditd => String::new(),
        }
    }

    /// The agent's configuration, which switches off whichever of `detectors` are not enabled.
    pub(super) fn configuration(&self, detectors: &[String]) -> String {
        let mut text = "[device]\nid = \"bench\"\n".to_owned();
        if let Self::Agent { enabled, rung, .. } = self {
            text.push_str(match rung {
                Rung::Best => "[load]\nrung = \"lsm\"\n",
                Rung::Kprobe => "[load]\nrung = \"kprobe\"\n",
                Rung::Tracepoint => "[load]\nrung = \"tracepoint\"\n",
            });
            let off = |detector: &&String| match enabled {
                Enabled::Default => false,
                Enabled::Only(one) => one != *detector,
                Enabled::None => true,
            };
            for detector in detectors.iter().filter(off) {
                let _ = write!(text, "[detectors.{detector}]\nenabled = false\n");
            }
        }
        text
    }
}

/// The rules for auditd on `arch`.
pub(super) fn rules(arch: Arch) -> &'static str {
    RULES.iter().find(|(one, _)| *one == arch).map_or("", |(_, rules)| rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_switches_all_other_detectors_off() {
        let detectors = ["a".to_owned(), "b".to_owned()];
        let parts = Case::parts(Rung::Best, &detectors);
        assert_eq!(parts.len(), 3);
        assert!(parts[0].configuration(&detectors).contains("[detectors.a]\nenabled = false\n[detectors.b]"));
        let only_b = parts[2].configuration(&detectors);
        assert!(only_b.contains("[detectors.a]") && !only_b.contains("[detectors.b]"), "{only_b}");
        assert_eq!(parts[2].name(), "only b");
        assert!(parts.iter().all(|part| !part.is_judged()));
        let held = Case::parts(Rung::Tracepoint, &[]);
        assert!(held[0].configuration(&[]).contains("[load]\nrung = \"tracepoint\"\n"));
    }

    #[test]
    fn only_the_compiled_agent_is_judged() {
        let cases = Case::standard(Arch::Armhf, &[Rung::Best]);
        let judged: Vec<_> = cases.iter().filter(|case| case.is_judged()).map(Case::name).collect();
        assert_eq!(judged, ["agent"]);
        assert_eq!(cases.len(), 4);
        assert_eq!(Case::standard(Arch::Arm64, &[Rung::Best, Rung::Kprobe]).len(), 4);
    }

    #[test]
    fn both_rule_sets_audit_the_same_behaviours() {
        let keys = |arch| {
            let mut keys: Vec<_> =
                rules(arch).lines().filter_map(|line| line.rsplit_once(" -k ")).map(|(_, key)| key).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        assert_eq!(keys(Arch::Arm64), keys(Arch::Armhf));
        assert!(keys(Arch::Arm64).contains(&"rename"));
    }
}
