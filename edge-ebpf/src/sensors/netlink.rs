//! Messages to the kernel about rules and routes, as they lie in user memory.

use edge_ebpf::detectors::Sighting;
use edge_ebpf::detectors::net_tamper::{table as judge_table, target_offset};
use edge_ebpf::netlink::{Memory, STEPS, Walk};

use crate::read;

/// The memory of the process that sends.
struct Sender;

impl Memory for Sender {
    #[inline(always)]
    fn read<T: Copy + Default>(&self, address: u64) -> T {
        read::user_or_zero(address)
    }
}

/// Judges what begins at `address`: messages one behind the other. What the walk knows is forgotten by the verifier after each step, which
/// would else follow all that can have come before: it is the same walk, once for each step.
#[inline(always)]
pub(super) fn batch(address: u64) -> Option<Sighting> {
    let mut walk = Walk::new(address);
    let mut index = 0;
    while index < STEPS {
        if !walk.step(&Sender) {
            break;
        }
        read::forget_all(&mut walk);
        index += 1;
    }
    walk.sighting()
}

/// Judges a legacy table: `struct ipt_replace` (`include/uapi/linux/netfilter_ipv4/ip_tables.h`), which for IPv6 begins the same.
/// Behind 32 bytes of name and the valid hooks stand the entries to be, their size, where the rules of five hooks begin, and where their
/// policies stand; then the entries there are, and, aligned to eight bytes behind a pointer, the rules.
#[inline(always)]
pub(super) fn table(address: u64, level: u32) -> Sighting {
    let entries = read::user_or_zero(address + 36);
    let before = read::user_or_zero(address + 84);
    let rules = address + 96;
    // What packets to this machine (hook 1) and from it (hook 3) meet at last.
    judge_table(entries, before, [verdict(rules, address + 68, level), verdict(rules, address + 76, level)])
}

/// The verdict of the legacy rule whose offset stands at `offset`: of `struct xt_standard_target`, which begins where `target_offset` of
/// `struct ipt_entry` or `ip6t_entry` says.
#[inline(always)]
fn verdict(rules: u64, offset: u64, level: u32) -> u32 {
    let rule = rules + u64::from(read::user_or_zero::<u32>(offset));
    let target: u16 = read::user_or_zero(rule + target_offset(level));
    read::user_or_zero(rule + u64::from(target) + 32)
}
