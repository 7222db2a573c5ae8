//! The map of processes with something to remember: trust and working directory.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
use edge_abi::{CWD_BYTES, EXE_BYTES, Role, Task, prefix_verdict, task_flags};
use edge_ebpf::detectors::volatile_exec::Place;

use crate::globals;
use crate::maps::{PREFIXES, PrefixKey, ROLES, TASKS};

/// The process that runs, as the kernel counts them.
#[inline(always)]
pub(crate) fn current_tgid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// `struct task_struct` of the thread that runs: for an LSM program one that the verifier knows (`bpf_get_current_task_btf`, Linux 5.11).
#[inline(always)]
pub(crate) fn current() -> u64 {
    if globals::denies() != 0 {
        // SAFETY: a helper without arguments; unsafe only because it is a raw kernel call.
        return unsafe { bpf_get_current_task_btf() } as u64;
    }
    // SAFETY: the same.
    unsafe { bpf_get_current_task() }
}

/// What is remembered of `tgid`.
#[inline(always)]
pub(crate) fn lookup(tgid: u32) -> Option<&'static mut Task> {
    let task = TASKS.get_ptr_mut(tgid)?;
    // SAFETY: a value of a preallocated map stays mapped; when it is recycled under our feet, we read or write another
    // process's flags once, which costs a candidate more or less, never memory safety.
    Some(unsafe { &mut *task })
}

/// What is remembered of `tgid`, made now if there is nothing: it started before us, or its entry was needed for others.
#[inline(always)]
pub(crate) fn known_or_new(tgid: u32) -> Option<&'static mut Task> {
    if let Some(task) = lookup(tgid) {
        return Some(task);
    }
    let _ = TASKS.insert(tgid, &UNSEEN, u64::from(BPF_NOEXIST));
    let task = lookup(tgid)?;
    // SAFETY: a value of a preallocated map stays mapped; only the process itself and the agent change it.
    if let Some(role) = unsafe { ROLES.get(tgid) } {
        role.restore(task);
    }
    Some(task)
}

/// Keeps what must not be forgotten of `tgid` while it lives.
#[inline(always)]
pub(crate) fn keep(tgid: u32, task: &Task) {
    if let Some(role) = Role::of(task) {
        let _ = ROLES.insert(tgid, &role, 0);
    } else {
        let _ = ROLES.remove(tgid);
    }
}

/// A process that was not seen to start. A constant in read-only memory, since it would take a third of the stack.
static UNSEEN: Task = Task {
    start_ns: 0,
    exe_id: 0,
    flags: task_flags::UNRESOLVED,
    // Nobody has looked: what it was before is not known, and is not taken for root.
    uid: u32::MAX,
    parent: 0,
    origin: 0,
    allow: 0,
    inherit: 0,
    exe_len: 0,
    cwd_len: 0,
    exe: [0; EXE_BYTES],
    cwd: [0; CWD_BYTES],
    name: 0,
    exe_file: 0,
};

/// Whether `tgid` descends from a trusted program.
#[inline(always)]
pub(crate) fn is_trusted(tgid: u32) -> bool {
    lookup(tgid).is_some_and(|task| task.flags & task_flags::TRUSTED != 0)
}

/// Where the path in `key` begins.
#[inline(always)]
pub(crate) fn place(key: &mut PrefixKey) -> Place {
    if verdict(key) & prefix_verdict::VOLATILE != 0 { Place::Volatile } else { Place::Elsewhere }
}

/// What is known of the place where the path in `key` begins. Bytes behind its NUL do no harm: no prefix holds one.
#[inline(always)]
pub(crate) fn verdict(key: &mut PrefixKey) -> u8 {
    key.bits = (size_of_val(&key.data) * 8) as u32;
    // SAFETY: both types are a 32-bit length and the same data without padding; theirs only asks for less alignment.
    let key = unsafe { &*core::ptr::from_ref(key).cast() };
    PREFIXES.get(key).copied().unwrap_or(0)
}
