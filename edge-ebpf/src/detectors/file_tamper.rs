//! `file_tamper`: a process that encrypts, overwrites or deletes many files in a short time.
//!
//! Technique: T1486 (data encrypted for impact), T1485 (data destruction).
//! Hooks: see `sensors/syscall.rs` (tracepoint rung). Upper rungs feed the same [`FileEvidence`].
//! Record: [`edge_abi::FileTamperRecord`], 240 bytes.
//! Cost: one map lookup per write; per rename, unlink or open for writing a path copy and one pass over it; a sample of
//! 128 bytes for at most [`SAMPLES_PER_FILE`] writes per file, and only in a process that harmed `suspicion` files.
//! Blind to (on the tracepoint rung): `io_uring`, writes through shared mappings, a path swapped between look and use,
//! work spread over many processes; sees the count of one file too few when the first file of a process is rewritten
//! under its own name through a temporary file it had opened before anything else was seen of it.
//!
//! # The rule
//! A file is *harmed* when it is renamed away, deleted, emptied, or opened without being created and then written; each
//! file counts once, however many of these befall it. Harm alone is ordinary (an upgrade renames, a cache deletes), so a
//! count is a finding only together with content (three quarters of the sampled writes look encrypted, or are constant)
//! or with names (as many new endings as the threshold), or when deletions alone pass a much higher count.
//!
//! Overwriting in place is counted at the operation *after* the write: a signal sent while a write is about to start
//! makes the kernel skip that write, and counting it first would claim one harmed file too many.

use edge_abi::{FileCounts, FileTamperTuning, TamperReason};

use super::{Report, pace};
use crate::path::RenameShape;
use crate::sample::Sample;
use crate::window::{Turn, quarters, sliding, turn};

/// Files remembered so that one file is not counted twice; an encryptor touches a file two or three times in a row.
const RECENT: usize = 8;
/// Files opened for reading that are remembered, to tell a rewrite from a new file.
const READS: usize = 4;
/// Samples taken per opened file.
pub const SAMPLES_PER_FILE: u32 = 4;

/// Bits of [`FilesState::flags`].
mod flag {
    /// The pending file has been written to.
    pub(super) const WRITTEN: u32 = 1 << 0;
    /// What is being written is packed, so its diversity says nothing.
    pub(super) const PACKED: u32 = 1 << 1;
    /// The one ambiguous operation that is counted as harm, because nothing is known of what came before, is used up.
    pub(super) const CREDIT_USED: u32 = 1 << 2;
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
    /// Identities of the files counted last, a ring.
    recent: [u32; RECENT],
    /// Identities of the files opened for reading last, a ring.
    reads: [u32; READS],
    /// Next slot of `recent`.
    recent_next: u32,
    /// Next slot of `reads`.
    reads_next: u32,
    /// Identity of an existing file opened for overwriting and not yet counted; 0 is none.
    pending: u32,
    /// Bits of [`flag`].
    flags: u32,
    /// Samples still allowed for the file being written.
    sample_budget: u32,
    /// Count at which the next record is due; 0 before the first.
    report_at: u32,
    /// Findings held back since the last record.
    pub held: u32,
    /// Keeps the size a multiple of eight.
    pub reserved: u32,
}

/// One file operation, as any rung can tell it. Files are named by a 32-bit identity: of the path string on the
/// tracepoint rung, of (device, inode) above; 0 when it could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEvidence {
    /// An existing file is emptied (`truncate`).
    Empty(u32),
    /// Opened for reading only.
    OpenRead(u32),
    /// Opened for writing.
    OpenWrite {
        /// The file.
        file: u32,
        /// May be created (`O_CREAT`).
        create: bool,
        /// Must not exist (`O_EXCL` with `O_CREAT`).
        exclusive: bool,
        /// Is emptied (`O_TRUNC`).
        truncate: bool,
    },
    /// Renamed.
    Rename {
        /// Old name.
        old: u32,
        /// New name.
        new: u32,
        /// How they relate.
        shape: RenameShape,
    },
    /// Deleted.
    Unlink(u32),
    /// Data written; what a sample of it looks like.
    Write(Sample),
}

/// What became of one piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing to say.
    Quiet,
    /// A finding.
    Finding(TamperReason, Report),
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
            reserved: 0,
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
            reserved: 0,
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
        let mut same = 0;
        for &known in &self.recent {
            same |= u32::from(known == file);
        }
        same != 0
    }

    /// Whether `file` was opened for reading lately.
    #[inline(always)]
    fn was_read(&self, file: u32) -> bool {
        let mut same = 0;
        for &known in &self.reads {
            same |= u32::from(known == file);
        }
        same != 0
    }

    /// Remembers `file` as counted.
    #[inline(always)]
    fn remember(&mut self, file: u32) {
        if let Some(slot) = self.recent.get_mut(self.recent_next as usize & (RECENT - 1)) {
            *slot = file;
        }
        self.recent_next = self.recent_next.wrapping_add(1);
    }

    /// Counts one file as harmed unless it was counted lately. An unknown file (0) is always another one.
    #[inline(always)]
    fn harm(&mut self, file: u32, now_ns: u64) {
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
    fn settle(&mut self, now_ns: u64) {
        if self.pending != 0 && self.flags & flag::WRITTEN != 0 {
            let file = self.pending;
            self.current.overwrites += 1;
            self.harm(file, now_ns);
        }
        self.pending = 0;
        self.flags &= !flag::WRITTEN;
    }

    /// Whether an ambiguous operation on `file` is a rewrite: the process had read it, or nothing is known of the process.
    #[inline(always)]
    fn rewrites(&mut self, file: u32) -> bool {
        if self.was_read(file) {
            return true;
        }
        let unused = self.flags & flag::CREDIT_USED == 0;
        self.flags |= flag::CREDIT_USED;
        unused
    }

    /// Opens the window that holds `now_ns`.
    #[inline(always)]
    fn advance(&mut self, now_ns: u64, window_ns: u64) {
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
                self.forget_names();
            }
        }
    }
}

