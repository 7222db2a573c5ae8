//! `net_tamper`: firewall rules flushed, replaced, or added so that they drop everything or lead it elsewhere; the default route removed.
//!
//! Technique: T1562.004 (disable or modify system firewall).
//! Hooks: `sendto` and `sendmsg` of processes that have opened a routing or netfilter netlink socket, `setsockopt` of the legacy
//! tables, `ioctl(SIOCDELRT)`, all through `sensors/net.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the netlink message type; of a legacy table, the rules it lost; of `SIOCDELRT`, that.
//! Cost: one look-up per `sendto` and `sendmsg`; a few reads of user memory for processes with such a socket.
//! Blind to: what lies beyond the first [`crate::netlink::STEPS`] steps of a batch or beyond the first buffer; `write` to a netlink
//! socket, `sendmmsg` and `io_uring`; sockets opened before the agent started, or passed on; a message changed after the look; what the rules of a legacy table do, but for a table of nothing but its policies.

use edge_abi::reason;

use super::Sighting;

/// `NFNL_SUBSYS_NFTABLES` in the upper byte of a message type (`include/uapi/linux/netfilter/nfnetlink.h`).
const NFTABLES: u16 = 10;
/// `NFT_MSG_*` of `include/uapi/linux/netfilter/nf_tables.h`.
const NEW_TABLE: u16 = 0;
const DEL_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const DEL_CHAIN: u16 = 5;
const NEW_RULE: u16 = 6;
const DEL_RULE: u16 = 8;
/// The same since Linux 6.3, silent about what is not there.
const DESTROY_TABLE: u16 = 26;
const DESTROY_CHAIN: u16 = 27;
const DESTROY_RULE: u16 = 28;
/// `RTM_DELROUTE` of `include/uapi/linux/rtnetlink.h`.
const DEL_ROUTE: u16 = 25;

/// `SOL_IP`, `SOL_IPV6`, and `IPT_SO_SET_REPLACE`, which has the same number for both.
const SOL_IP: u32 = 0;
const SOL_IPV6: u32 = 41;
const SET_REPLACE: u32 = 64;

/// `SIOCDELRT` of `include/uapi/linux/sockios.h`.
pub const SIOCDELRT: u32 = 0x890c;

/// Most entries of a built-in legacy table that holds no rule but its chains' policies (`mangle`: five chains and the end).
const BARE: u32 = 6;

/// `NF_DROP` of `include/uapi/linux/netfilter.h`, as a verdict and as a chain's policy.
const DROP: u32 = 0;
/// The same as the verdict of a legacy rule: `-NF_DROP - 1`.
const LEGACY_DROP: u32 = u32::MAX;
/// `NFT_NAT_DNAT` of `include/uapi/linux/netfilter/nf_tables.h`.
const DNAT: u32 = 1;

/// What one message of a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing of interest.
    Other,
    /// Adds tables.
    Adds,
    /// Adds a chain or changes it: its policy matters.
    AddsChain,
    /// Adds a rule: what it does matters.
    AddsRule,
    /// Removes tables or chains.
    Removes,
    /// Removes rules: one, when it names a handle, else all of a chain or table.
    RemovesRules,
    /// Removes a route: the default one, when the destination's prefix has no bits.
    RemovesRoute,
}

/// Reads a message type.
#[inline(always)]
#[must_use]
pub fn step(kind: u16) -> Step {
    if kind == DEL_ROUTE {
        return Step::RemovesRoute;
    }
    if kind >> 8 != NFTABLES {
        return Step::Other;
    }
    match kind & 0xff {
        NEW_TABLE => Step::Adds,
        NEW_CHAIN => Step::AddsChain,
        NEW_RULE => Step::AddsRule,
        DEL_TABLE | DEL_CHAIN | DESTROY_TABLE | DESTROY_CHAIN => Step::Removes,
        DEL_RULE | DESTROY_RULE => Step::RemovesRules,
        _ => Step::Other,
    }
}

