//! Which detector, what it may do, what it did.

/// Version of every layout in this crate; stands in each record, and a loader refuses maps of another.
pub const ABI_VERSION: u16 = 1;

/// Slots reserved per table that is indexed by detector; numbers of [`Detector`] stay below.
pub const DETECTOR_SLOTS: u32 = 32;

/// A detector, by the number it also has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Detector {
    /// Ransomware and wipers.
    FileTamper = 1,
    /// Fan-out and guessing towards login ports.
    LateralScan = 2,
    /// Execution from volatile storage.
    VolatileExec = 3,
}

impl Detector {
    /// The detector numbered `raw`.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::FileTamper),
            2 => Some(Self::LateralScan),
            3 => Some(Self::VolatileExec),
            _ => None,
        }
    }
}

/// What a detector may do, as the agent writes it into a tuning map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mode {
    /// Nothing is looked at; the state of a map that was never written.
    Off = 0,
    /// Findings are recorded.
    Observe = 1,
    /// The process is sent SIGKILL at the threshold.
    Kill = 2,
    /// The operation is refused.
    Deny = 3,
}

impl Mode {
    /// The mode numbered `raw`; anything unknown is [`Mode::Off`], the harmless one.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        match raw {
            1 => Self::Observe,
            2 => Self::Kill,
            3 => Self::Deny,
            _ => Self::Off,
        }
    }
}

/// What the kernel program did about a finding, in [`crate::Header::outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Recorded only.
    Reported = 0,
    /// `bpf_send_signal(SIGKILL)` returned 0.
    Killed = 1,
    /// The operation was refused.
    Denied = 2,
    /// The signal could not be sent.
    KillFailed = 3,
}

impl Outcome {
    /// The outcome numbered `raw`.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            0 => Some(Self::Reported),
            1 => Some(Self::Killed),
            2 => Some(Self::Denied),
            3 => Some(Self::KillFailed),
            _ => None,
        }
    }
}
