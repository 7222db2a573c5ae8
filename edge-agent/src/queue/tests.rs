//! The queue against a plain model, and each promise of its documentation by name.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

/// Seven blocks: one entry of the largest size, or three usual ones.
const SMALL: usize = 7;

fn entry(severity: u8, sequence: u32, bytes: usize) -> Entry {
    Entry::new(severity, sequence, &vec![sequence as u8; bytes]).unwrap()
}

fn drain<const B: usize>(queue: &mut Queue<B>) -> Vec<(u8, u32)> {
    std::iter::from_fn(|| queue.pop()).map(|entry| (entry.severity(), entry.sequence())).collect()
}

#[test]
fn the_most_severe_leaves_first_and_equals_in_order() {
    let mut queue = Queue::<64>::new();
    for (sequence, severity) in [1, 4, 0, 4, 1, 2].into_iter().enumerate() {
        queue.admit(&entry(severity, sequence as u32, 10));
    }
    assert_eq!(drain(&mut queue), [(4, 1), (4, 3), (2, 5), (1, 0), (1, 4), (0, 2)]);
}

#[test]
fn payloads_of_every_size_come_back_unchanged() {
    let mut queue = Queue::<SMALL>::new();
    for bytes in 0..=PAYLOAD_BYTES {
        let payload: Vec<u8> = (0..bytes).map(|at| (at * 7 + bytes) as u8).collect();
        queue.admit(&Entry::new(3, 9, &payload).unwrap());
        assert_eq!(queue.pop().unwrap().payload(), payload);
    }
    assert_eq!(Entry::new(0, 0, &[0; 513]), Err(TooLong { bytes: 513 }));
}

#[test]
fn full_sheds_the_least_severe_oldest_first() {
    let mut queue = Queue::<SMALL>::new();
    for (sequence, severity) in [1, 0, 0, 1, 2, 1, 0].into_iter().enumerate() {
        queue.admit(&entry(severity, sequence as u32, 84));
    }
    queue.admit(&entry(1, 7, 84));
    queue.admit(&entry(3, 8, 168));
    let books = queue.books();
    assert_eq!((books.shed, books.first_shed, books.last_shed), ([3, 0, 0, 0, 0], Some(1), Some(6)));
    queue.admit(&entry(0, 9, 84));
    assert_eq!(queue.books().last_shed, Some(9), "only more severe ones were left, so the newcomer goes");
    assert_eq!(drain(&mut queue), [(3, 8), (2, 4), (1, 0), (1, 3), (1, 5), (1, 7)]);
}

#[test]
fn equals_give_way_oldest_first() {
    let mut queue = Queue::<SMALL>::new();
    for sequence in 0..9 {
        queue.admit(&entry(2, sequence, 84));
    }
    assert_eq!(queue.books().last_shed, Some(1));
    assert_eq!(drain(&mut queue).first(), Some(&(2, 2)));
}

#[test]
fn nothing_is_shed_for_a_newcomer_that_would_not_fit_anyway() {
    let mut queue = Queue::<SMALL>::new();
    queue.admit(&entry(4, 0, 84));
    queue.admit(&entry(0, 1, 84));
    queue.admit(&entry(1, 2, PAYLOAD_BYTES));
    assert_eq!(queue.books().shed, [0, 1, 0, 0, 0]);
    assert_eq!(drain(&mut queue), [(4, 0), (0, 1)]);
}