/// Takes one piece of evidence into the state and judges.
#[inline(always)]
pub fn observe(
    state: &mut FilesState,
    tuning: &FileTamperTuning,
    evidence: FileEvidence,
    now_ns: u64,
) -> Decision {
    state.advance(now_ns, tuning.window_ns);
    if let FileEvidence::Write(sample) = evidence {
        note_write(state, sample);
        return Decision::Quiet;
    }
    state.settle(now_ns);
    note(state, evidence, now_ns);
    judge(state, tuning, now_ns)
}

/// Counts a write. It is never judged itself, see the module's remark on overwriting in place.
#[inline(always)]
fn note_write(state: &mut FilesState, sample: Sample) {
    state.flags |= flag::WRITTEN;
    match sample {
        Sample::None => {}
        Sample::Packed => state.flags |= flag::PACKED,
        Sample::Low | Sample::High | Sample::Flat => {
            state.current.samples += 1;
            state.current.samples_high += u32::from(matches!(sample, Sample::High));
            state.current.samples_flat += u32::from(matches!(sample, Sample::Flat));
        }
    }
    // A write that was not sampled still ends the beginning of the file.
    state.sample_budget = state.sample_budget.saturating_sub(1);
}

/// Counts anything but a write.
#[inline(always)]
fn note(state: &mut FilesState, evidence: FileEvidence, now_ns: u64) {
    match evidence {
        FileEvidence::Empty(file) => {
            state.current.emptied += 1;
            state.harm(file, now_ns);
        }
        FileEvidence::OpenRead(file) => {
            if let Some(slot) = state.reads.get_mut(state.reads_next as usize & (READS - 1)) {
                *slot = file;
            }
            state.reads_next = state.reads_next.wrapping_add(1);
        }
        FileEvidence::OpenWrite { file, create, exclusive, truncate } => {
            state.sample_budget = SAMPLES_PER_FILE;
            state.flags &= !flag::PACKED;
            if !create {
                if truncate {
                    state.current.emptied += 1;
                    state.harm(file, now_ns);
                } else {
                    state.pending = file;
                }
            } else if truncate && !exclusive && state.rewrites(file) {
                state.current.overwrites += 1;
                state.harm(file, now_ns);
            }
        }
        FileEvidence::Rename { old, new, shape } => {
            state.current.renames += 1;
            if matches!(shape, RenameShape::Arrival) {
                if state.rewrites(new) {
                    state.harm(new, now_ns);
                }
            } else {
                state.current.endings += u32::from(matches!(shape, RenameShape::Ending));
                state.harm(old, now_ns);
                // The same file under its new name.
                state.remember(new);
            }
        }
        FileEvidence::Unlink(file) => {
            state.current.unlinks += 1;
            state.harm(file, now_ns);
        }
        FileEvidence::Write(_) => {}
    }
}

/// The counts of the sliding window.
#[inline(always)]
#[must_use]
pub fn counts(state: &FilesState, tuning: &FileTamperTuning, now_ns: u64) -> FileCounts {
    let share = quarters(state.start_ns, now_ns, tuning.window_ns);
    let (now, before) = (&state.current, &state.previous);
    FileCounts {
        files: sliding(now.files, before.files, share),
        renames: sliding(now.renames, before.renames, share),
        endings: sliding(now.endings, before.endings, share),
        unlinks: sliding(now.unlinks, before.unlinks, share),
        overwrites: sliding(now.overwrites, before.overwrites, share),
        emptied: sliding(now.emptied, before.emptied, share),
        samples: sliding(now.samples, before.samples, share),
        samples_high: sliding(now.samples_high, before.samples_high, share),
        samples_flat: sliding(now.samples_flat, before.samples_flat, share),
        reserved: 0,
    }
}

/// Whether `part` is at least three quarters of `whole`.
#[inline(always)]
fn mostly(part: u32, whole: u32) -> bool {
    part.wrapping_mul(4) >= whole.wrapping_mul(3)
}

/// Decides on the sliding window.
#[inline(always)]
fn judge(state: &mut FilesState, tuning: &FileTamperTuning, now_ns: u64) -> Decision {
    let seen = counts(state, tuning, now_ns);
    let reason = if seen.files >= tuning.threshold {
        // A quarter of the files between suspicion and threshold must have been sampled before content counts.
        let enough = seen.samples > tuning.threshold.saturating_sub(tuning.suspicion) >> 2;
        if enough && mostly(seen.samples_high, seen.samples) {
            TamperReason::EncryptedContent
        } else if seen.endings >= tuning.threshold {
            TamperReason::NewEnding
        } else if (enough && mostly(seen.samples_flat, seen.samples)) || seen.emptied >= tuning.threshold {
            TamperReason::Overwritten
        } else {
            TamperReason::None
        }
    } else {
        TamperReason::None
    };
    let reason = if matches!(reason, TamperReason::None) && seen.unlinks >= tuning.unlink_threshold {
        TamperReason::MassDelete
    } else {
        reason
    };
    if matches!(reason, TamperReason::None) {
        return Decision::Quiet;
    }
    Decision::Finding(reason, pace(&mut state.report_at, seen.files))
}

#[cfg(test)]
#[path = "file_tamper_tests.rs"]
mod tests;
