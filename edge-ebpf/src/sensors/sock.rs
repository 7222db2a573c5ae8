//! Sockets of the internet families as they are made, on the cgroup rung.
//!
//! Hook (`BPF_CGROUP_INET_SOCK_CREATE` in `net/ipv4/af_inet.c` and `net/ipv6/af_inet6.c`, Linux 4.10): in the process that makes the
//! socket, whatever ABI or `io_uring` it uses; not for sockets of the kernel's own, nor for accepted ones. Answering 0 makes
//! `socket` fail with `EPERM`.

use aya_ebpf::helpers::generated::bpf_get_socket_cookie;
use aya_ebpf::macros::cgroup_sock;
use aya_ebpf::programs::SockContext;
use edge_abi::{Detector, Mode, task_flags};
use edge_ebpf::detectors::{flood_out, raw_socket};

use crate::emit::act::{Act, DENIES, enter, is_at_hooks};
use crate::emit::place::{InCgroup, apply, mode, of_process};
use crate::maps::OWNERS;
use crate::task;

/// A socket is made.
#[cgroup_sock(sock_create)]
pub(crate) fn sock_create(ctx: SockContext) -> i32 {
    i32::from(!refuse(&ctx))
}

/// Remembers who made it, and whether it must not be.
#[inline(always)]
fn refuse(ctx: &SockContext) -> bool {
    // SAFETY: the kernel passes a valid context for the length of the program.
    let sock = unsafe { &*ctx.sock };
    let (family, kind, protocol) = (sock.family, sock.type_, sock.protocol);
    let tgid = task::current_tgid();
    if let Some(task) = task::lookup(tgid) {
        task.flags |= task_flags::NETWORK;
    }
    if flood_out::is_counted(kind) && !matches!(mode(Detector::FloodOut), Mode::Off) {
        // SAFETY: the helper takes the context it is called with, and numbers the socket.
        let cookie = unsafe { bpf_get_socket_cookie(ctx.sock.cast()) };
        let _ = OWNERS.insert(cookie, &tgid, 0);
    }
    judge(tgid, family, kind, protocol).unwrap_or(false)
}

/// Judges a raw one. Where the policy is to kill, `sensors/net.rs` does.
#[inline(always)]
fn judge(tgid: u32, family: u32, kind: u32, protocol: u32) -> Option<bool> {
    const DETECTOR: Detector = Detector::RawSocket;
    let sighting = raw_socket::socket(family, kind, protocol, false)?;
    if matches!(mode(DETECTOR), Mode::Kill) || is_at_hooks(DETECTOR) {
        return None;
    }
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(sighting.reason);
    act.flags = DENIES | edge_abi::act_flags::CGROUP;
    act.value = sighting.value;
    let mut key = of_process(DETECTOR, sighting.reason, tgid);
    key.object = protocol as u8;
    Some(apply(&InCgroup { tgid }, DETECTOR, rule, &key, rule.threshold, &act).refused)
}
