//! Verdicts of one lane on their medium: oldest first, trimmed when they are delivered.

use futures_lite::future::block_on;
use sequential_storage::cache::Cache;
use sequential_storage::cache::key_pointers::ArrayKeyPointers;
use sequential_storage::cache::page_pointers::HeapPagePointers;
use sequential_storage::cache::page_states::HeapPageStates;
use sequential_storage::queue::{QueueConfig, QueueStorage};

use super::error::SpoolError;
use super::flash::Medium;
use super::frame::{self, FRAME_BYTES};
use crate::queue::Entry;

/// Verdicts on their way out at most: twice the link's largest window, so that the window is never waited for.
const LENT: usize = 32;

/// Verdicts read ahead together, and trimmed together.
const BATCH: usize = 8;

/// Bytes of verdicts that are read ahead.
pub(super) const READY_BYTES: usize = size_of::<heapless::Deque<Entry, BATCH>>();

/// Bytes that are remembered of a page: its state, and where its first and next frame lie.
pub(super) const KNOWN_BYTES: usize = 9;

/// What is remembered of where things lie: [`KNOWN_BYTES`] for each page.
type Known = Cache<HeapPageStates, HeapPagePointers, ArrayKeyPointers<(), 0>>;

/// A verdict on its way out. It stays on the medium until it is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Lent {
    /// Which one.
    key: u64,
    /// Whether the broker has it.
    acknowledged: bool,
}

/// How verdicts leave a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The broker has them.
    Delivered,
    /// Newer ones needed the room.
    Displaced,
    /// They cannot be read.
    Lost,
}

/// Counts of one lane. They balance: `recovered + kept = delivered + displaced + lost + held`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneBooks {
    /// Found at the start, of runs before.
    pub recovered: u32,
    /// Put in since.
    pub kept: u32,
    /// Delivered and trimmed.
    pub delivered: u32,
    /// Gave way to newer ones, because the lane was full.
    pub displaced: u32,
    /// Could not be read any more.
    pub lost: u32,
    /// There now.
    pub held: u32,
    /// Of `delivered`, those put in by this run.
    pub delivered_own: u32,
    /// Of `displaced` and `lost`, those put in by this run.
    pub gone_own: u32,
    /// Of `held`, those found at the start: they leave before all others.
    pub old: u32,
}

impl LaneBooks {
    /// Two accounts as one.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            recovered: self.recovered.wrapping_add(other.recovered),
            kept: self.kept.wrapping_add(other.kept),
            delivered: self.delivered.wrapping_add(other.delivered),
            displaced: self.displaced.wrapping_add(other.displaced),
            lost: self.lost.wrapping_add(other.lost),
            held: self.held + other.held,
            delivered_own: self.delivered_own.wrapping_add(other.delivered_own),
            gone_own: self.gone_own.wrapping_add(other.gone_own),
            old: self.old + other.old,
        }
    }

    /// Writes down that the oldest `count` have left.
    pub(super) fn leave(&mut self, count: u32, way: Way) {
        let old = count.min(self.old);
        let (all, own) = match way {
            Way::Delivered => (&mut self.delivered, &mut self.delivered_own),
            Way::Displaced => (&mut self.displaced, &mut self.gone_own),
            Way::Lost => (&mut self.lost, &mut self.gone_own),
        };
        *all = all.wrapping_add(count);
        *own = own.wrapping_add(count - old);
        self.old -= old;
        self.held = self.held.saturating_sub(count);
    }

    /// Whether the account balances.
    #[must_use]
    pub fn balance(&self) -> bool {
        let went = self.delivered.wrapping_add(self.displaced).wrapping_add(self.lost);
        self.recovered.wrapping_add(self.kept) == went.wrapping_add(self.held)
    }
}

/// A first-in-first-out of verdicts.
pub struct Lane<M: Medium> {
    /// The store.
    store: QueueStorage<M, Known>,
    /// On their way out or about to be, oldest first; all of them are the oldest of the lane.
    lent: heapless::Vec<Lent, LENT>,
    /// Those of them that were read ahead, oldest first.
    ready: Box<heapless::Deque<Entry, BATCH>>,
    /// The account.
    books: LaneBooks,
}

