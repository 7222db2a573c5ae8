//! Who uses the processor, by sampling.
//!
//! Hook: a perf event of the software clock `cpu-clock`, one per CPU (`kernel/events/core.c`; BPF since Linux 4.9), in the timer's
//! interrupt, so that it costs nothing between two samples and cannot be avoided by calling less.

use aya_ebpf::macros::perf_event;
use aya_ebpf::programs::PerfEventContext;
use edge_abi::{Detector, WindowKey, act_flags, reason};
use edge_ebpf::detectors::resource_hijack::is_foreign;

use crate::emit::act::{Act, enter};
use crate::emit::place::{InProcess, apply, of_process};
use crate::{filter, task};

/// A sample is due.
#[perf_event]
pub(crate) fn cpu_clock(_ctx: PerfEventContext) -> u32 {
    let _ = observe();
    0
}

/// Counts it for the process that runs.
#[inline(always)]
fn observe() -> Option<()> {
    const DETECTOR: Detector = Detector::ResourceHijack;
    let tgid = task::current_tgid();
    // The idle task has number 0.
    if tgid == 0 {
        return None;
    }
    let task = task::lookup(tgid)?;
    if !is_foreign(task) || !filter::in_scope() {
        return None;
    }
    let origin = task.origin;
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(reason::SOLE);
    let mut key = of_process(DETECTOR, act.reason, tgid);
    let mut threshold = rule.threshold;
    // First the process, then everything of its origin: one call, or everything behind it would be there twice.
    let mut round = 0;
    while round < 2 {
        if apply(&InProcess { tgid }, DETECTOR, rule, &key, threshold, &act).found {
            break;
        }
        threshold = rule.origin_threshold;
        if threshold == 0 || origin == 0 {
            break;
        }
        act.reason = reason::SPREAD_WORK;
        act.flags = act_flags::ORIGIN;
        key = WindowKey { subject: origin, kind: 1, ..of_process(DETECTOR, act.reason, tgid) };
        round += 1;
    }
    Some(())
}
