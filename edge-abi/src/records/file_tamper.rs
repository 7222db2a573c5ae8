//! The record of `file_tamper`.

use bytemuck::{Pod, Zeroable};

use crate::{Header, PATH_BYTES};

/// What `file_tamper` counts in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FileCounts {
    /// Files harmed: renamed away, deleted, emptied or overwritten; each counted once.
    pub files: u32,
    /// Renames.
    pub renames: u32,
    /// Of these, to the same name with a new ending that is not a rotation number.
    pub endings: u32,
    /// Deletions of files.
    pub unlinks: u32,
    /// Files overwritten in place, or emptied and written anew.
    pub overwrites: u32,
    /// Existing files emptied by `O_TRUNC` without `O_CREAT`, or by `truncate`.
    pub emptied: u32,
    /// Writes sampled.
    pub samples: u32,
    /// Samples at or above the diversity that looks encrypted.
    pub samples_high: u32,
    /// Samples of at most two distinct values.
    pub samples_flat: u32,
    /// 1 when these are the counts of a whole origin over the long window, not of one process.
    pub of_origin: u32,
}

/// Why `file_tamper` decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TamperReason {
    /// Not judged.
    None = 0,
    /// Three quarters of the samples looked encrypted.
    EncryptedContent = 1,
    /// As many files as the threshold got a new ending.
    NewEnding = 2,
    /// Three quarters of the samples were constant, or as many files as the threshold were emptied.
    Overwritten = 3,
    /// The deletion threshold was passed.
    MassDelete = 4,
}

impl TamperReason {
    /// The reason numbered `raw`; `None` for 0 and for numbers of another ABI.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::EncryptedContent),
            2 => Some(Self::NewEnding),
            3 => Some(Self::Overwritten),
            4 => Some(Self::MassDelete),
            _ => None,
        }
    }
}

/// A process passed a threshold of `file_tamper`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct FileTamperRecord {
    /// Common head; `first_ns` is the first harm in the window.
    pub header: Header,
    /// Counts of the sliding window at the decision.
    pub counts: FileCounts,
    /// Length of the window, in nanoseconds.
    pub window_ns: u64,
    /// Number of the file system that `path` is a path of, in the kernel's own form; 0 when it is as the process gave it.
    pub device: u32,
    /// Bytes of `path`, without its NUL; 0 when it could not be read.
    pub path_len: u16,
    /// [`TamperReason`].
    pub reason: u8,
    /// Keeps the size a multiple of eight.
    pub reserved: u8,
    /// The path of the deciding operation.
    pub path: [u8; PATH_BYTES],
}
