//! The major numbers of the devices that `device_tamper` looks at, for its cgroup program.

use std::fs;

use aya::maps::MapError;
use edge_abi::{MAJOR_SLOTS, major_slot, reason};

use super::maps::Maps;

/// Drivers by the name under which `/proc/devices` lists them, and what writing to their devices means. A name that ends in `*`
/// stands for what begins with it.
const CHARACTER: [(&str, u8); 3] =
    [("mtd", reason::FLASH), ("ubi*", reason::FLASH), ("watchdog", reason::WATCHDOG)];

/// The same for block devices. Loop devices are not among them: mounting an image is everyday work.
const BLOCK: [(&str, u8); 9] = [
    ("mtdblock", reason::FLASH),
    ("ubiblock", reason::FLASH),
    ("mmc", reason::DISK),
    ("sd", reason::DISK),
    ("virtblk", reason::DISK),
    // Partitions beyond a driver's own numbers, and NVMe.
    ("blkext", reason::DISK),
    ("device-mapper", reason::DISK),
    ("md", reason::DISK),
    ("ide*", reason::DISK),
];

/// Numbers that never change (`Documentation/admin-guide/devices.txt`), whether or not their driver is loaded yet.
const FIXED: [(bool, u32, u8); 7] = [
    (false, 90, reason::FLASH),
    (true, 31, reason::FLASH),
    (true, 179, reason::DISK),
    (true, 8, reason::DISK),
    (true, 3, reason::DISK),
    (true, 22, reason::DISK),
    (true, 259, reason::DISK),
];

/// The table of the kernel side, from the text of `/proc/devices`.
fn table(devices: &str) -> [u8; MAJOR_SLOTS] {
    let mut table = [0; MAJOR_SLOTS];
    let mut set = |block, major, reason| {
        if let Some(slot) = table.get_mut(major_slot(block, major)) {
            *slot = reason;
        }
    };
    for (block, major, reason) in FIXED {
        set(block, major, reason);
    }
    let mut block = false;
    for line in devices.lines() {
        block |= line.starts_with("Block");
        let Some((major, name)) = line.trim_start().split_once(' ') else { continue };
        let known: &[(&str, u8)] = if block { &BLOCK } else { &CHARACTER };
        let fits = |(known, _): &&(&str, u8)| {
            known.strip_suffix('*').map_or(*known == name, |start| name.starts_with(start))
        };
        if let (Ok(major), Some((_, reason))) = (major.parse(), known.iter().find(fits)) {
            set(block, major, *reason);
        }
    }
    table
}

/// Writes it. Drivers that are loaded later are found at the next call.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn write(maps: &mut Maps) -> Result<(), MapError> {
    maps.majors.set(0, table(&fs::read_to_string("/proc/devices").unwrap_or_default()), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_found_by_name_in_their_own_list() {
        let devices = "Character devices:\n  1 mem\n 10 misc\n 90 mtd\n249 watchdog\n250 ubi0\n\n\
                       Block devices:\n  7 loop\n  8 sd\n254 virtblk\n253 device-mapper\n259 blkext\n";
        let table = table(devices);
        let of = |block, major| table[major_slot(block, major)];
        assert_eq!(
            (of(false, 249), of(false, 250), of(false, 90)),
            (reason::WATCHDOG, reason::FLASH, reason::FLASH)
        );
        assert_eq!((of(true, 254), of(true, 253), of(true, 179)), (reason::DISK, reason::DISK, reason::DISK));
        assert_eq!((of(true, 7), of(false, 1), of(false, 8)), (0, 0, 0), "loop, mem by its minor, no disk");
    }

    #[test]
    fn odd_text_gives_the_fixed_numbers() {
        for text in ["", "Block devices:\nx y\n 99999999999 mtd\n-1 mtd\n", "mtd"] {
            assert_eq!(table(text), table(""), "{text}");
        }
        assert_eq!(table("")[major_slot(true, 179)], reason::DISK);
    }
}
