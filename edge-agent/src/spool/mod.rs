//! The flash spool: verdicts outlive a long silence of the broker, a power cut and a restart.
//!
//! Optional (`[spool]`, feature `spool`). Verdicts go to flash when they cannot be delivered: a few seconds after the link is lost, when the
//! queue in memory fills up, and when the agent ends. Once the broker is back, what is new goes first; what was kept follows, no faster than
//! `spool.replay` a second, and is taken off the medium when it is acknowledged.
//!
//! **Guaranteed**: a verdict that a completed [`Spool::sync`] covers is delivered at least once, through power cuts at any moment, unless newer ones of
//! its lane displaced it, a block of the medium went bad, or the file was removed. Each is counted. Severe verdicts (high, critical) have
//! a lane of their own, so floods of others never displace them.
//!
//! **Best effort**: what has not been synced: up to `spool.delay` of verdicts while the link is down, and whatever is in the queue
//! or in flight while it is up. What was delivered may be delivered once more after a power cut: subscribers fold by boot id, incarnation and
//! sequence number.
//!
//! The store is [`sequential-storage`](https://docs.rs/sequential-storage): append-only pages with CRCs, no allocation, written for flash that loses
//! power at any moment and fuzzed for it. Other candidates: `queue-file` rewrites its header in place for every element, `yaque` and
//! database engines bring threads or hundreds of kilobytes.

mod allowance;
mod error;
mod flash;
mod frame;
mod lane;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use allowance::Allowance;
pub use error::SpoolError;
pub use flash::{FileFlash, Medium, PAGE_BYTES};
use lane::Way;
pub use lane::{Lane, LaneBooks};

use crate::queue::Entry;

/// Verdicts from this severity on (high) are urgent: they have a lane of their own and the reserve of the write budget.
pub const URGENT: u8 = 3;

/// Memory of a spool of the largest size that the configuration takes: itself, what is read ahead, and where its pages stand.
pub const MEMORY_BYTES: usize = size_of::<Spool>()
    + 2 * lane::READY_BYTES
    + (*crate::config::ranges::SPOOL_BYTES.end() / PAGE_BYTES) as usize * lane::KNOWN_BYTES;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

/// What the spool is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the two files.
    pub folder: PathBuf,
    /// Bytes of both together, headers excluded.
    pub bytes: u32,
    /// Bytes written to flash a day.
    pub daily_bytes: u64,
    /// Verdicts replayed a second.
    pub replay: u32,
}

/// Both lanes together. They balance: `recovered + kept = delivered + displaced + lost + held`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Both lanes.
    pub lanes: LaneBooks,
    /// Bytes written to flash since the start, in whole pages.
    pub written: u64,
}

/// One file and its lane.
struct Shelf {
    /// Where.
    path: PathBuf,
    /// Bytes behind the header.
    bytes: u32,
    /// The file, for when the lane must begin anew.
    file: File,
    /// The lane.
    lane: Lane<FileFlash>,
    /// What lanes before this one counted.
    before: LaneBooks,
}

/// The spool.
pub struct Spool {
    /// Urgent, then the others.
    shelves: [Shelf; 2],
    /// What may still be written.
    allowance: Allowance,
    /// Bytes written.
    written: u64,
    /// Verdicts replayed a second.
    replay: u32,
    /// The second of boot time that is being counted, and replays in it.
    replayed: (u64, u32),
}

impl Spool {
    /// Opens or makes the spool's files.
    ///
    /// # Errors
    /// A folder that cannot be made or written.
    pub fn open(settings: &Settings, now_ns: u64) -> Result<Self, SpoolError> {
        let making = SpoolError::io("making the folder of the spool");
        std::fs::create_dir_all(&settings.folder).map_err(making)?;
        // A quarter for what is urgent and rare.
        let pages = settings.bytes / PAGE_BYTES;
        let urgent = (pages / 4).max(2);
        let open = |name: &str, pages: u32| Shelf::open(settings.folder.join(name), pages * PAGE_BYTES);
        let both = [open("urgent", urgent)?, open("other", pages.saturating_sub(urgent).max(2))?];
        let allowance = Allowance::new(settings.daily_bytes, now_ns);
        Ok(Self { shelves: both, allowance, written: 0, replay: settings.replay, replayed: (0, 0) })
    }

    /// Keeps a verdict. It is certain to last after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`SpoolError::Budget`], or a medium that cannot be written.
    pub fn push(&mut self, entry: &Entry, now_ns: u64) -> Result<(), SpoolError> {
        let urgent = entry.severity() >= URGENT;
        if !self.allowance.allows(urgent, now_ns) {
            return Err(SpoolError::Budget);
        }
        let [first, second] = &mut self.shelves;
        let file = if urgent { first } else { second };
        file.with(|lane| lane.push(entry))
    }