#[test]
fn requeued_entries_leave_first_and_in_order() {
    let mut queue = Queue::<64>::new();
    for sequence in 0..4 {
        queue.admit(&entry(1, sequence, 160));
    }
    let flying = [queue.pop().unwrap(), queue.pop().unwrap()];
    queue.admit(&entry(1, 4, 160));
    for entry in flying.iter().rev() {
        queue.requeue(entry);
    }
    assert!(queue.books().balance());
    assert_eq!(drain(&mut queue), [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);
}

#[test]
fn pressure_begins_high_and_ends_low() {
    let mut queue = Queue::<40>::new();
    for sequence in 0..29 {
        queue.admit(&entry(1, sequence, 84));
    }
    assert!(!queue.is_pressed());
    queue.admit(&entry(1, 29, 84));
    assert!(queue.is_pressed());
    while queue.used_blocks() > 11 {
        queue.pop();
    }
    assert!(queue.is_pressed());
    queue.pop();
    assert!(!queue.is_pressed());
}

#[test]
fn a_severity_out_of_range_counts_as_critical() {
    assert_eq!(entry(200, 1, 1).severity(), 4);
}

#[test]
fn the_documented_size_is_the_real_one() {
    let size = size_of::<Queue<512>>();
    assert!((49_152..49_152 + 200).contains(&size), "{size} bytes");
}

/// The same promises, said with vectors and without blocks' cleverness.
#[derive(Default)]
struct Model {
    lanes: [VecDeque<Entry>; SEVERITIES],
    shed: Vec<u32>,
}

impl Model {
    fn blocks(lane: &VecDeque<Entry>) -> usize {
        lane.iter().map(|entry| pool::blocks_for(entry.payload().len())).sum()
    }

    fn insert(&mut self, capacity: usize, entry: Entry, front: bool) {
        let severity = usize::from(entry.severity());
        let needed = pool::blocks_for(entry.payload().len());
        let kept: usize = self.lanes[severity + 1..].iter().map(Self::blocks).sum();
        if kept + needed > capacity {
            self.shed.push(entry.sequence());
            return;
        }
        while self.lanes.iter().map(Self::blocks).sum::<usize>() + needed > capacity {
            let lane = self.lanes.iter_mut().find(|lane| !lane.is_empty()).unwrap();
            self.shed.push(lane.pop_front().unwrap().sequence());
        }
        let lane = &mut self.lanes[severity];
        if front { lane.push_front(entry) } else { lane.push_back(entry) }
    }

    fn pop(&mut self) -> Option<Entry> {
        self.lanes.iter_mut().rev().find_map(VecDeque::pop_front)
    }

    fn pop_least(&mut self) -> Option<Entry> {
        self.lanes.iter_mut().find_map(VecDeque::pop_front)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Admit(u8, usize),
    Pop,
    PopLeast,
    TurnAway(u8),
    Requeue,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5u8, 0..=PAYLOAD_BYTES).prop_map(|(severity, bytes)| Step::Admit(severity, bytes)),
        2 => Just(Step::Pop),
        1 => Just(Step::PopLeast),
        1 => (0..=4_u8).prop_map(Step::TurnAway),
        1 => Just(Step::Requeue),
    ]
}

proptest! {
    #[test]
    fn the_queue_equals_the_model_and_its_books_balance(steps in prop::collection::vec(step(), 0..200)) {
        const BLOCKS: usize = 24;
        let mut queue = Queue::<BLOCKS>::new();
        let mut model = Model::default();
        let mut flying = Vec::new();
        for (sequence, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit(severity, bytes) => {
                    let entry = entry(severity, sequence as u32, bytes);
                    queue.admit(&entry);
                    model.insert(BLOCKS, entry, false);
                }
                Step::Pop => {
                    let popped = queue.pop();
                    prop_assert_eq!(&popped, &model.pop());
                    flying.extend(popped);
                }
                Step::PopLeast => {
                    let popped = queue.pop_least();
                    prop_assert_eq!(&popped, &model.pop_least());
                    flying.extend(popped);
                }
                Step::TurnAway(severity) => {
                    queue.turn_away(&entry(severity, sequence as u32, 100));
                    model.shed.push(sequence as u32);
                }
                Step::Requeue => {
                    if let Some(entry) = flying.pop() {
                        queue.requeue(&entry);
                        model.insert(BLOCKS, entry, true);
                    }
                }
            }
            let books = queue.books();
            prop_assert!(books.balance(), "{:?}", books);
            prop_assert_eq!(books.shed_total() as usize, model.shed.len());
            prop_assert_eq!(books.last_shed, model.shed.last().copied());
            prop_assert_eq!(queue.used_blocks(), model.lanes.iter().map(Model::blocks).sum::<usize>());
        }
        while let Some(entry) = model.pop() {
            prop_assert_eq!(queue.pop(), Some(entry));
        }
        prop_assert!(queue.is_empty());
        prop_assert_eq!(queue.used_blocks(), 0);
    }
}
