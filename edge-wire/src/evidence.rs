//! The facts behind a verdict: a struct each for the detectors that count several things, and [`Act`] for all others.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Reason};

/// Why a process was judged to encrypt or destroy files. All counts are those of the current window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTamper {
    /// Which rule decided.
    pub reason: Reason,
    /// Files harmed so far, each counted once.
    pub files: u32,
    /// Renames.
    pub renames: u32,
    /// Deletions.
    pub unlinks: u32,
    /// Existing files emptied, or opened for overwriting and then written.
    pub overwrites: u32,
    /// Writes whose sample looked encrypted.
    pub samples_high: u32,
    /// Writes whose sample was constant.
    pub samples_flat: u32,
    /// Writes sampled.
    pub samples: u32,
    /// Length of the window, in milliseconds.
    pub window_ms: u32,
    /// From the first counted operation to the decision, in milliseconds.
    pub elapsed_ms: u32,
    /// The file harmed last, as the process named it; cut at 96 bytes.
    pub path: Bytes<96>,
    /// Bit 0: counted over every process of one origin, in the long window.
    pub flags: u8,
}

impl FileTamper {
    /// Bit of `flags`: counted over every process of one origin.
    pub const ORIGIN: u8 = 1 << 0;
}

/// Why a process was judged to scan or guess. All counts are those of the current window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateralScan {
    /// Which rule decided.
    pub reason: Reason,
    /// 4 or 6.
    pub family: u8,
    /// IP protocol number: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// Port of the last try.
    pub port: u16,
    /// Address of the last try: 4 or 16 bytes in network order.
    pub address: Bytes<16>,
    /// Distinct destination addresses.
    pub hosts: u32,
    /// Tries towards login ports.
    pub tries: u32,
    /// Length of the window, in milliseconds.
    pub window_ms: u32,
    /// From the first counted try to the decision, in milliseconds.
    pub elapsed_ms: u32,
}

/// What was executed from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolatileExec {
    /// Bit 0: the path was relative. Bit 1: the agent resolved it against the process or its directory. Bit 2: the path
    /// is longer than the field.
    pub flags: u8,
    /// What was executed; absolute when it could be resolved, else as the process named it; cut at 96 bytes. Empty when it is
    /// the subject's `exe`, which saves a fifth of a usual verdict.
    pub path: Bytes<96>,
    /// The directory a relative path started from, when known; cut at 64 bytes.
    pub cwd: Bytes<64>,
    /// What made it a finding: the volatile place alone (`sole`), a file dropped and run, or an image that deletes itself.
    pub reason: Reason,
}

impl VolatileExec {
    /// Bit of `flags`: the path was relative.
    pub const RELATIVE: u8 = 1 << 0;
    /// Bit of `flags`: `path` was resolved.
    pub const RESOLVED: u8 = 1 << 1;
    /// Bit of `flags`: the path was longer than what is held of it.
    pub const CUT: u8 = 1 << 2;
}

/// What a process did, to what, and how often: the evidence of detectors 4 to 26. Fields that mean nothing for a reason are empty
/// or 0; `SCHEMA.md` tells per detector what `count`, `value`, `object`, `target` and the endpoint are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Which rule decided.
    pub reason: Reason,
    /// Bit 0: nothing could be verified, the process was gone. Bit 1: the path is longer than the field. Bit 2: the path is
    /// relative. Bit 3: counted over every process of one origin.
    pub flags: u8,
    /// How often in the window, or how many distinct targets where the detector counts those; 1 where a single act decides.
    pub count: u32,
    /// Length of the window, in milliseconds; 0 where a single act decides.
    pub window_ms: u32,
    /// From the first counted act to the decision, in milliseconds.
    pub elapsed_ms: u32,
    /// A number whose meaning belongs to the reason: a signal, a device number, bytes per second.
    pub value: u64,
    /// The other process; 0 when there is none.
    pub target: u32,
    /// Name of the other process; empty when there is none or it was gone.
    pub target_comm: Bytes<16>,
    /// What it was done to: a path, a module, a setting; cut at 96 bytes.
    pub object: Bytes<96>,
    /// IP protocol number of the endpoint, 0 without one.
    pub protocol: u8,
    /// Port of the endpoint, 0 without one.
    pub port: u16,
    /// Address of the endpoint: empty, or 4 or 16 bytes in network order.
    pub address: Bytes<16>,
}

impl Act {
    /// Bit of `flags`: nothing could be verified.
    pub const UNVERIFIED: u8 = 1 << 0;
    /// Bit of `flags`: the object was longer than what is held of it.
    pub const CUT: u8 = 1 << 1;
    /// Bit of `flags`: the object is a relative path.
    pub const RELATIVE: u8 = 1 << 2;
    /// Bit of `flags`: counted over every process of one origin.
    pub const ORIGIN: u8 = 1 << 3;
    /// Bit of `flags`: the object lies where nothing survives a reboot, or where everybody may write.
    pub const VOLATILE: u8 = 1 << 4;
    /// Bit of `flags`: the object, code for the kernel, carries no signature.
    pub const UNSIGNED: u8 = 1 << 5;
}

/// The evidence of one verdict. On the wire it has no tag of its own: the detector's number tells the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Of every detector from [`crate::DetectorId::FILELESS_EXEC`] on that this version knows.
    Act(Act),
    /// Of [`crate::DetectorId::FILE_TAMPER`].
    FileTamper(FileTamper),
    /// Of [`crate::DetectorId::LATERAL_SCAN`].
    LateralScan(LateralScan),
    /// Of a detector newer than this reader: its bytes are skipped, their number is kept.
    Unknown {
        /// Bytes of evidence that were not understood.
        length: usize,
    },
    /// Of [`crate::DetectorId::VOLATILE_EXEC`].
    VolatileExec(VolatileExec),
}
