//! Devices by number: what `device_tamper` and `bus_flood` watch whatever a node is called.
//!
//! Numbers that the kernel fixes stand here (`Documentation/admin-guide/devices.txt`); drivers that get theirs when they load are found
//! in `/proc/devices`, serial lines in `/proc/tty/drivers`.

use edge_abi::{DEVICE_MAJOR_BYTES, Detector, device_key, reason};

/// `S_IFCHR` and `S_IFBLK` shifted right by 12.
const CHARACTER: u8 = 2;
/// See [`CHARACTER`].
const BLOCK: u8 = 6;

/// A device number, and whose business it is to write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// The key that finds it.
    pub key: Vec<u8>,
    /// Who watches.
    pub detector: Detector,
    /// One of [`edge_abi::reason`].
    pub reason: u8,
}

/// Minor numbers of one serial driver that get keys of their own; one with more gets its major number.
const MINORS: u32 = 16;

/// Numbers that stand for everything of one major number: kind, first, last, reason.
const MAJORS: [(u8, u32, u32, u8); 8] = [
    (CHARACTER, 90, 90, reason::FLASH),
    (BLOCK, 31, 31, reason::FLASH),
    (BLOCK, 7, 7, reason::DISK),
    (BLOCK, 8, 8, reason::DISK),
    (BLOCK, 65, 71, reason::DISK),
    (BLOCK, 128, 135, reason::DISK),
    (BLOCK, 179, 179, reason::DISK),
    // Partitions that found no place in their disk's range, and all of NVMe.
    (BLOCK, 259, 259, reason::DISK),
];

/// Single devices: `/dev/mem`, `/dev/kmem`, `/dev/port`, and the first watchdog.
const SINGLE: [(u32, u32, u8); 4] = [
    (1, 1, reason::MEMORY_DEVICE),
    (1, 2, reason::MEMORY_DEVICE),
    (1, 4, reason::MEMORY_DEVICE),
    (10, 130, reason::WATCHDOG),
];

/// Drivers by the beginning of their name in `/proc/devices`.
const DRIVERS: [(u8, &str, u8); 9] = [
    (CHARACTER, "mtd", reason::FLASH),
    (CHARACTER, "ubi", reason::FLASH),
    (CHARACTER, "watchdog", reason::WATCHDOG),
    (BLOCK, "mtdblock", reason::FLASH),
    (BLOCK, "ubiblock", reason::FLASH),
    (BLOCK, "device-mapper", reason::DISK),
    (BLOCK, "virtblk", reason::DISK),
    (BLOCK, "mmc", reason::DISK),
    (BLOCK, "nvme", reason::DISK),
];

/// A key for all of a major number.
fn major(kind: u8, number: u32, detector: Detector, reason: u8) -> Device {
    let mut key = device_key(kind, number, 0).to_vec();
    key.truncate(DEVICE_MAJOR_BYTES);
    Device { key, detector, reason }
}

/// A key for one device.
pub(super) fn single(kind: u8, (major, minor): (u32, u32), detector: Detector, reason: u8) -> Device {
    let mut key = device_key(kind, major, minor).to_vec();
    key.truncate(DEVICE_MAJOR_BYTES + 4);
    Device { key, detector, reason }
}

/// What `device_tamper` watches, given `/proc/devices`.
pub(super) fn tampering(devices: &str) -> Vec<Device> {
    const DETECTOR: Detector = Detector::DeviceTamper;
    let mut found: Vec<Device> = MAJORS
        .iter()
        .flat_map(|(kind, first, last, reason)| {
            (*first..=*last).map(|number| major(*kind, number, DETECTOR, *reason))
        })
        .chain(
            SINGLE
                .iter()
                .map(|(major, minor, reason)| single(CHARACTER, (*major, *minor), DETECTOR, *reason)),
        )
        .collect();
    let mut section = CHARACTER;
    for line in devices.lines() {
        if line.starts_with("Block") {
            section = BLOCK;
        }
        let Some((number, name)) = line.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        let driver = DRIVERS.iter().find(|(kind, driver, _)| *kind == section && name.starts_with(driver));
        if let Some((kind, _, reason)) = driver {
            let device = major(*kind, number, DETECTOR, *reason);
            if !found.iter().any(|known| known.key == device.key) {
                found.push(device);
            }
        }
    }
    found
}

