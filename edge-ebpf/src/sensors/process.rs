//! Processes on the tracepoint rung: who they are and what they descend from.
//!
//! Hooks (`include/trace/events/sched.h`; the loader reads the field offsets from tracefs, since they moved in 6.16):
//! - `sched:sched_process_fork(parent, child)`: fields `parent_comm, parent_pid, child_comm, child_pid`; threads as well.
//! - `sched:sched_process_exit(task)`: in the task that ends; threads as well.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_uid_gid};
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::task_flags;

use crate::clock::now_ns;
use crate::maps::{FILES, ROLES, SCANS, TASKS};
use crate::{globals, read, task};

/// A process or thread was made.
#[tracepoint]
pub(crate) fn fork(ctx: TracePointContext) -> u32 {
    let _ = on_fork(&ctx);
    0
}

/// A process or thread ends.
#[tracepoint]
pub(crate) fn exit(_ctx: TracePointContext) -> u32 {
    on_exit();
    0
}

/// A child starts with its parent's trust, origin and directory and with no counts; a reused pid must not inherit a stranger's.
#[inline(always)]
fn on_fork(ctx: &TracePointContext) -> Option<()> {
    let child: u32 = read::kernel(ctx.as_ptr() as u64 + u64::from(globals::fork_child()))?;
    let tgid = task::current_tgid();
    let _ = FILES.remove(child);
    let _ = SCANS.remove(child);
    let parent = task::known_or_new(tgid)?;
    TASKS.insert(child, &*parent, 0).ok()?;
    let spawner = parent.flags & task_flags::SPAWNER != 0;
    let origin = if spawner {
        child
    } else if parent.origin != 0 {
        parent.origin
    } else {
        tgid
    };
    let entry = task::lookup(child)?;
    entry.flags &= task_flags::INHERITED;
    if spawner {
        // What a login daemon listens on is its business; its sessions begin without.
        entry.flags &= !(task_flags::NETWORK | task_flags::OF_STDIO);
    }
    entry.start_ns = now_ns();
    entry.uid = bpf_get_current_uid_gid() as u32;
    entry.parent = tgid;
    entry.origin = origin;
    Some(())
}

/// Forgets what nobody will ask about: threads, and processes that executed nothing and did nothing. A storm of those must not
/// push out what is worth remembering.
#[inline(always)]
fn on_exit() {
    const WORTH: u32 = task_flags::EXECUTED | task_flags::REPORTED;
    let ids = bpf_get_current_pid_tgid();
    let (process, thread) = ((ids >> 32) as u32, ids as u32);
    if thread == process {
        let _ = ROLES.remove(process);
    }
    if thread != process || task::lookup(process).is_some_and(|task| task.flags & WORTH == 0) {
        let _ = TASKS.remove(thread);
    }
}
