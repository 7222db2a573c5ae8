//! Whether this machine forgets everything when it stops.

use std::fs;

/// Whether `/` is in memory, as in a guest that lives on its initramfs. A disk, an overlay over one, or a mount table that
/// cannot be read is none of that.
pub(super) fn is_throw_away() -> bool {
    fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| root_is_in_memory(&mounts))
}

/// Whether a mount table's last entry for `/` is a file system in memory.
fn root_is_in_memory(mounts: &str) -> bool {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            (words.next()? == "/").then_some(words.next()?)
        })
        .next_back()
        .is_some_and(|kind| matches!(kind, "rootfs" | "ramfs" | "tmpfs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_root_decides() {
        assert!(root_is_in_memory("rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n"));
        assert!(!root_is_in_memory("rootfs / rootfs rw 0 0\n/dev/vda / ext4 rw 0 0\n"));
        assert!(!root_is_in_memory("tmpfs /tmp tmpfs rw 0 0\n"));
        assert!(!root_is_in_memory(""));
    }
}
