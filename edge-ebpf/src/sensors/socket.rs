//! Outgoing connections on the cgroup rung.
//!
//! Hooks (`kernel/bpf/cgroup.c`, `BPF_CGROUP_RUN_PROG_INET{4,6}_CONNECT`, `UDP{4,6}_SENDMSG`): the context is UAPI
//! (`struct bpf_sock_addr`), the address is the kernel's own copy, and answering 0 makes the caller see `EPERM`.
//! connect4/6: Linux 4.17; sendmsg4/6: Linux 4.18, for datagrams sent without a connect. Beside them `INET{4,6}_BIND` (Linux 4.17),
//! in the process that binds, before it is done.

use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;

use edge_abi::act_flags;
use edge_ebpf::detectors::new_egress::Endpoint as Peer;

use crate::emit::act::DENIES;
use crate::emit::lateral_scan::{Endpoint, allow};
use crate::emit::place::InCgroup;
use crate::emit::{history, new_egress};
use crate::task;

/// IPv4 connect.
#[cgroup_sock_addr(connect4)]
pub(crate) fn connect4(ctx: SockAddrContext) -> i32 {
    let endpoint = endpoint4(&ctx);
    history::connected(endpoint.family, endpoint.port, endpoint.address);
    i32::from(allow(&endpoint) && goes(&endpoint))
}

/// IPv6 connect.
#[cgroup_sock_addr(connect6)]
pub(crate) fn connect6(ctx: SockAddrContext) -> i32 {
    let endpoint = endpoint6(&ctx);
    history::connected(endpoint.family, endpoint.port, endpoint.address);
    i32::from(allow(&endpoint) && goes(&endpoint))
}

/// IPv4 datagram without connect.
#[cgroup_sock_addr(sendmsg4)]
pub(crate) fn sendmsg4(ctx: SockAddrContext) -> i32 {
    let endpoint = endpoint4(&ctx);
    i32::from(allow(&endpoint) && goes(&endpoint))
}

/// IPv6 datagram without connect.
#[cgroup_sock_addr(sendmsg6)]
pub(crate) fn sendmsg6(ctx: SockAddrContext) -> i32 {
    let endpoint = endpoint6(&ctx);
    i32::from(allow(&endpoint) && goes(&endpoint))
}

/// IPv4 bind.
#[cgroup_sock_addr(bind4)]
pub(crate) fn bind4(ctx: SockAddrContext) -> i32 {
    i32::from(binds(&endpoint4(&ctx)))
}

/// IPv6 bind.
#[cgroup_sock_addr(bind6)]
pub(crate) fn bind6(ctx: SockAddrContext) -> i32 {
    i32::from(binds(&endpoint6(&ctx)))
}

/// Whether `new_egress` lets the current process go there.
#[inline(always)]
fn goes(endpoint: &Endpoint) -> bool {
    !new_egress::refuse(&here(), &peer(endpoint), false, DENIES | act_flags::CGROUP)
}

/// Whether it lets it listen there. A port of the kernel's choice is seen when it listens (`sensors/state.rs`).
#[inline(always)]
fn binds(endpoint: &Endpoint) -> bool {
    !new_egress::refuse(&here(), &peer(endpoint), true, DENIES | act_flags::CGROUP)
}

/// The current process.
#[inline(always)]
fn here() -> InCgroup {
    InCgroup { tgid: task::current_tgid() }
}

/// The same endpoint, as `new_egress` takes it.
#[inline(always)]
const fn peer(endpoint: &Endpoint) -> Peer {
    let Endpoint { family, protocol, port, address } = *endpoint;
    Peer { family, protocol, port, address }
}

/// The destination of an IPv4 hook.
#[inline(always)]
fn endpoint4(ctx: &SockAddrContext) -> Endpoint {
    // SAFETY: the kernel passes a valid context for the length of the program.
    let address = unsafe { &*ctx.sock_addr };
    Endpoint {
        family: 4,
        protocol: address.protocol as u8,
        port: u16::from_be(address.user_port as u16),
        address: [address.user_ip4, 0, 0, 0],
    }
}

/// The destination of an IPv6 hook. A mapped IPv4 address is judged as IPv4, or a scanner could count each host twice.
#[inline(always)]
fn endpoint6(ctx: &SockAddrContext) -> Endpoint {
    // SAFETY: the kernel passes a valid context for the length of the program.
    let address = unsafe { &*ctx.sock_addr };
    let [a, b, c, d] = address.user_ip6;
    let mapped = a == 0 && b == 0 && c == 0xffff_u32.to_be();
    Endpoint {
        family: if mapped { 4 } else { 6 },
        protocol: address.protocol as u8,
        port: u16::from_be(address.user_port as u16),
        address: if mapped { [d, 0, 0, 0] } else { [a, b, c, d] },
    }
}