/// The lines of `bus_flood` among the serial drivers, given `/proc/tty/drivers` and the beginnings of the paths that it watches.
pub(super) fn lines(drivers: &str, watched: &[&str]) -> Vec<Device> {
    let rows: Vec<(&str, u32, u32, u32)> = drivers.lines().filter_map(row).collect();
    let is_line = |path: &str| watched.iter().any(|wanted| path.starts_with(wanted));
    let mut found: Vec<Device> = Vec::new();
    for (path, number, first, last) in rows.iter().copied().filter(|row| is_line(row.0)) {
        let alone = rows.iter().all(|other| other.1 != number || is_line(other.0));
        let detector = Detector::BusFlood;
        if alone {
            found.push(major(CHARACTER, number, detector, reason::SOLE));
            continue;
        }
        let minors = (first..=last).take(MINORS as usize);
        found.extend(minors.map(|minor| single(CHARACTER, (number, minor), detector, reason::SOLE)));
        if last - first >= MINORS {
            log::debug!("load: lines of {path} above minor {} are known by name alone", first + MINORS - 1);
        }
    }
    found.sort_by(|left, right| left.key.cmp(&right.key));
    found.dedup();
    found
}

/// One row of `/proc/tty/drivers`: path, major number, first and last minor number. `show_tty_driver` in `fs/proc/proc_tty.c`.
fn row(line: &str) -> Option<(&str, u32, u32, u32)> {
    let mut fields = line.split_ascii_whitespace();
    let (path, number, minors) = (fields.nth(1)?, fields.next()?, fields.next()?);
    let (first, last) = minors.split_once('-').unwrap_or((minors, minors));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((path, number.parse().ok()?, first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICES: &str = "Character devices:\n  1 mem\n 90 mtd\n246 ubi0\n245 watchdog\n\nBlock devices:\n  7 loop\n253 device-mapper\n254 virtblk\n259 blkext\n";
    const DRIVERS: &str = "/dev/tty             /dev/tty        5       0 system:/dev/tty\n\
        serial               /dev/ttyS       4 64-67 serial\n\
        usbserial            /dev/ttyUSB   188 0-511 serial\n\
        unknown              /dev/tty        4 1-63 console\n\
        broken               /dev/ttyS       4 x-3 serial\n";

    fn find(devices: &[Device], kind: u8, number: u32) -> Option<u8> {
        let key = major(kind, number, Detector::DeviceTamper, 0).key;
        devices.iter().find(|device| device.key == key).map(|device| device.reason)
    }

    #[test]
    fn fixed_and_dynamic_numbers_are_watched_once() {
        let found = tampering(DEVICES);
        assert_eq!(find(&found, CHARACTER, 246), Some(reason::FLASH), "ubi");
        assert_eq!(find(&found, CHARACTER, 245), Some(reason::WATCHDOG));
        assert_eq!(find(&found, BLOCK, 253), Some(reason::DISK), "device-mapper");
        assert_eq!(find(&found, BLOCK, 7), Some(reason::DISK));
        assert_eq!(find(&found, CHARACTER, 1), None, "/dev/null has the same major number as /dev/mem");
        for device in &found {
            assert_eq!(found.iter().filter(|other| other.key == device.key).count(), 1);
        }
        assert_eq!(tampering("").len(), tampering(DEVICES).len() - 4);
    }

    #[test]
    fn serial_lines_beside_consoles_are_told_apart() {
        let found = lines(DRIVERS, &["/dev/ttyS", "/dev/ttyUSB"]);
        let keys: Vec<_> = found.iter().map(|device| device.key.clone()).collect();
        let line = |minor| single(CHARACTER, (4, minor), Detector::BusFlood, 0).key;
        for minor in 64..68 {
            assert!(keys.contains(&line(minor)));
        }
        assert!(!keys.contains(&line(1)), "a console is no bus");
        assert!(keys.contains(&major(CHARACTER, 188, Detector::BusFlood, 0).key));
        assert_eq!(keys.len(), 5);
        assert!(lines(DRIVERS, &[]).is_empty());
    }
}
