//! Messages to the kernel about rules and routes, as they lie in user memory.

use edge_ebpf::detectors::Sighting;
use edge_ebpf::detectors::net_tamper::{Step, advance, step, table as judge_table};

use crate::read;

/// Messages of a batch that are looked at.
const MESSAGES: u32 = 8;
/// Attributes of a rule that are looked at: table, chain and handle come first.
const ATTRIBUTES: u32 = 3;
/// Bytes of `struct nlmsghdr`.
const HEADER: u64 = 16;
/// `NFTA_RULE_HANDLE`.
const HANDLE: u16 = 3;

/// The head of `struct nlmsghdr` (`include/uapi/linux/netlink.h`).
#[derive(Clone, Copy)]
#[repr(C)]
struct Head {
    /// Its length, itself included.
    length: u32,
    /// What it asks for.
    kind: u16,
    /// How.
    flags: u16,
}

/// Judges what begins at `address`: messages one behind the other.
#[inline(always)]
pub(super) fn batch(address: u64) -> Option<Sighting> {
    let (mut at, mut found, mut value) = (address, 0, 0);
    let mut index = 0;
    while index < MESSAGES {
        let Some(head) = read::user::<Head>(at) else { break };
        if u64::from(head.length) < HEADER {
            break;
        }
        let step = step(head.kind);
        let (mut handle, mut bits) = (false, 0);
        if step == Step::RemovesRules {
            // Behind four bytes of family, version and resource.
            handle = has_handle(at + HEADER + 4);
        } else if step == Step::RemovesRoute {
            // `struct rtmsg`: family, then the bits of the destination's prefix.
            bits = read::user::<u8>(at + HEADER + 1).unwrap_or(u8::MAX);
        }
        let after = advance(found, step, handle, bits);
        if after != found {
            (found, value) = (after, head.kind);
        }
        at += u64::from((head.length + 3) & !3);
        index += 1;
    }
    (found != 0).then_some(Sighting { reason: found, value: u64::from(value), target: 0 })
}

/// Whether a rule is named by its handle.
#[inline(always)]
fn has_handle(address: u64) -> bool {
    let mut at = address;
    let mut index = 0;
    while index < ATTRIBUTES {
        let Some([length, kind]) = read::user::<[u16; 2]>(at) else { return false };
        if kind & 0x3fff == HANDLE {
            return true;
        }
        if length < 4 {
            return false;
        }
        at += u64::from((u32::from(length) + 3) & !3);
        index += 1;
    }
    false
}

/// Judges a legacy table: `struct ipt_replace` (`include/uapi/linux/netfilter_ipv4/ip_tables.h`), which for IPv6 begins the same.
/// Behind 32 bytes of name and the valid hooks stand the entries to be; behind two times five offsets and the size, those there are.
#[inline(always)]
pub(super) fn table(address: u64) -> Sighting {
    let entries = read::user::<u32>(address + 36).unwrap_or(0);
    let before = read::user::<u32>(address + 84).unwrap_or(0);
    judge_table(entries, before)
}
