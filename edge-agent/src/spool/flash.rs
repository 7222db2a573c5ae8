//! A file as the flash that `sequential-storage` writes to.
//!
//! The store is made for bare flash, where what was written first is there first. A file in the page cache gives no such order, so a page of
//! the file is on the medium before the next one is written to: [`FileFlash::sync`] is called whenever the writing moves on. Within a page
//! the kernel writes the page as a whole. What is trimmed needs no order: at worst it is delivered twice.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};
use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};

use super::error::SpoolError;

/// Bytes of a page: that of the page cache on every ARM kernel we know but those of 64 KiB, where a write is then longer.
pub const PAGE_BYTES: u32 = 4_096;

/// What the first page begins with: name, form of the file, and form of the store in it (its major version).
const MAGIC: [u8; 16] = *b"edge-spool\0\0\x01\0\x08\0";

/// A medium that a lane lies on.
pub trait Medium: MultiwriteNorFlash<Error = SpoolError> {
    /// Makes everything written so far last; how many bytes that wrote.
    fn sync(&mut self) -> Result<u64, SpoolError>;

    /// Whether what is written now only marks what is no longer needed.
    fn set_trimming(&mut self, trimming: bool);
}

/// A file: one page of header, then what the store calls flash.
#[derive(Debug)]
pub struct FileFlash {
    /// The file.
    file: File,
    /// Bytes behind the header.
    bytes: u32,
    /// The page with data that is not on the medium yet.
    open: Option<u32>,
    /// Pages with marks that are not on the medium yet; more than these are counted when they come up again.
    marked: heapless::Vec<u32, 16>,
    /// Whether marks are written now.
    trimming: bool,
    /// Bytes written by syncs that the store's own writes needed, not told yet.
    untold: u64,
}

impl FileFlash {
    /// Opens or makes the file of `bytes` behind its header. One that is no spool, or of another form or size, is put aside as `NAME.old`,
    /// and whatever was put aside before is removed; the second value says whether that was so.
    ///
    /// # Errors
    /// A file or folder that cannot be made, read or written; [`SpoolError::Busy`] while another process has it. `bytes` must be a multiple of [`PAGE_BYTES`].
    pub fn open(path: &Path, bytes: u32) -> Result<(Self, bool), SpoolError> {
        let file = match reopen(path, bytes) {
            Ok(Some(file)) => return Ok((Self::of(file, bytes), false)),
            Ok(None) => create(path, bytes)?,
            Err(SpoolError::Foreign) => {
                let aside = path.with_extension("old");
                std::fs::rename(path, aside).map_err(SpoolError::io("putting aside what is no spool"))?;
                return Ok((Self::of(create(path, bytes)?, bytes), true));
            }
            Err(error) => return Err(error),
        };
        Ok((Self::of(file, bytes), false))
    }

    /// The file once more.
    ///
    /// # Errors
    /// No descriptor is free.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// A file of this size, emptied.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn blank(file: File, bytes: u32) -> Result<Self, SpoolError> {
        fill(&file, bytes).map_err(SpoolError::io("emptying the spool"))?;
        file.sync_data().map_err(SpoolError::io("emptying the spool"))?;
        Ok(Self::of(file, bytes))
    }

    /// Of a file that is ready.
    fn of(file: File, bytes: u32) -> Self {
        Self { file, bytes, open: None, marked: heapless::Vec::new(), trimming: false, untold: 0 }
    }

    /// Before something is written to the page at `offset`: what another page got is made to last.
    fn turn(&mut self, offset: u32) -> Result<(), SpoolError> {
        let page = offset / PAGE_BYTES;
        if self.trimming {
            if !self.marked.contains(&page) && self.marked.push(page).is_err() {
                self.untold += self.flush()?;
                let _ = self.marked.push(page);
            }
            return Ok(());
        }
        if self.open.is_some_and(|open| open != page) {
            self.untold += self.flush()?;
        }
        self.open = Some(page);
        Ok(())
    }

    /// Writes what is in the page cache; how many bytes.
    fn flush(&mut self) -> Result<u64, SpoolError> {
        let extra = self.open.is_some_and(|open| !self.marked.contains(&open));
        let pages = self.marked.len() as u64 + u64::from(extra);
        if pages > 0 {
            self.file.sync_data().map_err(SpoolError::io("writing the spool to flash"))?;
        }
        self.open = None;
        self.marked.clear();
        Ok(pages * u64::from(PAGE_BYTES))
    }

    /// Where the store's `offset` lies in the file.
    fn place(&self, offset: u32, bytes: usize) -> Result<u64, SpoolError> {
        let end = u64::from(offset) + bytes as u64;
        if end > u64::from(self.bytes) {
            return Err(SpoolError::Corrupt);
        }
        Ok(u64::from(PAGE_BYTES) + u64::from(offset))
    }
}

