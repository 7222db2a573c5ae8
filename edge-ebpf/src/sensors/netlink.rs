//! Messages to the kernel about rules and routes, as they lie in user memory.

use edge_ebpf::detectors::Sighting;
use edge_ebpf::detectors::net_tamper::{
    Content, Step, Term, advance, effect, name, policy, step, table as judge_table, target_offset, term,
};

use crate::read;

/// Messages of a batch that are looked at.
const MESSAGES: u32 = 8;
/// Attributes of a message that are looked at. Of a rule table, chain, handle, position and the user's own data may come first, of a chain
/// table, name and hook.
const ATTRIBUTES: u32 = 6;
/// Expressions of a rule that are looked at.
const EXPRESSIONS: u32 = 6;
/// Bytes of `struct nlmsghdr`.
const HEADER: u64 = 16;
/// Bytes of `struct nfgenmsg`: family, version and resource.
const FAMILY: u64 = 4;
/// Bytes of `struct nlattr`: length and kind.
const ATTRIBUTE: u64 = 4;

/// Attributes of `include/uapi/linux/netfilter/nf_tables.h`: `NFTA_RULE_HANDLE`, `NFTA_RULE_EXPRESSIONS`, `NFTA_CHAIN_POLICY`,
/// `NFTA_EXPR_DATA`, `NFTA_IMMEDIATE_DATA`, and `NFTA_NAT_TYPE` and `NFTA_TARGET_NAME`, which have the same number.
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const IMMEDIATE_DATA: u16 = 2;
const FIRST: u16 = 1;

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
        let mut content = Content { handle: false, bits: 0, effect: 0 };
        let (body, end) = (at + HEADER + FAMILY, at + u64::from(head.length));
        match step {
            Step::RemovesRules => content.handle = find(body, end, RULE_HANDLE).is_some(),
            // `struct rtmsg`: family, then the bits of the destination's prefix.
            Step::RemovesRoute => content.bits = read::user::<u8>(at + HEADER + 1).unwrap_or(u8::MAX),
            Step::AddsChain => content.effect = chain(body, end).unwrap_or(0),
            Step::AddsRule => content.effect = rule(body, end).unwrap_or(0),
            _ => {}
        }
        let after = advance(found, step, content);
        if after != found {
            (found, value) = (after, head.kind);
        }
        at += u64::from((head.length + 3) & !3);
        index += 1;
    }
    (found != 0).then_some(Sighting { reason: found, value: u64::from(value), target: 0 })
}

/// Where the content of the first attribute of a kind lies, of those between two addresses.
#[inline(always)]
fn find(from: u64, end: u64, wanted: u16) -> Option<u64> {
    let (mut at, mut index) = (from, 0);
    while index < ATTRIBUTES && at < end {
        let [length, kind] = read::user::<[u16; 2]>(at)?;
        if kind & 0x3fff == wanted {
            return Some(at + ATTRIBUTE);
        }
        if u64::from(length) < ATTRIBUTE {
            return None;
        }
        at += padded(length);
        index += 1;
    }
    None
}

/// How much room an attribute takes.
#[inline(always)]
fn padded(length: u16) -> u64 {
    u64::from((u32::from(length) + 3) & !3)
}

/// A number of network byte order.
#[inline(always)]
fn number(address: u64) -> Option<u32> {
    read::user::<u32>(address).map(u32::from_be)
}

/// What a chain that is added, or changed, does by its policy.
#[inline(always)]
fn chain(from: u64, end: u64) -> Option<u8> {
    Some(policy(number(find(from, end, CHAIN_POLICY)?)?))
}

/// What a rule that is added does: its expressions one behind the other, each an attribute that holds two, its name and its data.
#[inline(always)]
fn rule(from: u64, end: u64) -> Option<u8> {
    let mut at = find(from, end, RULE_EXPRESSIONS)?;
    let (mut bare, mut index) = (true, 0);
    while index < EXPRESSIONS && at < end {
        let [length, _, name_length, _] = read::user::<[u16; 4]>(at)?;
        let bytes = read::user::<u64>(at + 2 * ATTRIBUTE)?;
        let term = term(name(bytes, u32::from(name_length).saturating_sub(ATTRIBUTE as u32)));
        let data = at + ATTRIBUTE + padded(name_length) + ATTRIBUTE;
        let found = effect(term, bare, detail(term, data, end).unwrap_or(u64::MAX));
        if found != 0 {
            return Some(found);
        }
        bare &= term == Term::Neutral;
        if u64::from(length) < ATTRIBUTE {
            return None;
        }
        at += padded(length);
        index += 1;
    }
    None
}

/// The word in an expression's data that [`effect`] asks for.
#[inline(always)]
fn detail(term: Term, data: u64, end: u64) -> Option<u64> {
    match term {
        // `NFTA_DATA_VERDICT`, and in it first `NFTA_VERDICT_CODE`.
        Term::Verdict => number(find(data, end, IMMEDIATE_DATA)? + 2 * ATTRIBUTE).map(u64::from),
        Term::Translates => number(find(data, end, FIRST)?).map(u64::from),
        Term::Target => {
            let at = find(data, end, FIRST)?;
            let [length, _] = read::user::<[u16; 2]>(at - ATTRIBUTE)?;
            Some(name(read::user::<u64>(at)?, u32::from(length).saturating_sub(ATTRIBUTE as u32)))
        }
        _ => None,
    }
}

/// Judges a legacy table: `struct ipt_replace` (`include/uapi/linux/netfilter_ipv4/ip_tables.h`), which for IPv6 begins the same.
/// Behind 32 bytes of name and the valid hooks stand the entries to be, their size, where the rules of five hooks begin, and where their
/// policies stand; then the entries there are, and, aligned to eight bytes behind a pointer, the rules.
#[inline(always)]
pub(super) fn table(address: u64, level: u32) -> Sighting {
    let entries = read::user::<u32>(address + 36).unwrap_or(0);
    let before = read::user::<u32>(address + 84).unwrap_or(0);
    let rules = address + 96;
    // What packets to this machine (hook 1) and from it (hook 3) meet at last.
    let policies = [verdict(rules, address + 68, level), verdict(rules, address + 76, level)];
    judge_table(entries, before, policies.map(|verdict| verdict.unwrap_or(0)))
}

/// The verdict of the legacy rule whose offset stands at `offset`: of `struct xt_standard_target`, which begins where `target_offset` of
/// `struct ipt_entry` or `ip6t_entry` says.
#[inline(always)]
fn verdict(rules: u64, offset: u64, level: u32) -> Option<u32> {
    let rule = rules + u64::from(read::user::<u32>(offset)?);
    let target = read::user::<u16>(rule + target_offset(level))?;
    read::user::<u32>(rule + u64::from(target) + 32)
}
