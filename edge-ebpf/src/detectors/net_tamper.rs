//! `net_tamper`: firewall rules flushed or replaced, the default route removed.
//!
//! Technique: T1562.004 (disable or modify system firewall).
//! Hooks: `sendto` and `sendmsg` of processes that have opened a routing or netfilter netlink socket, `setsockopt` of the legacy
//! tables, `ioctl(SIOCDELRT)`, all through `sensors/net.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the netlink message type; of a legacy table, the rules it lost; of `SIOCDELRT`, that.
//! Cost: one look-up per `sendto` and `sendmsg`; a few reads of user memory for processes with such a socket.
//! Blind to (on the tracepoint rung): messages beyond the first eight of a batch or beyond the first buffer; `write` to a netlink
//! socket, `sendmmsg` and `io_uring`; sockets opened before the agent started, or passed on; a message changed after the look.

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

/// What one message of a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing of interest.
    Other,
    /// Adds tables, chains or rules.
    Adds,
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
        NEW_TABLE | NEW_CHAIN | NEW_RULE => Step::Adds,
        DEL_TABLE | DEL_CHAIN | DESTROY_TABLE | DESTROY_CHAIN => Step::Removes,
        DEL_RULE | DESTROY_RULE => Step::RemovesRules,
        _ => Step::Other,
    }
}

/// What a batch has done so far: one of [`reason`], or 0.
#[inline(always)]
#[must_use]
pub fn advance(so_far: u8, step: Step, has_handle: bool, prefix_bits: u8) -> u8 {
    match step {
        Step::Removes => reason::RULES_REMOVED,
        Step::RemovesRules if !has_handle => reason::RULES_REMOVED,
        Step::RemovesRoute if prefix_bits == 0 => reason::ROUTE_REMOVED,
        // What is flushed and filled in one batch is a reload, which a firewall service does as well.
        Step::Adds if so_far == reason::RULES_REMOVED => reason::RULES_REPLACED,
        _ => so_far,
    }
}

/// Whether a `setsockopt(fd, level, name)` replaces a legacy table.
#[inline(always)]
#[must_use]
pub fn replaces(level: u32, name: u32) -> bool {
    name == SET_REPLACE && (level == SOL_IP || level == SOL_IPV6)
}

/// Judges a replaced legacy table by its entries now and before. Legacy tables are replaced for every change, so that one rule more
/// looks like a reload; a table left with nothing but its policies is a flush, and so is one that loses several rules.
#[inline(always)]
#[must_use]
pub fn table(entries: u32, before: u32) -> Sighting {
    let lost = before.saturating_sub(entries);
    let reason = if lost > 1 || (lost == 1 && entries <= BARE) {
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
        kinds.iter().fold(0, |so_far, kind| advance(so_far, step(*kind), handles, 0))
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
        assert_eq!(advance(0, step(25), false, 0), reason::ROUTE_REMOVED);
        assert_eq!(advance(0, step(25), false, 24), 0);
        assert_eq!(advance(0, step(26), false, 0), 0, "routes listed");
        assert_eq!(route(0, 0).map(|seen| seen.reason), Some(reason::ROUTE_REMOVED));
        assert_eq!(route(0x0a00_0000, 0xff00_0000), None);
    }

    #[test]
    fn legacy_tables_are_weighed_by_what_they_lose() {
        assert!(replaces(0, 64) && replaces(41, 64) && !replaces(1, 64) && !replaces(0, 65));
        assert_eq!(table(4, 30).reason, reason::RULES_REMOVED);
        assert_eq!((table(4, 5).reason, table(4, 5).value), (reason::RULES_REMOVED, 1));
        assert_eq!(table(31, 30).reason, reason::RULES_REPLACED);
        assert_eq!(table(29, 30).reason, reason::RULES_REPLACED, "one rule of many");
    }
}
