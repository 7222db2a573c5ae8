//! What a detector of acts is: its numbers, its defaults, whom it lets pass, what it watches and what it calls a finding.
//!
//! The configuration reads its keys and ranges from here, the loader its rules, the judge its words.

use core::time::Duration;

use edge_abi::{ActRecord, Detector};
use edge_wire::{Act, DetectorId, Severity, Technique};

use crate::config::{Action, Config};
use crate::enrich::Processes;

/// One detector of acts.
#[derive(Debug)]
pub struct Spec {
    /// Number on both sides, and name on the wire.
    pub detector: Detector,
    /// Its keys in the configuration.
    pub keys: Keys,
    /// Whether it runs unless the configuration says otherwise.
    pub enabled: bool,
    /// What it may be told to do besides observing.
    pub actions: &'static [Action],
    /// Acts in a window that make a finding; `None` where one act does.
    pub threshold: Option<Bounds>,
    /// Acts of a whole origin that make a finding, in multiples of `threshold`; 0: origins are not counted.
    pub origin_factor: u32,
    /// Length of the window; `None` where one act decides.
    pub window: Option<Span>,
    /// A further number and its key; its unit is said on the detector's page.
    pub option: Option<Choice>,
    /// Programs let pass unless the configuration names others.
    pub allow: &'static [Pass],
    /// Paths watched.
    pub watch: &'static [WatchPath],
    /// What a reason is called and how bad it is.
    pub weigh: fn(reason: u8) -> (Technique, Severity),
    /// Looks at what the kernel side could not be certain of; `None` where it always is.
    pub resolve: Option<Resolve>,
    /// Looks at what makes a finding worse; `None` where nothing does.
    pub look: Option<Worse>,
}

/// Looks at a finding. May fill in what it learns; a severity it gives is the least that the finding has.
pub type Worse = fn(&mut Act, &ActRecord, &dyn Processes, &Config) -> Option<Severity>;

/// Looks at a candidate. May fill in what it learns.
pub type Resolve = fn(&mut Act, &ActRecord, &dyn Processes, &Config) -> Resolved;

/// What a look at a candidate showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is what it looked like.
    Certain,
    /// It is not.
    Harmless,
    /// The process was gone, or hid: told at low severity, since silence would be a way to hide.
    Unknown,
}

impl Spec {
    /// Number and name on the wire.
    #[must_use]
    pub const fn id(&self) -> DetectorId {
        DetectorId(self.detector as u8)
    }
}

/// Whole numbers a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Without the key.
    pub default: u32,
    /// At least.
    pub least: u32,
    /// At most.
    pub most: u32,
}

/// A number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its key.
    pub key: &'static str,
    /// What it may be.
    pub bounds: Bounds,
}

/// Durations a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Without the key.
    pub default: Duration,
    /// At least.
    pub least: Duration,
    /// At most.
    pub most: Duration,
}

impl Span {
    /// A span in whole seconds.
    #[must_use]
    pub const fn seconds(default: u64, least: u64, most: u64) -> Self {
        Self {
            default: Duration::from_secs(default),
            least: Duration::from_secs(least),
            most: Duration::from_secs(most),
        }
    }
}

/// A program that may set a detector off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Its absolute path.
    pub path: &'static str,
    /// Whether what it starts may as well.
    pub children: bool,
}

impl Pass {
    /// The program alone.
    #[must_use]
    pub const fn alone(path: &'static str) -> Self {
        Self { path, children: false }
    }

    /// The program and what it starts.
    #[must_use]
    pub const fn with_children(path: &'static str) -> Self {
        Self { path, children: true }
    }
}

/// A watched path. One that ends in a slash stands for everything below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPath {
    /// Absolute; at most 63 bytes; one that ends in `$` ends there, others stand for what begins with them, too. One or two
    /// components after `*/` are matched in any directory.
    pub path: &'static str,
    /// One of [`edge_abi::reason`].
    pub reason: u8,
    /// [`edge_abi::watch_access`] that matter.
    pub access: u8,
}

/// The keys of one detector.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Whether it runs.
    pub enabled: &'static str,
    /// What it does.
    pub action: &'static str,
    /// How many acts.
    pub threshold: &'static str,
    /// In how long.
    pub window: &'static str,
    /// Whom it lets pass.
    pub allow: &'static str,
    /// What it watches besides.
    pub watch: &'static str,
}

/// The keys of the detector called `$name`.
macro_rules! keys {
    ($name:literal) => {
        $crate::decide::detectors::spec::Keys {
            enabled: concat!("detectors.", $name, ".enabled"),
            action: concat!("detectors.", $name, ".action"),
            threshold: concat!("detectors.", $name, ".threshold"),
            window: concat!("detectors.", $name, ".window"),
            allow: concat!("detectors.", $name, ".allow"),
            watch: concat!("detectors.", $name, ".watch"),
        }
    };
}
pub(crate) use keys;