/// What stands in one message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Whether a rule is named by its handle.
    pub handle: bool,
    /// Bits of a route's prefix.
    pub bits: u8,
    /// What an added chain or rule does: one of [`reason`], or 0.
    pub effect: u8,
}

/// What a batch has done so far: one of [`reason`], or 0.
#[inline(always)]
#[must_use]
pub fn advance(so_far: u8, step: Step, content: Content) -> u8 {
    match step {
        Step::Removes => reason::RULES_REMOVED,
        Step::RemovesRules if !content.handle => reason::RULES_REMOVED,
        Step::RemovesRoute if content.bits == 0 => reason::ROUTE_REMOVED,
        Step::Adds | Step::AddsChain | Step::AddsRule => match so_far {
            0 => content.effect,
            // What is flushed and filled in one batch is a reload, which a firewall service does as well.
            reason::RULES_REMOVED => reason::RULES_REPLACED,
            _ => so_far,
        },
        _ => so_far,
    }
}

/// What a chain's policy does.
#[inline(always)]
#[must_use]
pub fn policy(policy: u64) -> u8 {
    if policy == u64::from(DROP) { reason::DROPS_ALL } else { 0 }
}

/// What one expression of a nftables rule is, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Counts or logs, and lets all pass on.
    Neutral,
    /// A verdict; which one, says its data.
    Verdict,
    /// Refuses.
    Refuses,
    /// Leads to this machine.
    Redirects,
    /// Changes addresses; which one, says its data.
    Translates,
    /// A target of the legacy tables; which one, says its name.
    Target,
    /// Lets only some pass on, or anything else.
    Match,
}

/// The first eight bytes of a name, as [`term`] and [`effect`] take them.
const fn word(mut name: &[u8]) -> u64 {
    let (mut word, mut shift) = (0, 0);
    while let [byte, rest @ ..] = name
        && shift < u64::BITS
    {
        word |= (*byte as u64) << shift;
        shift += u8::BITS;
        name = rest;
    }
    word
}

/// The name of an expression, of which `length` bytes are given, its NUL included.
#[inline(always)]
#[must_use]
pub fn name(bytes: u64, length: u32) -> u64 {
    if length < 8 { bytes & ((1 << (8 * length)) - 1) } else { bytes }
}

/// Reads an expression's name: the first eight bytes, zero-padded, the first one lowest.
#[inline(always)]
#[must_use]
pub fn term(name: u64) -> Term {
    const COUNTER: u64 = word(b"counter");
    const LOG: u64 = word(b"log");
    const IMMEDIATE: u64 = word(b"immediate");
    const REJECT: u64 = word(b"reject");
    const REDIRECT: u64 = word(b"redir");
    const PROXY: u64 = word(b"tproxy");
    const NAT: u64 = word(b"nat");
    const TARGET: u64 = word(b"target");
    match name {
        COUNTER | LOG => Term::Neutral,
        IMMEDIATE => Term::Verdict,
        REJECT => Term::Refuses,
        REDIRECT | PROXY => Term::Redirects,
        NAT => Term::Translates,
        TARGET => Term::Target,
        _ => Term::Match,
    }
}

/// The word that says more about an expression, where one does: the verdict, the kind of translation, a target's name.
#[inline(always)]
#[must_use]
pub fn effect(term: Term, bare: bool, detail: u64) -> u8 {
    const REDIRECT: u64 = word(b"REDIRECT");
    const DESTINATION: u64 = word(b"DNAT");
    const PROXY: u64 = word(b"TPROXY");
    let redirects = match term {
        Term::Redirects => true,
        Term::Translates => detail == u64::from(DNAT),
        Term::Target => matches!(detail, REDIRECT | DESTINATION | PROXY),
        _ => false,
    };
    let refuses = match term {
        Term::Refuses => true,
        Term::Verdict => detail == u64::from(DROP),
        _ => false,
    };
    if redirects {
        reason::REDIRECTS
    } else if refuses && bare {
        reason::DROPS_ALL
    } else {
        0
    }
}

