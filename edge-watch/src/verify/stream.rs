//! The sequence numbers of one incarnation: which were seen, which are missing, and since when.
//!
//! Everything below `next` has been seen unless it lies in a hole. Holes are kept sorted and never touch `next`, so memory
//! follows disorder, not volume.

use super::notice::Cause;

/// Most holes remembered. An agent's queue holds fewer verdicts than this, so reordering alone never reaches it.
pub(crate) const MAX_HOLES: usize = 512;

/// What a verdict is to the ones already seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Seen before.
    Duplicate,
    /// Had been called missing.
    Late,
    /// Not seen before.
    New,
}

/// What is known about the numbers of a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// From before we listened: may come or not.
    Foreign,
    /// Called missing.
    Missing,
    /// May still come.
    Pending,
}

/// A run of numbers that were not seen.
#[derive(Clone, Copy, Debug)]
struct Hole {
    /// First number.
    from: u32,
    /// Last number.
    to: u32,
    /// Wall clock of the verdict before it, in milliseconds.
    after_ms: u64,
    /// Wall clock of what came after it, in milliseconds.
    before_ms: u64,
    /// Steady time at which it showed, in milliseconds.
    since_ms: u64,
    /// What is known.
    fate: Fate,
}

impl Hole {
    /// How many numbers.
    fn len(&self) -> u64 {
        u64::from(self.to) - u64::from(self.from) + 1
    }
}

/// Numbers that have become due as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Runs, ascending.
    pub(super) ranges: Vec<(u32, u32)>,
    /// How many numbers.
    pub(super) count: u64,
    /// Wall clock before the first, in milliseconds.
    pub(super) after_ms: u64,
    /// Wall clock after the last, in milliseconds.
    pub(super) before_ms: u64,
    /// Steady time at which the youngest hole showed, in milliseconds.
    pub(super) since_ms: u64,
}

impl Due {
    /// Adds a hole that lies after those already here.
    fn add(&mut self, hole: &Hole) {
        if self.count == 0 {
            self.after_ms = hole.after_ms;
        }
        self.before_ms = hole.before_ms;
        self.since_ms = self.since_ms.max(hole.since_ms);
        self.count += hole.len();
        match self.ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(hole.from) => *to = hole.to,
            _ => self.ranges.push((hole.from, hole.to)),
        }
    }
}

/// One incarnation.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whether `next` means something: a number was met, or the first is known to be 0.
    met: bool,
    /// One past the highest number known.
    next: u64,
    /// What lies below and was not seen, ascending.
    holes: Vec<Hole>,
    /// Numbers below are no longer distinguished: their holes were forgotten.
    floor: u64,
    /// Wall clock of the highest number, in milliseconds.
    latest_ms: u64,
    /// Holes that were forgotten before they were due.
    forced: Due,
    /// Called missing and not come since.
    missing: u64,
    /// Those of `missing` for which no heartbeat has given a reason.
    unexplained: u64,
    /// Those of the agent's `shed` that have been given as a reason.
    shed_told: u64,
    /// Come late since last told.
    healed: u64,
}

impl Stream {
    /// An incarnation that began under our eyes, or did not: then what lies below the first number met is not ours to miss.
    pub(super) fn new(witnessed: bool) -> Self {
        Self { met: witnessed, ..Self::default() }
    }

    /// Meets its first number, unless it has met one.
    fn meet(&mut self, first: u32, now_ms: u64) {
        if std::mem::replace(&mut self.met, true) || first == 0 {
            return;
        }
        self.next = u64::from(first);
        let (from, to, fate) = (0, first - 1, Fate::Foreign);
        self.holes.push(Hole { from, to, after_ms: 0, before_ms: 0, since_ms: now_ms, fate });
    }

    /// How many were called missing and have not come since.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Takes one number.
    pub(super) fn arrive(&mut self, sequence: u32, wall_ms: u64, now_ms: u64) -> Arrival {
        self.meet(sequence, now_ms);
        if u64::from(sequence) >= self.next {
            self.extend(sequence, wall_ms, now_ms);
            self.next = u64::from(sequence) + 1;
            self.latest_ms = wall_ms;
            return Arrival::New;
        }
        let index = self.holes.partition_point(|hole| hole.to < sequence);
        match self.holes.get(index).copied() {
            Some(hole) if hole.from <= sequence => {
                self.split(index, hole, sequence, wall_ms);
                if hole.fate != Fate::Missing {
                    return Arrival::New;
                }
                self.missing = self.missing.saturating_sub(1);
                self.unexplained = self.unexplained.saturating_sub(1);
                self.healed += 1;
                Arrival::Late
            }
            _ if u64::from(sequence) < self.floor => Arrival::New,
            _ => Arrival::Duplicate,
        }
    }

    /// Learns that all numbers below `next` exist.
    pub(super) fn announce(&mut self, next: u32, wall_ms: u64, now_ms: u64) {
        self.meet(next, now_ms);
        if u64::from(next) > self.next {
            self.extend(next, wall_ms, now_ms);
            self.next = u64::from(next);
            self.latest_ms = wall_ms;
        }
    }

    /// Explains what is missing by the agent's books: `shed` so far, and `underway` in flight or queued.
    pub(super) fn explain(&mut self, shed: u64, underway: u64) -> Cause {
        let shed = shed.saturating_sub(self.shed_told).min(self.unexplained);
        // With verdicts under way, the rest may yet come.
        let on_the_way = if underway == 0 { self.unexplained - shed } else { 0 };
        self.shed_told += shed;
        self.unexplained -= shed + on_the_way;
        Cause { shed, on_the_way, unknown: self.unexplained }
    }

