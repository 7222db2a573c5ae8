//! The bounded queue between judging and publishing: most severe first, shedding counted, books that balance.
//!
//! Payloads lie in one pool of 96-byte blocks, 84 bytes of payload each, so a usual verdict (up to 168 bytes) takes two
//! blocks and the largest (512) seven. Nothing is allocated: `size_of::<Queue<512>>()` is 49,152 bytes of blocks plus
//! less than 200 of lanes and books, room for 256 usual verdicts. Freed blocks are used again before fresh ones, so only
//! the high-water mark of the pool is ever touched.

mod books;
mod entry;
mod pool;

pub use books::Books;
pub use entry::{Entry, PAYLOAD_BYTES, SEVERITIES, TooLong};

use pool::{Index, Pool};

/// Entries of one severity, oldest first: a list threaded through the first blocks.
#[derive(Clone, Copy, Default)]
struct Lane {
    /// The oldest entry.
    head: Index,
    /// The newest entry.
    tail: Index,
    /// Entries in the lane.
    entries: u16,
    /// Blocks they hold together.
    blocks: u16,
}

/// A queue over `BLOCKS` blocks (at most 65,535).
///
/// - Out: the highest severity first, first in first out within a severity.
/// - Full: the least severe goes first, oldest first. A newcomer is shed itself only if making room would take something
///   more severe than it.
/// - Every entry is accounted for; see [`Books`].
pub struct Queue<const BLOCKS: usize> {
    /// Storage of all lanes.
    pool: Pool<BLOCKS>,
    /// One lane per severity, least severe first.
    lanes: [Lane; SEVERITIES],
    /// What came, went and was shed.
    books: Books,
    /// Filled beyond the high watermark and not yet drained to the low one.
    pressed: bool,
}

impl<const BLOCKS: usize> Default for Queue<BLOCKS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BLOCKS: usize> Queue<BLOCKS> {
    /// Blocks in use at which pressure begins: three quarters.
    const HIGH: usize = BLOCKS / 4 * 3;

    /// Blocks in use at which pressure ends: one quarter.
    const LOW: usize = BLOCKS / 4;

    /// An empty queue, all zero bytes, so that as a static it costs nothing in the binary.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(BLOCKS <= u16::MAX as usize, "block numbers are 16 bits wide");
            assert!(BLOCKS >= pool::blocks_for(PAYLOAD_BYTES), "the largest entry must fit");
        }
        let lane = Lane { head: Index::NONE, tail: Index::NONE, entries: 0, blocks: 0 };
        Self { pool: Pool::new(), lanes: [lane; SEVERITIES], books: Books::new(), pressed: false }
    }

    /// Takes a new entry in, shedding what is less worth keeping if there is no room.
    pub fn admit(&mut self, entry: &Entry) {
        self.books.seen = self.books.seen.wrapping_add(1);
        self.insert(entry, End::Tail);
    }

    /// Sheds an entry at the door, whatever room there is.
    pub fn turn_away(&mut self, entry: &Entry) {
        self.books.seen = self.books.seen.wrapping_add(1);
        self.books.shed(entry.severity(), entry.sequence());
    }

    /// Puts back an entry that was popped and could not be delivered, ahead of its severity. To keep the order of
    /// several, put the newest back first.
    pub fn requeue(&mut self, entry: &Entry) {
        self.books.requeued = self.books.requeued.wrapping_add(1);
        self.insert(entry, End::Head);
    }

    /// Takes the oldest entry of the highest severity out.
    pub fn pop(&mut self) -> Option<Entry> {
        let severity = self.lanes.iter().rposition(|lane| lane.entries > 0)?;
        self.pop_of(severity)
    }

    /// Takes the oldest entry of the lowest severity out, to be kept elsewhere.
    pub fn pop_least(&mut self) -> Option<Entry> {
        let severity = self.lanes.iter().position(|lane| lane.entries > 0)?;
        self.pop_of(severity)
    }

    /// What came, went, was shed and is here.
    #[must_use]
    pub fn books(&self) -> Books {
        let queued = self.lanes.iter().map(|lane| u32::from(lane.entries)).sum();
        Books { queued, ..self.books }
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.entries == 0)
    }

    /// Whether the producer should slow down: set at three quarters of the blocks, cleared at one quarter.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// Blocks in use, of `BLOCKS`.
    #[must_use]
    pub fn used_blocks(&self) -> usize {
        BLOCKS - self.pool.free()
    }

    /// Links `entry` in at one end of its lane, or sheds it.
    fn insert(&mut self, entry: &Entry, end: End) {
        let severity = usize::from(entry.severity());
        let stored = self.make_room(severity, pool::blocks_for(entry.payload().len()))
            && self.link(severity, entry, end).is_some();
        if !stored {
            self.books.shed(entry.severity(), entry.sequence());
        }
        self.pressed |= self.used_blocks() >= Self::HIGH;
    }

    /// Sheds from the least severe lane upwards, never above `severity`, until `needed` blocks are free. Sheds nothing
    /// if that would not be enough.
    fn make_room(&mut self, severity: usize, needed: usize) -> bool {
        let expendable: usize =
            self.lanes.iter().take(severity + 1).map(|lane| usize::from(lane.blocks)).sum();
        if self.pool.free() + expendable < needed {
            return false;
        }
        while self.pool.free() < needed {
            let Some(victim) = self.lanes.iter().position(|lane| lane.entries > 0) else { return false };
            let Some(entry) = self.detach_head(victim) else { return false };
            self.books.shed(entry.severity(), entry.sequence());
        }
        true
    }

    /// Stores `entry` and makes it the first or last of its lane. `None` when the pool has no room, after which nothing
    /// has changed.
    fn link(&mut self, severity: usize, entry: &Entry, end: End) -> Option<()> {
        let lane = self.lanes.get_mut(severity)?;
        let at = self.pool.store(entry.sequence(), entry.payload())?;
        match end {
            End::Head => {
                self.pool.set_next(at, lane.head);
                lane.head = at;
                if lane.entries == 0 {
                    lane.tail = at;
                }
            }
            End::Tail => {
                self.pool.set_next(lane.tail, at);
                lane.tail = at;
                if lane.entries == 0 {
                    lane.head = at;
                }
            }
        }
        lane.entries += 1;
        lane.blocks += pool::blocks_for(entry.payload().len()) as u16;
        Some(())
    }

    /// Takes the oldest entry of a severity out.
    fn pop_of(&mut self, severity: usize) -> Option<Entry> {
        let entry = self.detach_head(severity)?;
        self.books.popped = self.books.popped.wrapping_add(1);
        self.relieve();
        Some(entry)
    }

    /// Unlinks and frees the oldest entry of a lane.
    fn detach_head(&mut self, severity: usize) -> Option<Entry> {
        let lane = self.lanes.get_mut(severity)?;
        let (entry, next) = self.pool.release(lane.head, severity as u8)?;
        lane.head = next;
        if next == Index::NONE {
            lane.tail = Index::NONE;
        }
        lane.entries -= 1;
        lane.blocks -= pool::blocks_for(entry.payload().len()) as u16;
        Some(entry)
    }

    /// Ends the pressure once the low watermark is reached.
    fn relieve(&mut self) {
        self.pressed &= self.used_blocks() > Self::LOW;
    }
}

/// Where a lane grows.
#[derive(Clone, Copy)]
enum End {
    /// In front of the oldest.
    Head,
    /// Behind the newest.
    Tail,
}

#[cfg(test)]
mod tests;
