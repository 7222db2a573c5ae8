//! Every map, with its size. All are of fixed size; the agent prints what they cost and a test holds the sum.
//!
//! Names hold 15 characters in the kernel.

use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::LpmTrie;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, RingBuf};
use edge_abi::{
    Allow, COUNTER_SLOTS, DETECTOR_SLOTS, Dropped, EGRESS_KNOWN, EgressKey, EgressPolicy, Facts, FileId,
    FileTamperTuning, HISTORY_SLOTS, HistoryEntry, Known, LateralScanTuning, MAJOR_SLOTS, PrefixData, Role,
    Rule, Task, VolatileExecTuning, Watch, WindowKey, watched_slot,
};
use edge_ebpf::count::WindowState;
use edge_ebpf::detectors::file_tamper::FilesState;
use edge_ebpf::detectors::lateral_scan::ScanState;
use edge_ebpf::detectors::new_egress::Contact;
use edge_ebpf::name::Name;
use edge_ebpf::path::{PathBuffer, PathFacts};
use edge_ebpf::sample::{ByteSet, SAMPLE_BYTES};

/// Records for the agent: 240 of the largest. A full ring is counted, never silent.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(64 * 1024, 0);

/// Counters, see `edge_abi::counter_slot`. Per CPU, since the 32-bit ARM JIT has no atomic add.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTER_SLOTS, 0);

/// Every process seen to start. LRU: exits can be missed, and a storm of short-lived processes must not fill it.
#[map]
pub(crate) static TASKS: LruHashMap<u32, Task> = LruHashMap::with_max_entries(512, 0);

/// What must not be forgotten of processes that live. Not LRU; when it is full, the agent's next look at /proc is what is left.
#[map]
pub(crate) static ROLES: HashMap<u32, Role> = HashMap::with_max_entries(96, 0);

/// Counts of acts, per detector, reason and subject. LRU for the same reason.
#[map]
pub(crate) static WINDOWS: LruHashMap<WindowKey, WindowState> = LruHashMap::with_max_entries(512, 0);

/// What each detector of acts may do and when it decides, by number; written by the agent.
#[map]
pub(crate) static RULES: Array<Rule> = Array::with_max_entries(DETECTOR_SLOTS, 0);

/// Programs with a role, by the hash of their path; written by the agent.
#[map]
pub(crate) static ALLOW: HashMap<u64, Allow> = HashMap::with_max_entries(320, 0);

/// Watched paths by what they begin with, folders and what is in them, device numbers; written by the agent.
#[map]
pub(crate) static WATCH: LpmTrie<PrefixData, Watch> = LpmTrie::with_max_entries(240, 0);

/// Watched files and trees by inode; written by the agent, and by the sensor when a watched name gets another file.
#[map]
pub(crate) static INODES: HashMap<FileId, Watch> = HashMap::with_max_entries(224, 0);

/// What may be watched at all, and the agent's request to tell it what it opens, see `edge_abi::watched_slot`.
#[map]
pub(crate) static WATCHED: Array<u64> = Array::with_max_entries(watched_slot::COUNT, 0);

/// Watched paths by the hash of their last one or two components; written by the agent.
#[map]
pub(crate) static NAMES: HashMap<u32, Watch> = HashMap::with_max_entries(160, 0);

/// What was read through the offsets of kernel structs, for the agent to compare; see `sensors/facts.rs`.
#[map]
pub(crate) static FACTS: Array<Facts> = Array::with_max_entries(1, 0);

/// The process that tests the sensors, and the port it connects to, 0 when none does; then the detectors whose acts are judged at
/// security hooks, as [`edge_abi::Detector::bit`]s, so that other hooks leave them alone. Written by the agent.
#[map]
pub(crate) static PROBE: Array<u32> = Array::with_max_entries(3, 0);

/// What the image is made of, see `edge_abi::listed_kind`; written by the agent. The loader makes it as large as the manifest asks for.
#[map]
pub(crate) static LISTED: HashMap<u64, u8> = HashMap::with_max_entries(2, 0);

/// Programs that `sys_enter` goes on to, see [`Jump`].
#[map]
pub(crate) static JUMPS: ProgramArray = ProgramArray::with_max_entries(16, 0);

/// Programs that `exec` goes on to, see [`ExecJump`].
#[map]
pub(crate) static EXEC_JUMPS: ProgramArray = ProgramArray::with_max_entries(4, 0);

/// Files made executable lately, by the hash of their name.
#[map]
pub(crate) static DROPS: LruHashMap<u32, Dropped> = LruHashMap::with_max_entries(64, 0);

/// What happened lately: the oldest is written over.
#[map]
pub(crate) static HISTORY: Array<HistoryEntry> = Array::with_max_entries(HISTORY_SLOTS, 0);

/// Which entry of it is written next.
#[map]
pub(crate) static HISTORY_NEXT: Array<u32> = Array::with_max_entries(1, 0);

/// File counts per process that has written, renamed or deleted within reach. LRU for the same reason.
#[map]
pub(crate) static FILES: LruHashMap<u32, FilesState> = LruHashMap::with_max_entries(488, 0);

/// Login tries per process.
#[map]
pub(crate) static SCANS: LruHashMap<u32, ScanState> = LruHashMap::with_max_entries(256, 0);

/// Who made a socket that is not a stream, by its cookie. LRU: that a socket is closed is not seen.
#[map]
pub(crate) static OWNERS: LruHashMap<u64, u32> = LruHashMap::with_max_entries(256, 0);

/// Where each program goes and on what it listens, learnt or loaded by the agent. Not LRU: what was learnt must stay.
#[map]
pub(crate) static KNOWN: HashMap<EgressKey, Known> = HashMap::with_max_entries(EGRESS_KNOWN, 0);

