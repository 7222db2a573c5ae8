//! What `file_tamper` remembers of one process, and how a file comes to be counted once.

use edge_abi::{FileCounts, FileTamperTuning};

use crate::sample::Sample;
use crate::window::{Turn, turn};

/// Files remembered so that one file is not counted twice; an encryptor touches a file two or three times in a row.
const RECENT: usize = 8;
/// Files opened for reading that are remembered, to tell a rewrite from a new file.
const READS: usize = 4;
/// Samples taken per opened file.
pub const SAMPLES_PER_FILE: u32 = 4;

/// Bits of [`FilesState::flags`].
pub(super) mod flag {
    /// The pending file has been written to.
    pub(crate) const WRITTEN: u32 = 1 << 0;
    /// What is being written is packed, so its diversity says nothing.
    pub(crate) const PACKED: u32 = 1 << 1;
    /// The one ambiguous operation that is counted as harm, because nothing is known of what came before, is used up.
    pub(crate) const CREDIT_USED: u32 = 1 << 2;
    /// The pending file is mapped shared and writable.
    pub(crate) const MAPPED: u32 = 1 << 3;
}

/// What is remembered of one process; a value of the `FILES` map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FilesState {
    /// Begin of the current window; 0 in a new state.
    pub start_ns: u64,
    /// First harm counted in the sliding window.
    pub first_ns: u64,
    /// First harm of the current window, which becomes `first_ns` when the previous one has faded.
    pub current_first_ns: u64,
    /// Counts of the current window.
    pub current: FileCounts,
    /// Counts of the window before.
    pub previous: FileCounts,
    /// Which files were counted because they were written without having been opened last: a bit each, by identity. A process that
    /// writes to some files in turn must not count them again and again.
    written: u64,
    /// Identities of the files counted last, a ring.
    recent: [u32; RECENT],
    /// Identities of the files opened for reading last, a ring.
    reads: [u32; READS],
    /// Next slot of `recent`.
    recent_next: u32,
    /// Next slot of `reads`.
    reads_next: u32,
    /// Identity of an existing file opened for overwriting and not yet counted; 0 is none.
    pub(super) pending: u32,
    /// Bits of [`flag`].
    pub(super) flags: u32,
    /// Samples still allowed for the file being written.
    pub(super) sample_budget: u32,
    /// Count at which the next record is due; 0 before the first.
    pub(super) report_at: u32,
    /// Findings held back since the last record.
    pub held: u32,
    /// Identity of the file opened for writing last, whether it was there before or not; 0 is none.
    pub(super) opened: u32,
}

impl Default for FilesState {
    fn default() -> Self {
        Self::new()
    }
}

impl FilesState {
    /// Of a process nothing is known of.
    #[must_use]
    pub const fn new() -> Self {
        const NOTHING: FileCounts = FileCounts {
            files: 0,
            renames: 0,
            endings: 0,
            unlinks: 0,
            overwrites: 0,
            emptied: 0,
            samples: 0,
            samples_high: 0,
            samples_flat: 0,
            of_origin: 0,
        };
        Self {
            start_ns: 0,
            first_ns: 0,
            current_first_ns: 0,
            current: NOTHING,
            previous: NOTHING,
            recent: [0; RECENT],
            reads: [0; READS],
            recent_next: 0,
            reads_next: 0,
            pending: 0,
            flags: 0,
            sample_budget: 0,
            report_at: 0,
            held: 0,
            written: 0,
            opened: 0,
        }
    }

    /// Whether the next write should be sampled.
    #[inline(always)]
    #[must_use]
    pub fn wants_sample(&self, tuning: &FileTamperTuning) -> bool {
        self.sample_budget != 0
            && self.flags & flag::PACKED == 0
            && self.current.files.wrapping_add(self.previous.files) >= tuning.suspicion
    }

    /// Whether the next write begins a file, so that its first bytes may tell a packed format.
    #[inline(always)]
    #[must_use]
    pub fn at_file_start(&self) -> bool {
        self.sample_budget == SAMPLES_PER_FILE
    }

    /// Forgets what was read: after a change of directory the same relative name is another file.
    #[inline(always)]
    pub fn forget_names(&mut self) {
        self.recent = [0; RECENT];
        self.reads = [0; READS];
    }

    /// Whether `file` was counted lately.
    #[inline(always)]
    fn counted(&self, file: u32) -> bool {
        // Written out: a loop costs three times as much, and this is asked at every rename.
        let [first, second, third, fourth, fifth, sixth, seventh, eighth] = &self.recent;
        *first == file
            || *second == file
            || *third == file
            || *fourth == file
            || *fifth == file
            || *sixth == file
            || *seventh == file
            || *eighth == file
    }

    /// Whether `file` was opened for reading lately.
    #[inline(always)]
    pub(super) fn was_read(&self, file: u32) -> bool {
        let [first, second, third, fourth] = &self.reads;
        *first == file || *second == file || *third == file || *fourth == file
    }

