//! Signals from process to process, of every ABI and by whichever syscall, on the tracepoint rung.
//!
//! Hook (`include/trace/events/signal.h`): `signal:signal_generate(sig, info, task, group, result)`, fields `int sig; int errno;
//! int code; char comm[16]; pid_t pid; int group; int result`; the loader reads the offsets from tracefs. It runs in the sender,
//! after the permission check, for every signal that is made.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::{Detector, reason, task_flags};
use edge_ebpf::count::Weight;
use edge_ebpf::detectors::mass_kill;

use crate::emit::act::{Act, apply, enter, is_at_hooks, is_probe};
use crate::{filter, globals, read, task};

/// `TRACE_SIGNAL_DELIVERED`.
const DELIVERED: u32 = 0;

/// A signal was made.
#[tracepoint]
pub(crate) fn signal(ctx: TracePointContext) -> u32 {
    let _ = on_signal(&ctx);
    0
}

/// Judges a signal from one process to another. Process 1 ends whom it likes, and a parent its children.
#[inline(always)]
fn on_signal(ctx: &TracePointContext) -> Option<()> {
    let tgid = task::current_tgid();
    if is_probe(Detector::ImpairDefenses, tgid) {
        is_probe(Detector::MassKill, tgid);
        return None;
    }
    let record = ctx.as_ptr() as u64;
    let code: i32 = read::kernel(record + u64::from(globals::signal_code()))?;
    let number: u32 = read::kernel(record + u64::from(globals::signal_number()))?;
    if !mass_kill::matters(number, code) {
        return None;
    }
    // One to a process that is dying already, or that ignores it, does nothing.
    let result: u32 = read::kernel(record + u64::from(globals::signal_result()))?;
    if result != DELIVERED {
        return None;
    }
    let target: u32 = read::kernel(record + u64::from(globals::signal_pid()))?;
    if tgid <= 1 || target == tgid || !filter::in_scope() {
        return None;
    }
    let (mut guard, mut parent) = (false, 0);
    if let Some(task) = task::lookup(target) {
        guard = task.flags & task_flags::GUARD != 0;
        parent = task.parent;
    }
    // Threads of its own are children here, too.
    if parent == tgid {
        return None;
    }
    let (detector, mut act) = if guard {
        (Detector::ImpairDefenses, Act::new(reason::GUARD_SIGNALLED))
    } else {
        let mut act = Act::new(reason::SOLE);
        act.weight = Weight::Distinct(target);
        (Detector::MassKill, act)
    };
    if is_at_hooks(detector) {
        return None;
    }
    let rule = enter(detector, tgid)?;
    act.value = u64::from(number);
    act.target = target;
    act.object = target;
    apply(detector, rule, tgid, &act, None);
    Some(())
}
