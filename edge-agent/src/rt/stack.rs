//! Stack that starting up has used and nothing uses any more: its pages would stay resident for years (about 90 KiB on armv7).

use std::fs;

/// Bytes below the caller's frame that are left alone: what it calls next needs them at once.
const MARGIN: usize = 16 * 1024;

/// Gives back the pages of the main thread's stack that lie below the caller's frame. Does nothing on another thread, or when the stack
/// cannot be found.
///
/// Never inlined: its frame must lie below all of the caller's, however large that is, or a part of it would be given away.
#[inline(never)]
pub fn give_back() {
    let marker = 0_u8;
    let here = (&raw const marker).addr();
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some((low, high)) = main_stack(&maps) else { return };
    // Whole pages: the kernel rounds up the length, never the start, which is one of its own.
    let page = rustix::param::page_size();
    let end = here.saturating_sub(MARGIN) / page * page;
    if !(low..high).contains(&here) || end <= low {
        return;
    }
    // SAFETY: `low..end` is a part of this thread's own stack, below every live frame and the margin for calls to come; what is there is
    // dead (this function is not inlined, so that its frame is the lowest), and reads as zeros from now on. Needed, since nothing else gives stack back. That it is refused does no harm.
    let _ = unsafe { libc::madvise(core::ptr::without_provenance_mut(low), end - low, libc::MADV_DONTNEED) };
}

/// Where the main thread's stack lies, from the text of `/proc/self/maps`.
fn main_stack(maps: &str) -> Option<(usize, usize)> {
    let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
    let (low, high) = line.split_once(' ')?.0.split_once('-')?;
    let number = |hex| usize::from_str_radix(hex, 16).ok();
    Some((number(low)?, number(high)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_is_found_by_its_name() {
        let maps = "00010000-0004e000 r--p 00000000 00:01 27 /usr/bin/edge-agent\nbeac2000-beae3000 rw-p 00000000 00:00 0 [stack]\n";
        assert_eq!(main_stack(maps), Some((0xbeac_2000, 0xbeae_3000)));
        for odd in ["", "x [stack]", "zz-1 rw-p [stack]"] {
            assert_eq!(main_stack(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_in_use_stays() {
        let kept = [7_u8; 4096];
        give_back();
        assert!(core::hint::black_box(&kept).iter().all(|byte| *byte == 7));
    }
}