/// An existing spool of this form and size; `None` when there is no file.
fn reopen(path: &Path, bytes: u32) -> Result<Option<File>, SpoolError> {
    let options = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).clone();
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SpoolError::Io { what: "opening the spool", source }),
    };
    // For this process, until it is closed: two that write the same pages would lose both's.
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| SpoolError::Busy)?;
    let length = file.metadata().map_err(SpoolError::io("looking at the spool"))?.len();
    let mut head = [0; MAGIC.len()];
    let whole = length == u64::from(PAGE_BYTES) + u64::from(bytes);
    if !whole || file.read_exact_at(&mut head, 0).is_err() || head != MAGIC {
        return Err(SpoolError::Foreign);
    }
    Ok(Some(file))
}

/// A new spool with all its blocks taken, so that a full file system cannot stop it later. It gets its name when it is complete; one that
/// cannot be completed leaves nothing behind.
fn create(path: &Path, bytes: u32) -> Result<File, SpoolError> {
    let fresh = path.with_extension("new");
    let made = write_new(&fresh, bytes).and_then(|file| {
        std::fs::rename(&fresh, path)?;
        Ok(file)
    });
    let file = made.map_err(|source| {
        if source.kind() == io::ErrorKind::WouldBlock {
            return SpoolError::Busy;
        }
        let _ = std::fs::remove_file(&fresh);
        SpoolError::Io { what: "making the spool", source }
    })?;
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        // The name as well. Where a folder cannot be synced, the file system keeps its names by itself or nobody can help it.
        let _ = folder.sync_all();
    }
    Ok(file)
}

/// A complete file under a name of its own.
fn write_new(path: &Path, bytes: u32) -> io::Result<File> {
    let options = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .clone();
    let file = options.open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.set_len(0)?;
    // Not every file system can; those that cannot get their blocks by being written to, here as well.
    let _ = fallocate(&file, FallocateFlags::empty(), 0, u64::from(PAGE_BYTES) + u64::from(bytes));
    fill(&file, bytes)?;
    let mut head = [0xFF; PAGE_BYTES as usize];
    for (byte, magic) in head.iter_mut().zip(MAGIC) {
        *byte = magic;
    }
    file.write_all_at(&head, 0)?;
    file.sync_all()?;
    Ok(file)
}

/// Empties every page behind the header.
fn fill(file: &File, bytes: u32) -> io::Result<()> {
    let page = [0xFF; PAGE_BYTES as usize];
    (1..=u64::from(bytes / PAGE_BYTES))
        .try_for_each(|number| file.write_all_at(&page, number * u64::from(PAGE_BYTES)))
}

impl ErrorType for FileFlash {
    type Error = SpoolError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SpoolError> {
        let place = self.place(offset, bytes.len())?;
        self.file.read_exact_at(bytes, place).map_err(SpoolError::io("reading the spool"))
    }

    fn capacity(&self) -> usize {
        self.bytes as usize
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = PAGE_BYTES as usize;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), SpoolError> {
        for offset in (from..to).step_by(PAGE_BYTES as usize) {
            let place = self.place(offset, PAGE_BYTES as usize)?;
            self.turn(offset)?;
            let blank = [0xFF; PAGE_BYTES as usize];
            self.file.write_all_at(&blank, place).map_err(SpoolError::io("emptying a page of the spool"))?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SpoolError> {
        let place = self.place(offset, bytes.len())?;
        self.turn(offset)?;
        self.file.write_all_at(bytes, place).map_err(SpoolError::io("writing to the spool"))
    }
}

impl MultiwriteNorFlash for FileFlash {}

impl Medium for FileFlash {
    fn sync(&mut self) -> Result<u64, SpoolError> {
        Ok(self.flush()? + core::mem::take(&mut self.untold))
    }

    fn set_trimming(&mut self, trimming: bool) {
        self.trimming = trimming;
    }
}
