//! Connections that others make to this machine, and sockets that begin to wait for them.
//!
//! Hook (`include/trace/events/sock.h`, Linux 4.16): `sock:inet_sock_set_state(sk, oldstate, newstate)`, fields `skaddr, oldstate,
//! newstate, sport, dport, family, protocol, saddr[4], daddr[4], saddr_v6[16], daddr_v6[16]`; those from `oldstate` on lie as in
//! [`Change`], which the loader checks, wherever a pointer's width puts the first.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::{Detector, ENDPOINT_TCP, WindowKey, reason};
use edge_ebpf::detectors::login_guessing::{Change, arrived};
use edge_ebpf::detectors::new_egress::listening;

use crate::emit::act::{Act, enter, is_probe_port};
use crate::emit::new_egress;
use crate::emit::place::{Elsewhere, InProcess, apply};
use crate::maps::LOGIN_PORTS;
use crate::{globals, read, task};

/// A TCP socket changes its state.
#[tracepoint]
pub(crate) fn sock_state(ctx: TracePointContext) -> u32 {
    let _ = observe(&ctx);
    0
}

/// Counts a connection for its source.
#[inline(always)]
fn observe(ctx: &TracePointContext) -> Option<()> {
    const DETECTOR: Detector = Detector::LoginGuessing;
    let change: Change = read::kernel(ctx.as_ptr() as u64 + u64::from(globals::sock_state()))?;
    if let Some(endpoint) = listening(&change) {
        // `inet_csk_listen_start` runs in the process that listens.
        new_egress::refuse(&InProcess { tgid: task::current_tgid() }, &endpoint, true, 0);
        return None;
    }
    let source = arrived(&change)?;
    if is_probe_port(DETECTOR, change.local_port) {
        return None;
    }
    // SAFETY: the value is not looked at, only whether it is there.
    unsafe { LOGIN_PORTS.get(u32::from(change.local_port)) }?;
    let rule = enter(DETECTOR, 0)?;
    let mut act = Act::new(reason::GUESSING);
    act.family = source.family;
    act.protocol = ENDPOINT_TCP;
    act.port = change.local_port;
    act.address = source.address;
    let key = WindowKey {
        subject: source.hash(),
        detector: DETECTOR as u8,
        reason: act.reason,
        kind: 2,
        object: 0,
    };
    apply(&Elsewhere { tgid: 0 }, DETECTOR, rule, &key, rule.threshold, &act);
    Some(())
}
