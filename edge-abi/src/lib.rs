//! Bytes exchanged between the kernel programs (`edge-ebpf`) and the agent.
//!
//! One definition, compiled into both sides. Only integers and byte arrays, no padding (the `Pod` derive refuses it),
//! sizes and offsets asserted in [`layout`]. Everything is in the byte order of the machine: kernel and agent share it.
//!
//! A change of any layout or meaning here raises [`ABI_VERSION`], which stands in every record.
#![no_std]
#![forbid(unsafe_code)]
#![expect(
    clippy::inline_always,
    reason = "the kernel side has no calls between BPF functions, and could not return what is larger than a register"
)]

mod counters;
mod device;
mod egress;
mod facts;
mod header;
mod history;
pub mod hook;
mod kind;
mod layout;
mod listed;
mod name;
mod names;
mod offset;
pub mod reason;
mod records;
mod syscall;
mod task;
mod tuning;
mod watched;

pub use counters::{COUNTER_SLOTS, Counter, counter_slot};
pub use device::{MAJOR_SLOTS, major_slot};
pub use egress::{
    Declared, EGRESS_DECLARED, EGRESS_KNOWN, EGRESS_POOL, EPHEMERAL_PORT, EgressKey, EgressPolicy, Known,
    egress_flags, egress_kind, program_id,
};
pub use facts::{FACT_FILES, FACT_NAME, Facts, FileFacts, Same};
pub use header::{COMM_BYTES, Header};
pub use history::{HISTORY_SLOTS, HISTORY_TEXT, HistoryEntry, history_kind};
pub use kind::{ABI_VERSION, DETECTOR_SLOTS, Detector, Mode, Outcome};

pub use listed::{LISTED_HEAD, LISTED_MOST, listed_file, listed_kind, listed_state};
pub use name::{NAME_HASH_PRIME, NAME_HASH_START, file_hash, name_hash, tail_hash};
pub use names::{KERNEL_NAMES, is_kernel_name};
pub use offset::{Holds, OFFSET_SLOTS, Offset};
pub use records::{
    ActRecord, ENDPOINT_TCP, ENDPOINT_UDP, FileCounts, FileTamperRecord, LateralScanRecord, MAX_RECORD,
    PATH_BYTES, ScanReason, TamperReason, VolatileExecRecord, act_flags, exec_flags,
};
pub use syscall::{COMPAT_BASE, FIRST_ACT, SYSCALL_SLOTS, SyscallClass};
pub use task::{CWD_BYTES, Dropped, EXE_BYTES, ROLE_FLAGS, Role, Task, task_flags};
pub use tuning::{
    Allow, FOLDER_PREFIX_BYTES, FileTamperTuning, LateralScanTuning, PREFIX_BYTES, PrefixData, Rule,
    SAMPLE_NS, VolatileExecTuning, Watch, WatchSlot, WindowKey, exe_hash, folder_prefix, prefix_verdict,
    rule_option, watch_access,
};
pub use watched::{
    ANY_FOLDER, BELOW_AT, BELOW_BYTES, BELOW_FOLDER, DEVICE, DEVICE_MAJOR_BYTES, FILTER_BITS, FileId,
    NAME_FILTER_BITS, PROC_DEV, device_key, filter_bit, folder_key, name_bit, step_bit, tree_bit,
    watched_slot,
};
