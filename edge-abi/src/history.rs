//! What happened lately, kept in the kernel for whoever hunts later: nothing is sent up until somebody asks.

use bytemuck::{Pod, Zeroable};

/// Entries kept: a power of two.
pub const HISTORY_SLOTS: u32 = 256;

/// Bytes of a path that are kept, or of an address.
pub const HISTORY_TEXT: usize = 48;

/// Values of [`HistoryEntry::kind`].
pub mod history_kind {
    /// A program was executed; `text` is its path, cut.
    pub const EXEC: u8 = 1;
    /// A connection was tried; `text` begins with the address in network order.
    pub const CONNECT: u8 = 2;
}

/// One event. An entry of zeros is one that has not happened yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct HistoryEntry {
    /// `CLOCK_BOOTTIME`, in nanoseconds.
    pub time_ns: u64,
    /// The process.
    pub tgid: u32,
    /// Its parent; 0 when unknown or not asked for.
    pub parent: u32,
    /// Its real user id.
    pub uid: u32,
    /// One of [`history_kind`].
    pub kind: u8,
    /// 4, 6, or 0 without an endpoint.
    pub family: u8,
    /// Port in host byte order; 0 without an endpoint.
    pub port: u16,
    /// What the kind says.
    pub text: [u8; HISTORY_TEXT],
}
