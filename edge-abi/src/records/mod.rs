//! One record per detector. Each starts with [`crate::Header`].

mod act;
mod file_tamper;
mod lateral_scan;
mod volatile_exec;

pub use act::{ActRecord, act_flags};
pub use file_tamper::{FileCounts, FileTamperRecord, TamperReason};
pub use lateral_scan::{ENDPOINT_TCP, ENDPOINT_UDP, LateralScanRecord, ScanReason};
pub use volatile_exec::{VolatileExecRecord, exec_flags};

/// Bytes of a path that a record carries, its NUL included. Longer paths are cut.
pub const PATH_BYTES: usize = 128;

/// Size of the largest record, which bounds what the agent copies out of the ring.
pub const MAX_RECORD: usize = size_of::<VolatileExecRecord>();
const _: () = assert!(size_of::<FileTamperRecord>() <= MAX_RECORD);
const _: () = assert!(size_of::<LateralScanRecord>() <= MAX_RECORD);
const _: () = assert!(size_of::<ActRecord>() <= MAX_RECORD);