    /// The numbers that have been pending for `grace_ms`; they count as missing from now on.
    pub(super) fn due(&mut self, now_ms: u64, grace_ms: u64) -> Option<Due> {
        let mut due = std::mem::take(&mut self.forced);
        for hole in &mut self.holes {
            if hole.fate == Fate::Pending && now_ms.saturating_sub(hole.since_ms) >= grace_ms {
                hole.fate = Fate::Missing;
                due.add(hole);
            }
        }
        self.missing += due.count;
        self.unexplained += due.count;
        (due.count > 0).then_some(due)
    }

    /// How many late ones have come since the last call.
    pub(super) fn healed(&mut self) -> Option<u64> {
        let healed = std::mem::take(&mut self.healed);
        (healed > 0).then_some(healed)
    }

    /// Makes a hole of what lies between `next` and `end`.
    fn extend(&mut self, end: u32, wall_ms: u64, now_ms: u64) {
        let Ok(from) = u32::try_from(self.next) else { return };
        if from < end {
            self.holes.push(Hole {
                from,
                to: end - 1,
                after_ms: self.latest_ms,
                before_ms: wall_ms,
                since_ms: now_ms,
                fate: Fate::Pending,
            });
            self.shorten();
        }
    }

    /// Takes `sequence` out of the hole at `index`.
    fn split(&mut self, index: usize, hole: Hole, sequence: u32, wall_ms: u64) {
        self.holes.remove(index);
        if sequence < hole.to {
            self.holes.insert(index, Hole { from: sequence + 1, after_ms: wall_ms, ..hole });
        }
        if hole.from < sequence {
            self.holes.insert(index, Hole { to: sequence - 1, before_ms: wall_ms, ..hole });
        }
        self.shorten();
    }

    /// Forgets the lowest holes above the limit. One that is not yet due is told at the next opportunity.
    fn shorten(&mut self) {
        while self.holes.len() > MAX_HOLES {
            let hole = self.holes.remove(0);
            self.floor = u64::from(hole.to) + 1;
            if hole.fate == Fate::Pending {
                self.forced.add(&hole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_repeats_are_known() {
        let mut stream = Stream::new(true);
        for sequence in [3, 0, 2] {
            assert_eq!(stream.arrive(sequence, 0, 0), Arrival::New);
        }
        assert_eq!(stream.arrive(2, 0, 0), Arrival::Duplicate);
        assert_eq!(stream.arrive(1, 0, 0), Arrival::New);
        assert_eq!(stream.due(100, 10), None);
    }

    #[test]
    fn a_hole_becomes_due_after_the_grace_and_heals() {
        let mut stream = Stream::new(true);
        stream.arrive(0, 1000, 0);
        stream.arrive(4, 2000, 5);
        assert_eq!(stream.due(14, 10), None);
        let due = stream.due(15, 10);
        assert_eq!(
            due,
            Some(Due { ranges: vec![(1, 3)], count: 3, after_ms: 1000, before_ms: 2000, since_ms: 5 })
        );
        assert_eq!(stream.due(99, 10), None);
        assert_eq!(stream.arrive(2, 1500, 20), Arrival::Late);
        assert_eq!((stream.missing(), stream.healed(), stream.healed()), (2, Some(1), None));
        assert_eq!(stream.arrive(2, 1500, 20), Arrival::Duplicate);
    }

    #[test]
    fn what_was_before_us_is_not_missing_but_welcome() {
        let mut stream = Stream::new(false);
        assert_eq!(stream.arrive(7, 0, 0), Arrival::New);
        assert_eq!(stream.arrive(3, 0, 0), Arrival::New);
        assert_eq!(stream.arrive(3, 0, 0), Arrival::Duplicate);
        assert_eq!(stream.due(100, 10), None);
    }

    #[test]
    fn forgotten_holes_are_told_once_and_what_comes_is_shown() {
        let mut stream = Stream::new(true);
        let odd = (0..=u32::try_from(MAX_HOLES).unwrap()).map(|index| 2 * index + 1);
        for sequence in odd {
            stream.arrive(sequence, 0, 0);
        }
        assert_eq!(stream.holes.len(), MAX_HOLES);
        assert_eq!(stream.due(0, 10).map(|due| due.ranges), Some(vec![(0, 0)]));
        assert_eq!(stream.arrive(0, 0, 0), Arrival::New);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut stream = Stream::new(true);
        assert_eq!(stream.arrive(u32::MAX, 0, 0), Arrival::New);
        assert_eq!(stream.arrive(u32::MAX, 0, 0), Arrival::Duplicate);
        stream.announce(u32::MAX, 0, 0);
        assert_eq!(stream.due(10, 10).map(|due| due.count), Some(u64::from(u32::MAX)));
        assert_eq!(Stream::new(false).arrive(u32::MAX, 0, 0), Arrival::New);
    }

    #[test]
    fn books_say_where_the_missing_went() {
        let mut stream = Stream::new(true);
        stream.announce(10, 0, 0);
        assert_eq!(stream.due(10, 10).map(|due| due.count), Some(10));
        assert_eq!(stream.explain(0, 10), Cause { shed: 0, on_the_way: 0, unknown: 10 });
        assert_eq!(stream.explain(4, 1), Cause { shed: 4, on_the_way: 0, unknown: 6 });
        assert_eq!(stream.explain(4, 0), Cause { shed: 0, on_the_way: 6, unknown: 0 });
    }
}
