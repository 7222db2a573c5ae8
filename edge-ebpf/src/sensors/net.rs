//! Syscalls about sockets, routes and buses as they begin, judged by their registers and, for messages to the kernel, by a
//! few bytes of user memory.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{Detector, SyscallClass, act_flags, task_flags};
use edge_ebpf::detectors::{Sighting, bus_flood, net_tamper, raw_socket};

use super::netlink;
use super::syscall::{argument, class, pointer_bytes, registers, rung};
use crate::emit::act::{Act, apply, enter, is_at_hooks};
use crate::emit::file_tamper;
use crate::{globals, read, task};

/// `AF_NETLINK`, and its protocols `NETLINK_ROUTE` and `NETLINK_NETFILTER` (`include/uapi/linux/netlink.h`).
const AF_NETLINK: u32 = 16;
const NETLINK_ROUTE: u32 = 0;
const NETLINK_NETFILTER: u32 = 12;

/// A syscall of this kind begins.
#[raw_tracepoint]
pub(crate) fn sys_net(ctx: RawTracePointContext) -> i32 {
    let _ = observe(&ctx);
    0
}

/// Whether a class is this program's business.
#[inline(always)]
pub(super) fn takes(class: u8) -> bool {
    class == SyscallClass::Socket as u8
        || class == SyscallClass::SetSockOpt as u8
        || class == SyscallClass::SendTo as u8
        || class == SyscallClass::SendMsg as u8
}

/// Whether one syscall of such a class is worth a jump: what is sent matters only from who talks to the kernel or to a bus.
#[inline(always)]
pub(super) fn matters(class: u8) -> bool {
    if class == SyscallClass::SendTo as u8 || class == SyscallClass::SendMsg as u8 {
        const TALKS: u32 = task_flags::NETLINK | task_flags::BUS;
        return task::lookup(task::current_tgid()).is_some_and(|task| task.flags & TALKS != 0);
    }
    true
}

/// Whether a process has a bus open.
#[inline(always)]
pub(crate) fn has_bus(tgid: u32) -> bool {
    task::lookup(tgid).is_some_and(|task| task.flags & task_flags::BUS != 0)
}

/// Remembers that a process has a bus open. Its writes pass `sys_write` only if `file_tamper` knows the process.
#[inline(always)]
pub(crate) fn mark_bus(tgid: u32) {
    if let Some(task) = task::known_or_new(tgid) {
        task.flags |= task_flags::BUS;
    }
    file_tamper::known_or_new(tgid);
}

/// Judges and reports one.
#[inline(always)]
fn observe(ctx: &RawTracePointContext) -> Option<()> {
    let (class, registers) = (class(ctx), registers(ctx));
    let tgid = task::current_tgid();
    let (detector, sighting) = judge(class, registers, tgid)?;
    let rule = enter(detector, tgid)?;
    let mut act = Act::new(sighting.reason);
    act.value = sighting.value;
    act.flags = rung();
    act.object = sighting.value as u32;
    if sighting.reason == edge_abi::reason::SOCKET_FILTER {
        act.flags |= act_flags::CANDIDATE;
    }
    apply(detector, rule, tgid, &act, None);
    Some(())
}

/// Whose business a syscall is.
#[inline(always)]
fn judge(class: u8, registers: u64, tgid: u32) -> Option<(Detector, Sighting)> {
    let first = argument(registers, globals::first_argument());
    let second = argument(registers, globals::second_argument());
    let third = argument(registers, globals::third_argument());
    if class == SyscallClass::Socket as u8 {
        return socket(tgid, first as u32, second as u32, third as u32);
    }
    if class == SyscallClass::SetSockOpt as u8 {
        if net_tamper::replaces(second as u32, third as u32) {
            let table = argument(registers, globals::fourth_argument());
            return Some((Detector::NetTamper, netlink::table(table, second as u32)));
        }
        return Some((Detector::RawSocket, raw_socket::option(first as u32, second as u32, third as u32)?));
    }
    if class == SyscallClass::Ioctl as u8 {
        return Some((Detector::NetTamper, route(third, pointer_bytes(registers))?));
    }
    let sends = class == SyscallClass::SendTo as u8 || class == SyscallClass::SendMsg as u8;
    let flags = task::lookup(tgid)?.flags;
    if sends && flags & task_flags::NETLINK != 0 {
        let width = pointer_bytes(registers);
        let address = if class == SyscallClass::SendTo as u8 { second } else { first_buffer(second, width)? };
        if let Some(sighting) = netlink::batch(address) {
            return Some((Detector::NetTamper, sighting));
        }
    }
    (flags & task_flags::BUS != 0).then(|| (Detector::BusFlood, bus_flood::write(first as u32)))
}

/// A socket is made: what it is, and what it lets its process do later.
#[inline(always)]
fn socket(tgid: u32, family: u32, kind: u32, protocol: u32) -> Option<(Detector, Sighting)> {
    if family == AF_NETLINK {
        if protocol == NETLINK_ROUTE || protocol == NETLINK_NETFILTER {
            task::known_or_new(tgid)?.flags |= task_flags::NETLINK;
        }
        return None;
    }
    if bus_flood::is_bus(family) {
        mark_bus(tgid);
        return None;
    }
    if is_at_hooks(Detector::RawSocket) {
        return None;
    }
    let elsewhere = globals::sock_create() != 0
        && !matches!(crate::emit::place::mode(Detector::RawSocket), edge_abi::Mode::Kill);
    Some((Detector::RawSocket, raw_socket::socket(family, kind, protocol, elsewhere)?))
}

/// A route is removed by `ioctl(fd, SIOCDELRT, struct rtentry)`: one word of padding, then three `struct sockaddr` of destination,
/// gateway and mask, whose IPv4 addresses lie four bytes in.
#[inline(always)]
fn route(entry: u64, width: u64) -> Option<Sighting> {
    let destination: u32 = read::user(entry + width + 4)?;
    let mask: u32 = read::user(entry + width + 36)?;
    net_tamper::route(destination, mask)
}

/// Where the first buffer of a `struct msghdr` lies: its third word points to a vector, whose first word points to it.
#[inline(always)]
fn first_buffer(message: u64, width: u64) -> Option<u64> {
    if width == 4 {
        let vector: u32 = read::user(message + 8)?;
        let buffer: u32 = read::user(u64::from(vector))?;
        return Some(u64::from(buffer));
    }
    let vector: u64 = read::user(message + 16)?;
    read::user(vector)
}
