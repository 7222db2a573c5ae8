//! Every map, with its size. All are of fixed size; the agent prints what they cost and a test holds the sum.
//!
//! Names hold 15 characters in the kernel.

use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::LpmTrie;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use edge_abi::{
    COUNTER_SLOTS, FileTamperTuning, LateralScanTuning, Parent, PrefixData, Task, VolatileExecTuning,
};
use edge_ebpf::detectors::file_tamper::FilesState;
use edge_ebpf::detectors::lateral_scan::ScanState;
use edge_ebpf::path::{PathBuffer, PathFacts};
use edge_ebpf::sample::{ByteSet, SAMPLE_BYTES};

/// Records for the agent: 240 of the largest. A full ring is counted, never silent.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(64 * 1024, 0);

/// Counters, see `edge_abi::counter_slot`. Per CPU, since the 32-bit ARM JIT has no atomic add.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTER_SLOTS, 0);

/// Processes with something to remember. LRU: exits can be missed, and a storm of short-lived processes must not fill it.
#[map]
pub(crate) static TASKS: LruHashMap<u32, Task> = LruHashMap::with_max_entries(512, 0);

/// Parents, so that a verdict can name ancestors that are gone. LRU for the same reason.
#[map]
pub(crate) static PARENTS: LruHashMap<u32, Parent> = LruHashMap::with_max_entries(512, 0);

/// File counts per process that has written, renamed or deleted within reach. LRU for the same reason.
#[map]
pub(crate) static FILES: LruHashMap<u32, FilesState> = LruHashMap::with_max_entries(512, 0);

/// Login tries per process.
#[map]
pub(crate) static SCANS: LruHashMap<u32, ScanState> = LruHashMap::with_max_entries(256, 0);

/// Ports where one logs in; written by the agent.
#[map]
pub(crate) static LOGIN_PORTS: HashMap<u32, u8> = HashMap::with_max_entries(64, 0);

/// Volatile directories and exemptions; written by the agent, see `edge_abi::prefix_verdict`.
#[map]
pub(crate) static PREFIXES: LpmTrie<PrefixData, u8> = LpmTrie::with_max_entries(32, 0);

/// Hashes of trusted executables' paths; written by the agent.
#[map]
pub(crate) static TRUSTED: HashMap<u64, u8> = HashMap::with_max_entries(32, 0);

/// Tuning of `file_tamper`; written by the agent.
#[map]
pub(crate) static FILE_TAMPER: Array<FileTamperTuning> = Array::with_max_entries(1, 0);

/// Tuning of `lateral_scan`; written by the agent.
#[map]
pub(crate) static LATERAL_SCAN: Array<LateralScanTuning> = Array::with_max_entries(1, 0);

/// Tuning of `volatile_exec`; written by the agent.
#[map]
pub(crate) static VOLATILE_EXEC: Array<VolatileExecTuning> = Array::with_max_entries(1, 0);

/// Room for what does not fit on the 512-byte stack. Syscall programs run with preemption off, so one per CPU is enough.
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// The same for the scheduler's tracepoints, which can interrupt the former's CPU between two uses but not during one.
#[map]
pub(crate) static EXEC_SCRATCH: PerCpuArray<ExecScratch> = PerCpuArray::with_max_entries(1, 0);

/// See [`SCRATCH`].
#[repr(C)]
pub(crate) struct Scratch {
    /// First path argument.
    pub(crate) path: PathBuffer,
    /// Second path argument.
    pub(crate) new_path: PathBuffer,
    /// What a scan of `path` found.
    pub(crate) facts: PathFacts,
    /// What a scan of `new_path` found.
    pub(crate) new_facts: PathFacts,
    /// Where a comparison of both stands.
    pub(crate) cursors: [u32; 2],
    /// Sampled bytes.
    pub(crate) sample: [u8; SAMPLE_BYTES],
    /// Values seen in the sample.
    pub(crate) values: ByteSet,
    /// A new process's entry while it is put together.
    pub(crate) task: Task,
    /// Key for a look-up in [`PREFIXES`].
    pub(crate) prefix: PrefixKey,
}

/// See [`EXEC_SCRATCH`].
#[repr(C)]
pub(crate) struct ExecScratch {
    /// Path executed.
    pub(crate) path: PathBuffer,
    /// What a scan of it found.
    pub(crate) facts: PathFacts,
    /// A new process's entry while it is put together.
    pub(crate) task: Task,
    /// Key for a look-up in [`PREFIXES`].
    pub(crate) prefix: PrefixKey,
}

/// `struct bpf_lpm_trie_key` with our data, as `aya_ebpf::maps::lpm_trie::Key` lays it out, but aligned.
#[repr(C)]
pub(crate) struct PrefixKey {
    /// Bits to compare: all of them.
    pub(crate) bits: u32,
    /// The path.
    pub(crate) data: PrefixData,
}