impl<M: Medium> Lane<M> {
    /// The lane on a medium, with what it holds. Frames that cannot be read are gone; their number is not known.
    ///
    /// # Errors
    /// A medium that cannot be read, or [`SpoolError::Corrupt`] when the store could not repair what it found.
    pub fn open(mut medium: M) -> Result<Self, SpoolError> {
        block_on(mend_marks(&mut medium))?;
        let bytes = medium.capacity() as u32;
        let pages = bytes as usize / M::ERASE_SIZE;
        let known =
            Cache::new(HeapPageStates::new(pages), HeapPagePointers::new(pages), ArrayKeyPointers::new());
        let config = QueueConfig::try_new(0..bytes).map_err(|_| SpoolError::Corrupt)?;
        let store = QueueStorage::new(medium, config, known);
        let mut lane =
            Self { store, lent: heapless::Vec::new(), ready: Box::default(), books: LaneBooks::default() };
        let held = lane.count()?;
        lane.books = LaneBooks { recovered: held, held, old: held, ..LaneBooks::default() };
        Ok(lane)
    }

    /// The account.
    pub fn books(&self) -> LaneBooks {
        self.books
    }

    /// Puts a verdict in, making room at the old end if there is none. It is certain to last after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// A medium that cannot be written. The verdict is not in then, or may be in twice after a power cut.
    pub fn push(&mut self, entry: &Entry) -> Result<(), SpoolError> {
        let frame = frame::encode(entry);
        loop {
            match block_on(self.store.push(&frame, false)) {
                Ok(()) => break,
                Err(sequential_storage::Error::FullStorage) => self.displace()?,
                Err(error) => return Err(error.into()),
            }
        }
        self.books.kept = self.books.kept.wrapping_add(1);
        self.books.held += 1;
        Ok(())
    }

