//! Device nodes as they are opened, on the cgroup rung.
//!
//! Hook (`__cgroup_bpf_check_dev_permission` in `kernel/bpf/cgroup.c`, Linux 4.15): in the process that opens or makes a device node,
//! whatever it is called and wherever it lies, by every ABI and `io_uring`; also when a disk is mounted. Answering 0 makes the call
//! fail with `EPERM`. `bpf_get_current_pid_tgid` there: Linux 6.1.

use aya_ebpf::macros::cgroup_device;
use aya_ebpf::programs::DeviceContext;
use edge_abi::{Detector, Mode, act_flags};
use edge_ebpf::detectors::device_tamper::{Node, opened, place};

use crate::emit::act::{Act, DENIES, enter, is_probe};
use crate::emit::place::{InCgroup, apply, mode, of_process};
use crate::maps::MAJORS;
use crate::task;

/// A device node is opened or made.
#[cgroup_device]
pub(crate) fn device(ctx: DeviceContext) -> i32 {
    i32::from(!refuse(&ctx).unwrap_or(false))
}

/// Judges it; whether it must be refused.
#[inline(always)]
fn refuse(ctx: &DeviceContext) -> Option<bool> {
    const DETECTOR: Detector = Detector::DeviceTamper;
    let tgid = task::current_tgid();
    // Whatever device the self-test opens shows that this is reached.
    if is_probe(DETECTOR, tgid) {
        return None;
    }
    // Killing is for the tracepoint; there is no signal here.
    if matches!(mode(DETECTOR), Mode::Off | Mode::Kill) {
        return None;
    }
    // SAFETY: the kernel passes a valid context for the length of the program.
    let device = unsafe { &*ctx.device };
    let node = Node { access: device.access_type, major: device.major, minor: device.minor };
    let reason = MAJORS.get(0)?.get(place(&node)).copied().unwrap_or(0);
    let sighting = opened(&node, reason)?;
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(sighting.reason);
    // The agent looks up the name of the device; there is nothing to be certain of.
    act.flags = DENIES | act_flags::CGROUP | act_flags::CANDIDATE;
    act.value = sighting.value;
    let mut key = of_process(DETECTOR, act.reason, tgid);
    key.object = (node.major << 4 ^ node.minor) as u8;
    Some(apply(&InCgroup { tgid }, DETECTOR, rule, &key, rule.threshold, &act).refused)
}
