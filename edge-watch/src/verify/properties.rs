//! What must hold for any order, any repetition and any loss.

use std::collections::BTreeSet;

use edge_wire::{AgentBooks, Head, Heartbeat, State, Status};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::{Arrival, Completeness, Notice, Report};
use crate::moment::Moment;

/// The grace of these tests, in milliseconds.
const GRACE: u64 = 1000;

fn moment(steady_ms: u64) -> Moment {
    Moment { steady_ms, wall_ms: 1_780_000_000_000 + steady_ms }
}

/// A check that has seen the agent begin.
fn begun() -> Completeness {
    let mut completeness = Completeness::new(GRACE, true);
    let online = Status { state: State::ONLINE, ..Status::default() };
    completeness.status("gw", &online, false, moment(0), &mut Vec::new());
    completeness
}

/// Delivers `sequences` one a millisecond; which of them were shown.
fn deliver(completeness: &mut Completeness, sequences: &[u32]) -> Vec<u32> {
    let mut shown = Vec::new();
    for (at, &sequence) in sequences.iter().enumerate() {
        let head = Head { sequence, ..Head::default() };
        let arrival = completeness.verdict("gw", &head, moment(at as u64), &mut Vec::new());
        if arrival != Arrival::Duplicate {
            shown.push(sequence);
        }
    }
    shown
}

/// Announces `next_sequence` with `shed` on the books, then lets the grace pass; the numbers called missing.
fn missing(completeness: &mut Completeness, next_sequence: u32, shed: u64) -> (BTreeSet<u32>, Vec<Report>) {
    let agent_books = AgentBooks { shed, ..AgentBooks::default() };
    let heartbeat = Heartbeat { next_sequence, agent_books, ..Heartbeat::default() };
    let mut out = Vec::new();
    completeness.heartbeat("gw", &heartbeat, moment(10_000), &mut out);
    completeness.tick(moment(10_000 + GRACE), &mut out);
    let mut numbers = BTreeSet::new();
    for report in &out {
        if let Notice::Gap(gap) = &report.notice {
            let before = numbers.len();
            for &(from, to) in &gap.ranges {
                numbers.extend(from..=to);
            }
            assert_eq!(gap.count, (numbers.len() - before) as u64);
            assert_eq!(gap.cause.shed + gap.cause.on_the_way + gap.cause.unknown, gap.count);
        }
    }
    (numbers, out)
}

/// All of `0..count`, some of them several times, in any order.
fn shuffled() -> impl Strategy<Value = (u32, Vec<u32>)> {
    (1_u32..400).prop_flat_map(|count| {
        let again = vec(0..count, 0..50);
        again.prop_flat_map(move |again| {
            let all: Vec<u32> = (0..count).chain(again).collect();
            (Just(count), Just(all).prop_shuffle())
        })
    })
}

/// A full set in any order, and a part of it that never comes.
fn lossy() -> impl Strategy<Value = (u32, Vec<u32>, BTreeSet<u32>)> {
    shuffled().prop_flat_map(|(count, order)| {
        let lost = btree_set(0..count, 0..=count as usize);
        (Just(count), Just(order), lost)
    })
}

proptest! {
    #[test]
    fn any_order_of_a_full_set_is_complete_and_shown_once((count, order) in shuffled()) {
        let mut completeness = begun();
        let mut shown = deliver(&mut completeness, &order);
        prop_assert_eq!(completeness.duplicates() as usize, order.len() - shown.len());
        shown.sort_unstable();
        prop_assert_eq!(shown, (0..count).collect::<Vec<u32>>());
        prop_assert_eq!(missing(&mut completeness, count, 0).0, BTreeSet::new());
    }

    #[test]
    fn any_loss_is_reported_exactly((count, mut order, lost) in lossy()) {
        order.retain(|sequence| !lost.contains(sequence));
        let mut completeness = begun();
        deliver(&mut completeness, &order);
        let (numbers, _) = missing(&mut completeness, count, 0);
        prop_assert_eq!(numbers, lost);
    }

    #[test]
    fn what_comes_late_heals_all((count, mut order, lost) in lossy()) {
        order.retain(|sequence| !lost.contains(sequence));
        let mut completeness = begun();
        deliver(&mut completeness, &order);
        missing(&mut completeness, count, 0);
        let late: Vec<u32> = lost.iter().copied().collect();
        prop_assert_eq!(deliver(&mut completeness, &late), late);
        let mut out = Vec::new();
        completeness.tick(moment(20_000), &mut out);
        let healed = out.iter().find_map(|report| match report.notice {
            Notice::Healed { count, missing, .. } => Some((count, missing)),
            _ => None,
        });
        prop_assert_eq!(healed, (!lost.is_empty()).then_some((lost.len() as u64, 0)));
    }

    #[test]
    fn books_never_explain_more_than_is_missing((count, mut order, lost) in lossy(), shed in 0_u64..500) {
        order.retain(|sequence| !lost.contains(sequence));
        let mut completeness = begun();
        deliver(&mut completeness, &order);
        let (_, out) = missing(&mut completeness, count, shed);
        let told: u64 = out.iter().map(|report| match &report.notice {
            Notice::Gap(gap) => gap.cause.shed,
            Notice::Explained { cause, .. } => cause.shed,
            _ => 0,
        }).sum();
        prop_assert_eq!(told, shed.min(lost.len() as u64));
    }
}