    /// Makes everything put in so far last; how many bytes that wrote.
    ///
    /// # Errors
    /// A medium that cannot be written. What was put in since the last success may be lost by a power cut.
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.store.flash().sync()
    }

    /// The next verdict to be delivered, oldest first, and its key for [`acknowledge`](Self::acknowledge).
    ///
    /// # Errors
    /// A medium that cannot be read.
    pub fn lend(&mut self) -> Result<Option<(u64, Entry)>, SpoolError> {
        let all = self.lent.len() as u32 >= self.books.held;
        if self.ready.is_empty() && !all && self.lent.len() + BATCH <= LENT {
            self.fetch()?;
        }
        Ok(self.ready.pop_front().map(|entry| (frame::key(entry.payload()), entry)))
    }

    /// Notes that a verdict was delivered; whether it was one of this lane's. Now and then those delivered are trimmed.
    ///
    /// # Errors
    /// A medium that cannot be written: the batch may be delivered once more.
    pub fn acknowledge(&mut self, key: u64) -> Result<bool, SpoolError> {
        let Some(lent) = self.lent.iter_mut().find(|lent| lent.key == key && !lent.acknowledged) else {
            return Ok(false);
        };
        lent.acknowledged = true;
        let delivered = self.lent.iter().take_while(|lent| lent.acknowledged).count();
        if delivered >= BATCH || delivered == self.lent.len() {
            self.trim(delivered)?;
        }
        Ok(true)
    }

    /// Reads ahead: the oldest verdicts that are not on their way yet.
    fn fetch(&mut self) -> Result<(), SpoolError> {
        let (lent, ready) = (&mut self.lent, &mut self.ready);
        let found = block_on(async {
            let (mut buffer, mut seen) = ([0; FRAME_BYTES], 0);
            let mut frames = self.store.iter().await?;
            while !ready.is_full() {
                let Some(found) = frames.next(&mut buffer).await? else { return Ok(Some(seen)) };
                let Some(entry) = frame::decode(&found) else { continue };
                seen += 1;
                let key = frame::key(entry.payload());
                if lent.iter().all(|lent| lent.key != key) {
                    let _ = lent.push(Lent { key, acknowledged: false });
                    let _ = ready.push_back(entry);
                }
            }
            Ok(None)
        });
        match found.map_err(|error: sequential_storage::Error<SpoolError>| SpoolError::from(error)) {
            // That is all there is. What was counted and is not there was damaged since.
            Ok(Some(seen)) => {
                self.books.leave(self.books.held.saturating_sub(seen), Way::Lost);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the first of those on their way off the medium: they were delivered.
    fn trim(&mut self, delivered: usize) -> Result<(), SpoolError> {
        self.store.flash().set_trimming(true);
        let lent = self.lent.get(..delivered).unwrap_or_default();
        let trimmed = block_on(async {
            let (mut buffer, mut gone) = ([0; FRAME_BYTES], 0);
            let mut frames = self.store.iter().await?;
            while gone < delivered {
                let Some(found) = frames.next(&mut buffer).await? else { break };
                let key = frame::decode(&found).map(|entry| frame::key(entry.payload()));
                if key.is_some_and(|key| lent.iter().all(|lent| lent.key != key)) {
                    // Older ones have become unreadable meanwhile, and this one was not delivered.
                    break;
                }
                found.pop().await?;
                gone += usize::from(key.is_some());
            }
            Ok::<(), sequential_storage::Error<SpoolError>>(())
        });
        self.store.flash().set_trimming(false);
        self.lent.drain(..delivered);
        self.books.leave(delivered as u32, Way::Delivered);
        trimmed.map_err(SpoolError::from)
    }

    /// Takes the oldest verdict off, delivered or not, to make room.
    fn displace(&mut self) -> Result<(), SpoolError> {
        self.store.flash().set_trimming(true);
        let mut buffer = [0; FRAME_BYTES];
        let popped = block_on(self.store.pop(&mut buffer))
            .map(|frame| frame.map(|frame| frame::decode(frame).map(|entry| frame::key(entry.payload()))));
        self.store.flash().set_trimming(false);
        match popped.map_err(SpoolError::from) {
            Ok(Some(key)) => {
                let lent = self.lent.iter().position(|lent| Some(lent.key) == key);
                let delivered = lent.map(|at| self.lent.remove(at).acknowledged);
                if self.ready.front().map(|entry| frame::key(entry.payload())) == key {
                    let _ = self.ready.pop_front();
                }
                if key.is_some() {
                    let way = if delivered == Some(true) { Way::Delivered } else { Way::Displaced };
                    self.books.leave(1, way);
                }
                Ok(())
            }
            // Full, and yet nothing in it can be read.
            Ok(None) => Err(SpoolError::Corrupt),
            Err(error) => Err(error),
        }
    }

    /// Counts what can be read.
    fn count(&mut self) -> Result<u32, SpoolError> {
        let counted = block_on(async {
            let mut buffer = [0; FRAME_BYTES];
            let mut frames = self.store.iter().await?;
            let mut held = 0;
            while let Some(found) = frames.next(&mut buffer).await? {
                held += u32::from(frame::decode(&found).is_some());
            }
            Ok(held)
        });
        counted.map_err(|error: sequential_storage::Error<SpoolError>| SpoolError::from(error))
    }
}

/// Mends the marks of pages. One that is full and seems never to have been begun would be emptied by the store, with all frames in it; what
/// comes behind it would be out of reach. One that is full and seems not to be would be taken for the newest, and the store would write behind
/// it where the oldest lie. The page written last is followed by an empty one, unless the lane is full.
///
/// Marks are those of `sequential-storage` 8 for words of one byte: the first byte of a page is zero once it is used, the last one once
/// it is full; half of the bits decide.
async fn mend_marks<M: Medium>(medium: &mut M) -> Result<(), SpoolError> {
    let (page, bytes) = (M::ERASE_SIZE as u32, medium.capacity() as u32);
    let pages = bytes / page;
    let mut marks = Vec::with_capacity(pages as usize);
    for number in 0..pages {
        let (mut first, mut last) = ([0], [0]);
        medium.read(number * page, &mut first).await?;
        medium.read(number * page + page - 1, &mut last).await?;
        let [first, last] = [first, last].map(|[mark]| mark.count_zeros() >= 4);
        if !first && last {
            log::warn!("spool: the begin of page {number} was damaged and is mended");
            medium.write(number * page, &[0]).await?;
        }
        marks.push((first || last, last));
    }
    let open: Vec<usize> = marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| **mark == (true, false))
        .map(|(number, _)| number)
        .collect();
    if open.len() < 2 {
        return Ok(());
    }
    let followed_by_empty =
        |number: &usize| marks.get((number + 1) % marks.len()).is_some_and(|mark| *mark == (false, false));
    let newest = open.iter().copied().find(followed_by_empty).or(open.last().copied());
    for number in open.into_iter().filter(|number| Some(*number) != newest) {
        log::warn!("spool: the end of page {number} was damaged and is mended");
        medium.write(number as u32 * page + page - 1, &[0]).await?;
    }
    Ok(())
}