/// Whether a `setsockopt(fd, level, name)` replaces a legacy table.
#[inline(always)]
#[must_use]
pub fn replaces(level: u32, name: u32) -> bool {
    name == SET_REPLACE && (level == SOL_IP || level == SOL_IPV6)
}

/// Where `target_offset` lies in a rule of a legacy table: in `struct ipt_entry`, or in `struct ip6t_entry`, whose addresses are longer.
#[inline(always)]
#[must_use]
pub fn target_offset(level: u32) -> u64 {
    if level == SOL_IPV6 { 140 } else { 88 }
}

/// Judges a replaced legacy table by its entries now and before. Legacy tables are replaced for every change, so that one rule more
/// looks like a reload; a table left with nothing but its policies is a flush, and so is one that loses several rules.
///
/// `policies` are the verdicts of what the table begins with; where it holds nothing else, they alone decide.
#[inline(always)]
#[must_use]
pub fn table(entries: u32, before: u32, policies: [u32; 2]) -> Sighting {
    let lost = before.saturating_sub(entries);
    let reason = if entries <= BARE && policies.contains(&LEGACY_DROP) {
        reason::DROPS_ALL
    } else if lost > 1 || (lost == 1 && entries <= BARE) {
        reason::RULES_REMOVED
    } else {
        reason::RULES_REPLACED
    };
    Sighting { reason, value: u64::from(lost), target: 0 }
}

