//! What a process has in memory, as its kernel counts it page by page.

use std::error::Error;

use crate::vm::Arch;

/// Resident memory. Only what is `anonymous` can be a buffer that grows: the rest are pages of the program's file, mapped sixteen at a time as they
/// are needed and taken back when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All of it, in KiB.
    pub resident_kib: u64,
    /// What no file stands behind: heap, stack, and data that was written to; in KiB.
    pub anonymous_kib: u64,
}

/// The promise for steady resident memory, in KiB: 1.2 MB on armv7, 2.0 MB on aarch64.
#[must_use]
pub const fn promised_kib(arch: Arch) -> u64 {
    match arch {
        Arch::Armhf => 1_200_000 / 1024,
        Arch::Arm64 => 2_000_000 / 1024,
    }
}

impl Memory {
    /// Reads `/proc/PID/smaps_rollup` (since Linux 4.14). The sums of `status` are behind by up to 64 pages for each processor.
    pub fn parse(rollup: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { resident_kib: field(rollup, "Rss:")?, anonymous_kib: field(rollup, "Anonymous:")? })
    }

    /// What a process on this machine has.
    pub fn of(pid: u32) -> Result<Self, Box<dyn Error>> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?)
    }

    /// By how much more is anonymous than `before`, in KiB.
    #[must_use]
    pub fn grown_since(self, before: Self) -> u64 {
        self.anonymous_kib.saturating_sub(before.anonymous_kib)
    }
}

/// A size in KiB.
fn field(rollup: &str, name: &str) -> Result<u64, String> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    let size =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|size| size.trim().parse().ok());
    size.ok_or_else(|| format!("smaps_rollup has no `{name}`: {rollup}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_a_missing_one_is_named() {
        let rollup = "00400000-7ffd0000 ---p 00000000 00:00 0 [rollup]\nRss:                1156 kB\nPss:  9 kB\nAnonymous:           212 kB\n";
        let memory = Memory::parse(rollup).unwrap();
        assert_eq!((memory.resident_kib, memory.anonymous_kib), (1_156, 212));
        assert_eq!(memory.grown_since(Memory { anonymous_kib: 200, ..memory }), 12);
        assert_eq!(memory.grown_since(Memory { anonymous_kib: 300, ..memory }), 0);
        assert!(Memory::parse("Rss: 7 kB\n").unwrap_err().to_string().contains("`Anonymous:`"));
    }

    #[test]
    fn what_is_written_to_is_anonymous() {
        let before = Memory::of(std::process::id()).unwrap();
        let written = vec![1_u8; 8 << 20];
        let grown = Memory::of(std::process::id()).unwrap().grown_since(before);
        assert!((8 << 10..16 << 10).contains(&grown), "{grown} KiB for {} bytes", written.len());
    }
}
