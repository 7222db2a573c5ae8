//! A verdict: who did what, how sure and how bad, and what was done about it.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{Action, Bytes, DetectorId, Disposition, Evidence, Rung, Severity, Technique};

/// Most ancestors a verdict names.
pub const MAX_LINEAGE: usize = 4;

/// A process, by the key that survives pid reuse (tgid and start time) and by what people know it as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Process id in the initial pid namespace, which the kernel calls tgid.
    pub tgid: u32,
    /// Start time in milliseconds of boot time; 0 when the process was gone before it could be read.
    pub start_ms: u64,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Name of the main thread, which the process may set to anything; at most 15 bytes in the kernel.
    pub comm: Bytes<16>,
    /// Path of the executable; empty when the process was gone before it could be read; cut at 96 bytes.
    pub exe: Bytes<96>,
}

/// A process the subject descends from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Start time in milliseconds of boot time; 0 when unknown.
    pub start_ms: u64,
    /// Name of the main thread.
    pub comm: Bytes<16>,
}

/// Everything of a verdict but its evidence; the same for every detector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The kernel's random id of this boot.
    pub boot_id: [u8; 16],
    /// Seconds of boot time at which this agent started: grows with every restart within a boot.
    pub incarnation: u32,
    /// Number of this verdict within the incarnation, from 0, without gaps at the sender.
    pub sequence: u32,
    /// Kernel time of the deciding event, in microseconds of boot time (`CLOCK_BOOTTIME`, which counts suspend).
    pub event_us: u64,
    /// Wall clock of the same moment, in milliseconds since 1970; 0 while the clock is not set.
    pub wall_ms: u64,
    /// Who judged; tells the layout of the evidence.
    pub detector: DetectorId,
    /// What the behaviour is called.
    pub technique: Technique,
    /// How bad.
    pub severity: Severity,
    /// What policy wanted.
    pub action: Action,
    /// What happened.
    pub disposition: Disposition,
    /// Which hook family saw it.
    pub rung: Rung,
    /// Who did it.
    pub subject: Subject,
    /// Its ancestors, parent first.
    pub lineage: Vec<Ancestor, MAX_LINEAGE>,
    /// How many identical findings were folded since the previous verdict about the same subject and reason.
    pub repeats: u32,
}

/// A finding as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What every verdict has.
    pub head: Head,
    /// What this detector adds. Its variant must fit `head.detector`; the encoder refuses anything else.
    pub evidence: Evidence,
}
