//! Pages of the program that were needed to start and are not needed to watch.
//!
//! The kernel maps a file's pages sixteen at a time around each one that is touched, so that checking and loading leave nearly the whole
//! program mapped, the packed eBPF object included. Given back, what the running agent needs comes again by itself, from the page cache.

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};

unsafe extern "C" {
    /// First byte of the program as it is mapped, from the linker.
    static __executable_start: u8;
    /// First byte behind its code, from the linker.
    static etext: u8;
}

/// Gives all pages of constants and code back. What fails changes nothing but memory that could have been saved.
pub fn give_back() {
    let page = rustix::param::page_size();
    let (start, end) = ((&raw const __executable_start).addr(), (&raw const etext).addr());
    let (start, end) = (start.next_multiple_of(page), end / page * page);
    let Some(length) = end.checked_sub(start).filter(|length| *length != 0) else { return };
    // SAFETY: between these symbols lie constants and code of this program, mapped from its file and never written to: relocations
    // touch none of them. Dropped pages are read from the file again when they are next needed, with the same contents.
    let given = unsafe { madvise(core::ptr::without_provenance_mut(start), length, Advice::LinuxDontNeed) };
    // Between the segments of some builds nothing is mapped, which is told; the rest was given back all the same (`madvise_walk_vmas`).
    if let Err(error) = given
        && error != Errno::NOMEM
    {
        log::debug!("agent: pages of the start are kept, {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what is mapped of this program's code, in KiB.
    fn resident() -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let code = maps.split_once(" r-xp ").unwrap().1;
        let line = code.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    #[test]
    fn pages_are_given_back_and_come_again() {
        let before = resident();
        give_back();
        let after = resident();
        assert!(after <= before, "{after} KiB are mapped after {before}");
        let page = rustix::param::page_size();
        assert!((&raw const etext).addr() - (&raw const __executable_start).addr() > page);
    }
}