/// Judges a route removed by `ioctl`, by its destination and mask.
#[inline(always)]
#[must_use]
pub fn route(destination: u32, mask: u32) -> Option<Sighting> {
    (destination == 0 && mask == 0).then_some(Sighting {
        reason: reason::ROUTE_REMOVED,
        value: u64::from(SIOCDELRT),
        target: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NFT: u16 = NFTABLES << 8;

    /// What a batch of message types comes to; rules deleted by handle where `handles` says so.
    fn batch(kinds: &[u16], handles: bool) -> u8 {
        let content = Content { handle: handles, bits: 0, effect: 0 };
        kinds.iter().fold(0, |so_far, kind| advance(so_far, step(*kind), content))
    }

    #[test]
    fn flushes_are_told_and_single_rules_are_not() {
        assert_eq!(batch(&[16, NFT | 2, 17], false), reason::RULES_REMOVED);
        assert_eq!(batch(&[16, NFT | 5, 17], false), reason::RULES_REMOVED);
        assert_eq!(batch(&[16, NFT | 8, 17], false), reason::RULES_REMOVED);
        assert_eq!(batch(&[16, NFT | DESTROY_RULE, 17], false), reason::RULES_REMOVED);
        assert_eq!(batch(&[16, NFT | 8, 17], true), 0, "one rule by its handle");
        assert_eq!(batch(&[16, NFT, NFT | 3, NFT | 6, 17], false), 0, "only additions");
    }

    #[test]
    fn a_flush_that_is_filled_again_is_a_reload() {
        assert_eq!(batch(&[16, NFT | 2, NFT, NFT | 3, NFT | 6], false), reason::RULES_REPLACED);
        assert_eq!(batch(&[16, NFT, NFT | 3, NFT | 2], false), reason::RULES_REMOVED, "emptied at the end");
    }

    #[test]
    fn only_the_default_route_matters() {
        let route_of = |bits| Content { handle: false, bits, effect: 0 };
        assert_eq!(advance(0, step(25), route_of(0)), reason::ROUTE_REMOVED);
        assert_eq!(advance(0, step(25), route_of(24)), 0);
        assert_eq!(advance(0, step(26), route_of(0)), 0, "routes listed");
        assert_eq!(route(0, 0).map(|seen| seen.reason), Some(reason::ROUTE_REMOVED));
        assert_eq!(route(0x0a00_0000, 0xff00_0000), None);
    }

    #[test]
    fn legacy_tables_are_weighed_by_what_they_lose() {
        assert!(replaces(0, 64) && replaces(41, 64) && !replaces(1, 64) && !replaces(0, 65));
        // `-NF_ACCEPT - 1` and `-NF_DROP - 1`.
        let (accept, drop) =
            ([(-2_i32).cast_unsigned(); 2], [(-2_i32).cast_unsigned(), (-1_i32).cast_unsigned()]);
        let judged = |entries, before| table(entries, before, accept);
        assert_eq!((target_offset(SOL_IP), target_offset(SOL_IPV6)), (88, 140));
        assert_eq!(judged(4, 30).reason, reason::RULES_REMOVED);
        assert_eq!((judged(4, 5).reason, judged(4, 5).value), (reason::RULES_REMOVED, 1));
        assert_eq!(judged(31, 30).reason, reason::RULES_REPLACED);
        assert_eq!(judged(29, 30).reason, reason::RULES_REPLACED, "one rule of many");
        assert_eq!(table(4, 4, drop).reason, reason::DROPS_ALL);
        assert_eq!(table(5, 4, drop).reason, reason::DROPS_ALL, "one rule more, and nothing else");
        assert_eq!(table(31, 30, drop).reason, reason::RULES_REPLACED, "rules that make exceptions");
    }

    /// What a rule of these expressions does, each with the word that says more.
    fn rule(terms: &[(&[u8], u64)]) -> u8 {
        let mut bare = true;
        for (name, detail) in terms {
            let term = term(word(name));
            let effect = effect(term, bare, *detail);
            if effect != 0 {
                return effect;
            }
            bare &= term == Term::Neutral;
        }
        0
    }

    #[test]
    fn rules_that_drop_everything_or_lead_elsewhere_are_told() {
        assert_eq!(rule(&[(b"immediate", 0)]), reason::DROPS_ALL);
        assert_eq!(rule(&[(b"counter", 0), (b"log", 0), (b"immediate", 0)]), reason::DROPS_ALL);
        assert_eq!(rule(&[(b"reject", 0)]), reason::DROPS_ALL);
        assert_eq!(rule(&[(b"immediate", 1)]), 0, "accepts");
        assert_eq!(rule(&[(b"payload", 0), (b"cmp", 0), (b"immediate", 0)]), 0, "drops some");
        assert_eq!(rule(&[(b"payload", 0), (b"cmp", 0), (b"redir", 0)]), reason::REDIRECTS);
        assert_eq!(rule(&[(b"tproxy", 0)]), reason::REDIRECTS);
        assert_eq!(rule(&[(b"meta", 0), (b"nat", 1)]), reason::REDIRECTS);
        assert_eq!(rule(&[(b"nat", 0)]), 0, "the source, as routers do");
        assert_eq!(rule(&[(b"masq", 0)]), 0);
        assert_eq!(rule(&[(b"meta", 0), (b"target", word(b"REDIRECT"))]), reason::REDIRECTS);
        assert_eq!(rule(&[(b"target", word(b"DNAT"))]), reason::REDIRECTS);
        assert_eq!(rule(&[(b"target", word(b"MASQUERADE"))]), 0);
    }

    #[test]
    fn names_end_where_they_say() {
        assert_eq!(name(word(b"nat\0\xffjunk"), 4), word(b"nat"));
        assert_eq!(name(word(b"counter\0"), 8), word(b"counter"));
        assert_eq!(term(name(word(b"immediate\0"), 10)), Term::Verdict);
        assert_eq!(name(u64::MAX, 0), 0);
    }

    #[test]
    fn additions_are_told_by_what_they_do_and_a_reload_as_that() {
        let adds =
            |so_far, effect| advance(so_far, Step::AddsRule, Content { handle: false, bits: 0, effect });
        assert_eq!(adds(0, 0), 0);
        assert_eq!(adds(0, reason::REDIRECTS), reason::REDIRECTS);
        assert_eq!(adds(reason::DROPS_ALL, 0), reason::DROPS_ALL, "what follows changes nothing");
        assert_eq!(adds(reason::RULES_REMOVED, reason::DROPS_ALL), reason::RULES_REPLACED);
        assert_eq!(policy(0), reason::DROPS_ALL);
        assert_eq!(policy(1), 0);
    }
}
