//! What came of loading, as the loader process tells the agent: one line per program, one per detector.

use edge_wire::DetectorId;
use serde::{Deserialize, Serialize};

use super::layouts::Standing;
use super::means::Means;
use super::program::Program;

/// How far a program came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reached {
    /// It runs.
    Attached,
    /// The verifier took it, the hook did not.
    Loaded(String),
    /// The kernel refused it.
    Refused(String),
}

/// A map, by name and cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapCost {
    /// Its name in the object.
    pub name: String,
    /// Bytes of kernel memory, as the kernel accounts them (`memlock` in `/proc/self/fdinfo`).
    pub bytes: u64,
}

/// Where a detector stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// [`DetectorId`] by number.
    pub detector: u8,
    /// [`edge_wire::Rung`] by number, as long as `first` runs.
    pub rung: u8,
    /// The program it sees nothing without; `None` when there was nothing to stand on.
    pub first: Option<Program>,
    /// Why it does not stand higher, one reason per rung; empty on its highest.
    pub why: String,
}

/// Everything the loader has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// By what means programs were attached.
    pub means: Means,
    /// Whether the layouts of kernel structs are known, and right.
    pub standing: Standing,
    /// Each program that was wanted.
    pub programs: Vec<(Program, Reached)>,
    /// Each detector that is to run.
    pub reaches: Vec<Reach>,
    /// What is not as good as it could be although everything is attached, one line each.
    pub notes: Vec<String>,
    /// Programs that are detached when the agent ends, whatever is kept (`load.pins`): what stands on perf events before Linux 5.15.
    pub fleeting: Vec<Program>,
    /// Entries that the list of the image has room for.
    pub listed: u32,
    /// Every map, in the order in which its descriptor was handed over.
    pub maps: Vec<MapCost>,
    /// Why nothing could be loaded at all; empty when it could.
    pub failure: String,
    /// Most memory the loader process used, in KiB.
    pub peak_kib: u64,
    /// Time that loading took, in milliseconds.
    pub took_ms: u64,
    /// What each of `programs` took, in their order.
    pub each: Vec<Loading>,
}

/// What loading one program took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loading {
    /// Time, mostly in the kernel's verifier, in milliseconds.
    pub ms: u32,
    /// Instructions that the verifier went through, of at most a million; 0 where the kernel does not tell (before Linux 5.16).
    pub verified: u32,
}

impl Report {
    /// Whether `program` runs.
    #[must_use]
    pub fn runs(&self, program: Program) -> bool {
        self.programs.iter().any(|(known, reached)| *known == program && *reached == Reached::Attached)
    }

    /// Whether `program` was among those tried.
    #[must_use]
    pub fn tried(&self, program: Program) -> bool {
        self.programs.iter().any(|(known, _)| *known == program)
    }

    /// Why `program` does not run; `None` when it does.
    #[must_use]
    pub fn failure_of(&self, program: Program) -> Option<String> {
        let tried = self.programs.iter().find(|(known, _)| *known == program).map(|(_, reached)| reached);
        match tried {
            Some(Reached::Attached) => None,
            Some(Reached::Loaded(why)) => Some(format!("{} not attached, {why}", program.name())),
            Some(Reached::Refused(why)) => Some(format!("{} refused, {why}", program.name())),
            None => Some(format!("{} cannot be used", program.name())),
        }
    }

    /// Where a detector stands; `None` when it is not to run.
    #[must_use]
    pub fn reach(&self, detector: DetectorId) -> Option<&Reach> {
        self.reaches.iter().find(|reach| reach.detector == detector.0)
    }

    /// Bytes that all maps may have together: those of fixed size [`crate::budget::MAP_BYTES`], and what the manifest's list has.
    #[must_use]
    pub fn map_budget(&self) -> u64 {
        let list = self.maps.iter().find(|map| map.name == "LISTED");
        crate::budget::MAP_BYTES + list.map_or(0, |map| map.bytes)
    }

    /// Bytes of all maps together.
    #[must_use]
    pub fn map_bytes(&self) -> u64 {
        self.maps.iter().map(|map| map.bytes).sum()
    }
}