    /// Remembers `file` as opened for reading.
    #[inline(always)]
    pub(super) fn note_read(&mut self, file: u32) {
        if let Some(slot) = self.reads.get_mut(self.reads_next as usize & (READS - 1)) {
            *slot = file;
        }
        self.reads_next = self.reads_next.wrapping_add(1);
    }

    /// Remembers `file` as counted.
    #[inline(always)]
    pub(super) fn remember(&mut self, file: u32) {
        if let Some(slot) = self.recent.get_mut(self.recent_next as usize & (RECENT - 1)) {
            *slot = file;
        }
        self.recent_next = self.recent_next.wrapping_add(1);
    }

    /// Counts one file as harmed unless it was counted lately. An unknown file (0) is always another one.
    #[inline(always)]
    pub(super) fn harm(&mut self, file: u32, now_ns: u64) {
        if file != 0 {
            if self.counted(file) {
                return;
            }
            self.remember(file);
        }
        self.current.files += 1;
        if self.current_first_ns == 0 {
            self.current_first_ns = now_ns;
        }
        if self.first_ns == 0 {
            self.first_ns = now_ns;
        }
    }

    /// Counts the file that was opened for overwriting, if it has been written to since.
    #[inline(always)]
    pub(super) fn settle(&mut self, now_ns: u64) {
        if self.pending != 0 && self.flags & flag::WRITTEN != 0 {
            let file = self.pending;
            self.current.overwrites += 1;
            self.harm(file, now_ns);
        }
        self.pending = 0;
        self.flags &= !(flag::WRITTEN | flag::MAPPED);
    }

    /// Whether an ambiguous operation on `file` is a rewrite: the process had read it, or nothing is known of the process.
    #[inline(always)]
    pub(super) fn rewrites(&mut self, file: u32) -> bool {
        if self.was_read(file) {
            return true;
        }
        let unused = self.flags & flag::CREDIT_USED == 0;
        self.flags |= flag::CREDIT_USED;
        unused
    }

    /// Counts a write. It is never judged itself, see the module's remark on overwriting in place.
    #[inline(always)]
    pub fn note_write(&mut self, sample: Sample) {
        self.flags |= flag::WRITTEN;
        match sample {
            Sample::None => {}
            Sample::Packed => self.flags |= flag::PACKED,
            Sample::Low | Sample::High | Sample::Flat => {
                self.current.samples += 1;
                self.current.samples_high += u32::from(matches!(sample, Sample::High));
                self.current.samples_flat += u32::from(matches!(sample, Sample::Flat));
            }
        }
        // A write that was not sampled still ends the beginning of the file.
        self.sample_budget = self.sample_budget.saturating_sub(1);
    }

    /// Whether a write to `file` is one to the file opened last, of which all is known.
    #[inline(always)]
    #[must_use]
    pub fn is_opened(&self, file: u32) -> bool {
        self.opened == file
    }

    /// Whether `file` is not among those that were written without having been opened last; it is from now on. Of 64 files some share
    /// their bit: thirty are counted after about forty.
    #[inline(always)]
    pub fn is_first_write(&mut self, file: u32) -> bool {
        let bit = 1 << ((file >> 1) & 63);
        let seen = self.written & bit != 0;
        self.written |= bit;
        !seen
    }

    /// The file opened last is mapped so that it can be written unseen, and is taken for written.
    #[inline(always)]
    pub fn note_written_mapping(&mut self) {
        if self.pending != 0 {
            self.flags |= flag::MAPPED | flag::WRITTEN;
        }
    }

    /// The file opened last is being mapped so that it can be written without a syscall.
    #[inline(always)]
    pub fn note_mapping(&mut self) {
        if self.pending != 0 {
            self.flags |= flag::MAPPED;
        }
    }

    /// Whether something is mapped that way.
    #[inline(always)]
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        self.flags & flag::MAPPED != 0
    }

    /// The file opened last is emptied through its descriptor.
    #[inline(always)]
    pub fn note_emptied(&mut self, now_ns: u64) {
        let file = self.pending;
        if file != 0 {
            self.current.emptied += 1;
            self.harm(file, now_ns);
        }
    }

    /// Opens the window that holds `now_ns`.
    #[inline(always)]
    pub(super) fn advance(&mut self, now_ns: u64, window_ns: u64) {
        match turn(&mut self.start_ns, now_ns, window_ns) {
            Turn::Same => {}
            Turn::Next => {
                self.previous = self.current;
                self.current = FileCounts::default();
                self.first_ns = self.current_first_ns;
                self.current_first_ns = 0;
            }
            Turn::Fresh => {
                self.previous = FileCounts::default();
                self.current = FileCounts::default();
                self.first_ns = 0;
                self.current_first_ns = 0;
                self.pending = 0;
                self.flags &= !flag::WRITTEN;
                self.report_at = 0;
                self.written = 0;
                self.forget_names();
            }
        }
    }
}
