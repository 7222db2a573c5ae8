//! Which detector, what it may do, what it did.

/// Version of every layout in this crate; stands in each record, and a loader refuses maps of another.
pub const ABI_VERSION: u16 = 3;

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
    /// Execution of what has no name on disk.
    FilelessExec = 4,
    /// Execution of what is not part of the image.
    ForeignExec = 5,
    /// An interpreter that talks to a socket.
    ShellOnSocket = 6,
    /// Many connections from one source to a login port of this machine.
    LoginGuessing = 7,
    /// Raw and packet sockets and socket filters.
    RawSocket = 8,
    /// Writing to flash, disks, memory or the watchdog.
    DeviceTamper = 9,
    /// Writing kernel settings that guard the machine.
    SysctlTamper = 10,
    /// Writing where programs are started from.
    Persistence = 11,
    /// Reading secrets.
    CredentialAccess = 12,
    /// Code brought into the kernel.
    KernelCode = 13,
    /// Reaching into another process's memory.
    ProcessInjection = 14,
    /// Root or capabilities gained without the usual door.
    PrivilegeJump = 15,
    /// A process under a borrowed name.
    Masquerade = 16,
    /// Signals to guards, cleared logs, the agent's own files.
    ImpairDefenses = 17,
    /// One process ends many of other services.
    MassKill = 18,
    /// Sustained use of the processor.
    ResourceHijack = 19,
    /// `io_uring` set up by a program that is not expected to.
    UringUse = 20,
    /// Namespaces, mounts and roots changed.
    NamespaceEscape = 21,
    /// Download tools started again and again, or piped into an interpreter.
    FetchLoop = 22,
    /// A destination or listening port never seen before.
    NewEgress = 23,
    /// More packets or bytes out than the ceiling.
    FloodOut = 24,
    /// Firewall rules or the default route removed.
    NetTamper = 25,
    /// More fieldbus or serial writes than the ceiling.
    BusFlood = 26,
}

impl Detector {
    /// All of them, in the order of their numbers, which begin at 1.
    pub const ALL: [Self; 26] = [
        Self::FileTamper,
        Self::LateralScan,
        Self::VolatileExec,
        Self::FilelessExec,
        Self::ForeignExec,
        Self::ShellOnSocket,
        Self::LoginGuessing,
        Self::RawSocket,
        Self::DeviceTamper,
        Self::SysctlTamper,
        Self::Persistence,
        Self::CredentialAccess,
        Self::KernelCode,
        Self::ProcessInjection,
        Self::PrivilegeJump,
        Self::Masquerade,
        Self::ImpairDefenses,
        Self::MassKill,
        Self::ResourceHijack,
        Self::UringUse,
        Self::NamespaceEscape,
        Self::FetchLoop,
        Self::NewEgress,
        Self::FloodOut,
        Self::NetTamper,
        Self::BusFlood,
    ];

    /// The detector numbered `raw`.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the index is checked, and `get` is not const")]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        if raw == 0 || raw as usize > Self::ALL.len() {
            return None;
        }
        Some(Self::ALL[raw as usize - 1])
    }

    /// Its bit in the masks of [`crate::Allow`] and [`crate::Task`].
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

const _: () = assert!(Detector::ALL.len() < DETECTOR_SLOTS as usize);

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
