//! Packets on their way out, on the cgroup rung.
//!
//! Hook (`BPF_CGROUP_INET_EGRESS`, `__cgroup_bpf_run_filter_skb` in `kernel/bpf/cgroup.c`, Linux 4.10): every IP packet of a socket
//! of the cgroup, from its network header on. Answering 0 drops it; the sender sees `EPERM` where it still waits for the call.

use aya_ebpf::helpers::generated::bpf_get_socket_cookie;
use aya_ebpf::macros::cgroup_skb;
use aya_ebpf::programs::SkBuffContext;
use edge_abi::{Detector, ENDPOINT_TCP, ENDPOINT_UDP, act_flags, reason};
use edge_ebpf::count::Weight;
use edge_ebpf::detectors::flood_out;

use crate::emit::act::{Act, DENIES, enter};
use crate::emit::place::{Elsewhere, apply, of_process};
use crate::maps::OWNERS;
use crate::task;

/// A packet leaves.
#[cgroup_skb(egress)]
pub(crate) fn egress(ctx: SkBuffContext) -> i32 {
    i32::from(!refuse(&ctx).unwrap_or(false))
}

/// Counts it for the process that made its socket; whether it must not leave.
#[inline(always)]
fn refuse(ctx: &SkBuffContext) -> Option<bool> {
    const DETECTOR: Detector = Detector::FloodOut;
    // SAFETY: the helper takes the context it is called with; 0 for a packet without a socket.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.skb.skb.cast()) };
    // SAFETY: a number of a preallocated map, read once; the entry of another socket costs a wrong count, nothing else.
    let tgid = *unsafe { OWNERS.get(cookie) }?;
    let rule = enter(DETECTOR, tgid)?;
    let skb = ctx.skb.skb;
    // SAFETY: the kernel passes a valid context for the length of the program.
    let skb = unsafe { &*skb };
    let (length, segments) = (skb.len, skb.gso_segs);
    let mut act = Act::new(reason::PACKETS);
    act.flags = DENIES | act_flags::CGROUP;
    act.value = u64::from(length);
    destination(ctx, &mut act);
    let place = Elsewhere { tgid };
    let origin = task::lookup(tgid).map_or(0, |task| task.origin);
    let (mut refused, mut found) = (false, false);
    // Packets, then bytes, of the process; then both of everything of its origin, unless it is told of already. One call, or
    // everything behind it would be there four times.
    let mut round = 0;
    while round < 4 {
        let of_origin = round >= 2;
        if of_origin && (found || origin == 0 || rule.origin_threshold == 0) {
            break;
        }
        let threshold = if round & 1 == 0 {
            act.reason = reason::PACKETS;
            act.weight = Weight::Of(flood_out::packets(segments));
            if of_origin { rule.origin_threshold } else { rule.threshold }
        } else {
            act.reason = reason::BYTES;
            act.weight = Weight::Of(flood_out::units(length));
            let units = flood_out::units(rule.option);
            if of_origin { units.saturating_mul(flood_out::ORIGIN_FACTOR) } else { units }
        };
        let mut key = of_process(DETECTOR, act.reason, tgid);
        if of_origin {
            (key.subject, key.kind) = (origin, 1);
            act.flags |= act_flags::ORIGIN;
        }
        let applied = apply(&place, DETECTOR, rule, &key, threshold, &act);
        refused |= applied.refused;
        found |= applied.found;
        round += 1;
    }
    Some(refused)
}

/// Reads where the packet goes from its headers, since a socket that was not connected does not know. A header with options, or
/// behind others, has its port elsewhere: then it is 0.
#[inline(always)]
fn destination(ctx: &SkBuffContext, act: &mut Act) {
    let Ok(first) = ctx.load::<u8>(0) else { return };
    let port = if first >> 4 == 4 {
        let (Ok(protocol), Ok(address)) = (ctx.load::<u8>(9), ctx.load::<u32>(16)) else { return };
        act.family = 4;
        act.protocol = protocol;
        act.address = [address, 0, 0, 0];
        if first & 0xf == 5 { 22 } else { 0 }
    } else {
        let (Ok(protocol), Ok(address)) = (ctx.load::<u8>(6), ctx.load::<[u32; 4]>(24)) else { return };
        act.family = 6;
        act.protocol = protocol;
        act.address = address;
        42
    };
    let has_port = act.protocol == ENDPOINT_UDP || act.protocol == ENDPOINT_TCP;
    if has_port && port != 0 {
        act.port = ctx.load::<u16>(port).map_or(0, u16::from_be);
    }
}
