//! The kernel side's counters where it is older than the agent, or where there was another before it: what this agent tells begins where
//! the last heartbeat of the one before ended, and has every record in it that this agent has read.

use edge_wire::KernelBooks;

use super::kernel::{DETECTORS, Totals};
use crate::load::{MARK_WORDS, Mark};

const _: () = assert!(6 + DETECTORS.len() + 2 <= MARK_WORDS);

/// What is told less than the counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Taken off every counter, modulo 2^64.
    base: Totals,
    /// Whether records that were submitted before are still to be read.
    unsettled: bool,
}

impl Carried {
    /// The counters go on where `mark` was told.
    #[must_use]
    pub fn taken(mark: &Mark) -> Self {
        Self { base: Totals::of_mark(mark), unsettled: true }
    }

    /// The counters begin anew; `last` are those of the kernel side before, of which `mark` was told.
    #[must_use]
    pub fn replaced(last: &Totals, mark: &Mark) -> Self {
        Self { base: Totals::of_mark(mark).less(last), unsettled: true }
    }

    /// The counters begin anew, and so many records of the kernel side before could not be read: they are lost like those that found the
    /// ring full.
    #[must_use]
    pub fn lost(records: u64) -> Self {
        let books = KernelBooks { ring_full: records, findings: records, ..KernelBooks::default() };
        Self { base: Totals::default().less(&Totals { books, ..Totals::default() }), unsettled: false }
    }

    /// Whether it is still open what was submitted before this agent.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Nothing is left to be read: what was submitted and not `received` by this agent, was by the one before.
    pub fn settle(&mut self, now: &Totals, received: u64) {
        self.base = self.agreeing(now, received);
        self.unsettled = false;
    }

    /// What is to be told of `now`, of which this agent has `received` so many records.
    #[must_use]
    pub fn told(&self, now: &Totals, received: u64) -> Totals {
        let base = if self.unsettled { self.agreeing(now, received) } else { self.base };
        now.less(&base)
    }

    /// The base by which exactly `received` records are told to be submitted, and findings are what became of them.
    fn agreeing(&self, now: &Totals, received: u64) -> Totals {
        let mut base = self.base;
        let told = now.less(&base).books;
        let findings = received.wrapping_add(told.ring_full).wrapping_add(told.held);
        base.books.submitted = now.books.submitted.wrapping_sub(received);
        base.books.findings = now.books.findings.wrapping_sub(findings);
        base
    }
}

impl Totals {
    /// All numbers, for a mark.
    #[must_use]
    pub fn to_mark(&self) -> Mark {
        let KernelBooks { evidence, findings, submitted, ring_full, held, map_full } = self.books;
        let books = [evidence, findings, submitted, ring_full, held, map_full];
        let numbers = books.into_iter().chain([self.trusted, self.enforced]).chain(self.findings);
        let mut mark = [0; MARK_WORDS];
        mark.iter_mut().zip(numbers).for_each(|(word, number)| *word = number);
        mark
    }

    /// The numbers of a mark.
    fn of_mark(mark: &Mark) -> Self {
        let [evidence, findings, submitted, ring_full, held, map_full, trusted, enforced, each @ ..] = *mark;
        let mut totals = Self {
            books: KernelBooks { evidence, findings, submitted, ring_full, held, map_full },
            trusted,
            enforced,
            ..Self::default()
        };
        totals.findings.iter_mut().zip(each).for_each(|(findings, word)| *findings = word);
        totals
    }

    /// Every number less that of `base`, modulo 2^64.
    fn less(&self, base: &Self) -> Self {
        let mut mark = self.to_mark();
        mark.iter_mut().zip(base.to_mark()).for_each(|(word, base)| *word = word.wrapping_sub(base));
        Self::of_mark(&mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(submitted: u64, ring_full: u64, held: u64) -> Totals {
        let books = KernelBooks {
            findings: submitted + ring_full + held,
            submitted,
            ring_full,
            held,
            evidence: 1000,
            map_full: 2,
        };
        Totals { books, trusted: 4, enforced: 5, ..Totals::default() }
    }

    fn balances(books: &KernelBooks) -> bool {
        books.findings == books.submitted + books.ring_full + books.held
    }

    #[test]
    fn a_mark_comes_back_as_it_was() {
        let mut all = totals(10, 3, 7);
        all.findings[DETECTORS.len() - 1] = 9;
        assert_eq!(Totals::of_mark(&all.to_mark()), all);
    }

    #[test]
    fn what_is_taken_over_goes_on_where_it_was_told() {
        // Told: 10 submitted. Then the agent before read 4 more and ended; 6 came while nobody ran, 2 of them after the ring was full.
        let mut carried = Carried::taken(&totals(10, 1, 0).to_mark());
        let now = totals(18, 3, 1);
        let early = carried.told(&now, 1);
        assert_eq!((early.books.submitted, early.books.ring_full), (1, 2), "before all is read");
        assert!(balances(&early.books));
        carried.settle(&now, 4);
        let told = carried.told(&totals(20, 3, 1), 6);
        assert_eq!((told.books.submitted, told.books.ring_full, told.books.held), (6, 2, 1));
        assert!(balances(&told.books), "{told:?}");
        assert_eq!(told.books.evidence, 0);
    }

    #[test]
    fn what_is_replaced_is_told_with_ours() {
        let mut carried = Carried::replaced(&totals(18, 3, 0), &totals(10, 1, 0).to_mark());
        let ours = totals(2, 0, 0);
        carried.settle(&ours, 8);
        let told = carried.told(&ours, 8).books;
        assert_eq!(
            (told.submitted, told.ring_full),
            (8, 2),
            "six of theirs, two of ours, and what found their ring full"
        );
        assert!(balances(&told));
        let later = carried.told(&totals(5, 4, 0), 11).books;
        assert_eq!((later.submitted, later.ring_full), (11, 6));
        assert!(balances(&later));
    }

    #[test]
    fn what_could_not_be_read_is_told_as_lost() {
        let told = Carried::lost(7).told(&totals(3, 1, 0), 3).books;
        assert_eq!((told.submitted, told.ring_full), (3, 8));
        assert!(balances(&told));
    }

    #[test]
    fn without_anything_before_the_counters_are_told_as_they_are() {
        let now = totals(3, 1, 2);
        assert_eq!(Carried::default().told(&now, 1), now);
    }
}
