//! `file_tamper`: a process that encrypts, overwrites or deletes many files in a short time.
//!
//! Technique: T1486 (data encrypted for impact), T1485 (data destruction).
//! Hooks: see `sensors/object/` (LSM and kprobe rungs) and `sensors/syscall.rs` (tracepoint rung). All feed the same [`FileEvidence`].
//! Record: [`edge_abi::FileTamperRecord`], 240 bytes.
//! Cost: one map lookup per write; per rename, unlink or open for writing a path copy and one pass over it; a sample of
//! 128 bytes for at most [`SAMPLES_PER_FILE`] writes per file, and only in a process that harmed `suspicion` files.
//! Blind to (on the tracepoint rung): `io_uring`, a path swapped between look and use, work spread over many origins; of a shared
//! mapping it samples what lies in it when it goes; sees the count of one file too few when the first file of a process is rewritten
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

mod state;

use super::{Report, pace};
use crate::path::RenameShape;
use crate::sample::Sample;
use crate::window::{quarters, sliding};
use state::flag;
pub use state::{FilesState, SAMPLES_PER_FILE};

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

/// The identity of a file by its file system's device number and its inode number; never 0.
#[inline(always)]
#[must_use]
pub fn identity(dev: u32, ino: u64) -> u32 {
    // Multiplied by a large odd number, so that neighbouring inodes are far apart in the upper half.
    let mixed = (ino ^ (u64::from(dev) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32 | 1
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
        state.note_write(sample);
        return Decision::Quiet;
    }
    state.settle(now_ns);
    note(state, evidence, now_ns);
    judge(state, tuning, now_ns)
}

/// The same for the state of a whole origin. Only an operation that harms a file itself is judged, and deleting one harms it
/// only when it was read before: whoever cleans up after an attack in the same session is not the attacker.
#[inline(always)]
pub fn observe_origin(
    state: &mut FilesState,
    tuning: &FileTamperTuning,
    evidence: FileEvidence,
    now_ns: u64,
) -> Decision {
    state.advance(now_ns, tuning.window_ns);
    let before = state.current.files;
    state.settle(now_ns);
    match evidence {
        FileEvidence::Unlink(file) if !state.was_read(file) => state.current.unlinks += 1,
        other => note(state, other, now_ns),
    }
    if state.current.files == before {
        return Decision::Quiet;
    }
    judge(state, tuning, now_ns)
}

/// Counts anything but a write.
#[inline(always)]
fn note(state: &mut FilesState, evidence: FileEvidence, now_ns: u64) {
    match evidence {
        FileEvidence::Empty(file) => {
            state.current.emptied += 1;
            state.harm(file, now_ns);
        }
        FileEvidence::OpenRead(file) => state.note_read(file),
        FileEvidence::OpenWrite { file, create, exclusive, truncate } => {
            state.opened = file;
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
        of_origin: 0,
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
    let reason = standing(state, tuning, now_ns);
    if matches!(reason, TamperReason::None) {
        return Decision::Quiet;
    }
    let share = quarters(state.start_ns, now_ns, tuning.window_ns);
    let files = sliding(state.current.files, state.previous.files, share);
    Decision::Finding(reason, pace(&mut state.report_at, files))
}

/// Why what is counted in the sliding window is a finding now; [`TamperReason::None`] while it is none.
#[inline(always)]
#[must_use]
pub fn standing(state: &FilesState, tuning: &FileTamperTuning, now_ns: u64) -> TamperReason {
    let most = |now: u32, before: u32| now.wrapping_add(before);
    if most(state.current.files, state.previous.files) < tuning.threshold
        && most(state.current.unlinks, state.previous.unlinks) < tuning.unlink_threshold
    {
        // The window holds at most both: nearly every operation of nearly every process ends here.
        return TamperReason::None;
    }
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
    if matches!(reason, TamperReason::None) && seen.unlinks >= tuning.unlink_threshold {
        TamperReason::MassDelete
    } else {
        reason
    }
}

#[cfg(test)]
mod tests;