    /// Makes what was kept last.
    ///
    /// # Errors
    /// A medium that cannot be written.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        let mut result = Ok(());
        for shelf in &mut self.shelves {
            match shelf.lane.sync() {
                Ok(bytes) => {
                    self.written += bytes;
                    self.allowance.spend(bytes);
                }
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// The next verdict to replay and its key, urgent ones first; `None` when there is none, or it is too early for another.
    ///
    /// # Errors
    /// A medium that cannot be read.
    pub fn lend(&mut self, now_ns: u64) -> Result<Option<(u64, Entry)>, SpoolError> {
        if self.pause_ns(now_ns).is_some() {
            return Ok(None);
        }
        for shelf in &mut self.shelves {
            if let Some(lent) = shelf.with(Lane::lend)? {
                self.replayed.1 += 1;
                return Ok(Some(lent));
            }
        }
        Ok(None)
    }

    /// Nanoseconds until another verdict may be replayed; `None` when one may be now.
    pub fn pause_ns(&mut self, now_ns: u64) -> Option<u64> {
        let second = now_ns / SECOND_NS;
        if self.replayed.0 != second {
            self.replayed = (second, 0);
        }
        (self.replayed.1 >= self.replay).then(|| SECOND_NS - now_ns % SECOND_NS)
    }

    /// Notes that the broker has a verdict that was lent.
    ///
    /// # Errors
    /// A medium that cannot be written: it may be delivered again.
    pub fn acknowledge(&mut self, key: u64) -> Result<(), SpoolError> {
        for shelf in &mut self.shelves {
            if shelf.with(|lane| lane.acknowledge(key))? {
                break;
            }
        }
        // What was taken off is written as it suits the kernel; in the end it is made sure of, and counted.
        if self.is_empty() { self.sync() } else { Ok(()) }
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shelves.iter().all(|shelf| shelf.lane.books().held == 0)
    }

    /// The account.
    #[must_use]
    pub fn books(&self) -> Books {
        let lanes = self.shelves.iter().fold(LaneBooks::default(), |sum, shelf| sum.plus(shelf.books()));
        Books { lanes, written: self.written }
    }
}

impl Shelf {
    /// Opens or makes a file. One that nothing can be read from is put aside.
    fn open(path: PathBuf, bytes: u32) -> Result<Self, SpoolError> {
        let (file, lane) = match open_lane(&path, bytes) {
            Err(SpoolError::Corrupt) => {
                put_aside(&path)?;
                open_lane(&path, bytes)?
            }
            other => other?,
        };
        Ok(Self { path, bytes, file, lane, before: LaneBooks::default() })
    }

    /// Does something with the lane, once more with an empty one if nothing in it makes sense.
    fn with<T>(
        &mut self,
        mut act: impl FnMut(&mut Lane<FileFlash>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        match act(&mut self.lane) {
            Err(SpoolError::Corrupt) => {
                self.renew()?;
                act(&mut self.lane)
            }
            other => other,
        }
    }

    /// Begins anew in the same file: once the agent is confined it can make no other, and put none aside.
    fn renew(&mut self) -> Result<(), SpoolError> {
        let mut before = self.books();
        log::error!("spool: {} cannot be read and begins anew, lost={}", self.path.display(), before.held);
        before.leave(before.held, Way::Lost);
        let blank = self.file.try_clone().map_err(SpoolError::io("opening the spool again"))?;
        self.lane = Lane::open(FileFlash::blank(blank, self.bytes)?)?;
        self.before = before;
        Ok(())
    }

    /// The account of this file and those it replaced.
    fn books(&self) -> LaneBooks {
        self.before.plus(self.lane.books())
    }
}

/// A file and its lane.
fn open_lane(path: &Path, bytes: u32) -> Result<(File, Lane<FileFlash>), SpoolError> {
    let (flash, replaced) = FileFlash::open(path, bytes)?;
    if replaced {
        log::warn!("spool: {} was no spool of {bytes} bytes and is kept as .old", path.display());
    }
    let file = flash.file().map_err(SpoolError::io("opening the spool again"))?;
    Ok((file, Lane::open(flash)?))
}

/// Renames a file that cannot be read any more; a later one of the kind replaces it.
fn put_aside(path: &Path) -> Result<(), SpoolError> {
    log::error!("spool: {} cannot be read and is kept as .old", path.display());
    std::fs::rename(path, path.with_extension("old")).map_err(SpoolError::io("putting aside a damaged spool"))
}