/// What was told as new lately. LRU: what is pushed out is told again.
#[map]
pub(crate) static FRESH: LruHashMap<EgressKey, Contact> = LruHashMap::with_max_entries(64, 0);

/// Which devices matter, see `edge_abi::major_slot`: one of `edge_abi::reason`, or 0; written by the agent.
#[map]
pub(crate) static MAJORS: Array<[u8; MAJOR_SLOTS]> = Array::with_max_entries(1, 0);

/// Policy of `new_egress` besides its rule; written by the agent.
#[map]
pub(crate) static EGRESS: Array<EgressPolicy> = Array::with_max_entries(1, 0);

/// Ports where one logs in; written by the agent.
#[map]
pub(crate) static LOGIN_PORTS: HashMap<u32, u8> = HashMap::with_max_entries(64, 0);

/// Volatile directories and exemptions, as text and as what they are; written by the agent, see `edge_abi::prefix_verdict`.
#[map]
pub(crate) static PREFIXES: LpmTrie<PrefixData, u8> = LpmTrie::with_max_entries(120, 0);

/// Tuning of `file_tamper`, for a process and for an origin; written by the agent.
#[map]
pub(crate) static FILE_TAMPER: Array<FileTamperTuning> = Array::with_max_entries(2, 0);

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
    /// How long `path` and `new_path` are, without their NUL.
    pub(crate) lengths: [u32; 2],
    /// Class of the syscall, and what is done to its path: [`Operation`](crate::sensors::paths::Operation) as a number.
    pub(crate) operation: u32,
    /// Flags of an open.
    pub(crate) open_flags: u32,
    /// Mode that a file is given: of a change of mode, a node, or an open that creates; else 0.
    pub(crate) mode: u32,
    /// Descriptor of the folder that a relative path starts from; [`AT_FDCWD`](crate::sensors::paths::AT_FDCWD) is the
    /// working directory.
    pub(crate) folder: u32,
    /// A name that a process gives itself.
    pub(crate) name: Name,
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
    /// For a look-up in [`WATCH`] where files are known by what they are.
    pub(crate) trail: Trail,
}

/// A key of [`WATCH`] while it is put together. An LSM program can be interrupted by that of another task on the same CPU: who begins
/// one writes itself down, and looks whether that still stands when it is done.
#[repr(C)]
pub(crate) struct Trail {
    /// The thread that began, as `bpf_get_current_pid_tgid` has it.
    pub(crate) owner: u64,
    /// Addresses of the names on the way from the file up.
    pub(crate) names: [u64; 4],
    /// The key.
    pub(crate) key: PrefixKey,
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
    /// How long `path` is, without its NUL.
    pub(crate) length: u32,
    /// Real user id before and the one now.
    pub(crate) uids: [u32; 2],
    /// [`edge_abi::task_flags`] of the program just executed.
    pub(crate) flags: u32,
    /// [`edge_abi::task_flags`] before.
    pub(crate) flags_before: u32,
    /// Thread whose `path` this is: an LSM program can be preempted by another that uses this room.
    pub(crate) owner: u64,
    /// The other end of a socket among the standard descriptors.
    pub(crate) peer: Peer,
    /// Last component of `path`.
    pub(crate) name: Name,
    /// What the process executed before, cut at 64 bytes.
    pub(crate) before: PathBuffer,
    /// How long that is.
    pub(crate) before_length: u32,
    /// [`edge_abi::exe_hash`] of what it executed before.
    pub(crate) id_before: u64,
    /// What that was allowed, as [`edge_abi::Detector::bit`]s.
    pub(crate) allow_before: u32,
    /// [`edge_abi::file_hash`] of its file; 0 when unknown, or when the one after it was called by a path of its own.
    pub(crate) file_before: u32,
    /// How many of `acts` are in use, and how many of those were reported.
    pub(crate) counts: [u32; 2],
    /// What detectors make of this exec.
    pub(crate) acts: [ExecAct; EXEC_ACTS],
}

/// The other end of a connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Peer {
    /// Address in network order.
    pub(crate) address: [u32; 4],
    /// 4, 6, or 0 without one.
    pub(crate) family: u8,
    /// IP protocol number.
    pub(crate) protocol: u8,
    /// Port in host byte order.
    pub(crate) port: u16,
    /// Which of the standard descriptors are network sockets, as bits; bit 4 and up: which are pipes.
    pub(crate) descriptors: u32,
    /// [`edge_abi::file_hash`] of the pipe at standard input and at standard output.
    pub(crate) pipes: [u32; 2],
}

/// Room for what detectors make of one exec; a power of two.
pub(crate) const EXEC_ACTS: usize = 8;

/// What one detector makes of an exec.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct ExecAct {
    /// The reason's number.
    pub(crate) value: u64,
    /// Whose act it is: the process, or its parent.
    pub(crate) subject: u32,
    /// [`edge_abi::Detector`].
    pub(crate) detector: u8,
    /// One of [`edge_abi::reason`].
    pub(crate) reason: u8,
    /// [`edge_abi::act_flags`].
    pub(crate) flags: u8,
    /// 1 when it is about the program executed before, not this one.
    pub(crate) before: u8,
}

/// `struct bpf_lpm_trie_key` with our data, as `aya_ebpf::maps::lpm_trie::Key` lays it out, but aligned.
#[repr(C)]
pub(crate) struct PrefixKey {
    /// Bits to compare: all of them.
    pub(crate) bits: u32,
    /// The path.
    pub(crate) data: PrefixData,
    /// Room for what a path joined to its directory does not fit into `data` with. The kernel does not look here.
    pub(crate) spill: PrefixData,
}
