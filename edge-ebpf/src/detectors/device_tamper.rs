//! `device_tamper`: flash, disks, memory or the watchdog taken in hand by a program that has no business with them.
//!
//! Technique: T1495 (firmware corruption), T1561 (disk wipe), T1562.001 (the watchdog).
//! Hooks: `BPF_CGROUP_DEVICE` (Linux 4.15; used from 6.1, where it can tell the process), see `sensors/device.rs`, which can refuse;
//! elsewhere, opens for writing are watched paths (`sensors/watch.rs`); `ioctl` through `sensors/acts.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the command of an `ioctl`; on the cgroup rung the number of the device, major << 20 |
//! minor; else 0. The path is that of the open, on the cgroup rung the kernel's name for the device.
//! Cost: a look at the command of each `ioctl`.
//! Blind to (on the tracepoint rung): a device node under another name, unless its own name is a watched one; a descriptor that
//! was opened by an allowed program and handed over, except for the commands below.

use edge_abi::{major_slot, reason};

use super::Sighting;

/// `WDIOC_SETOPTIONS` (`include/uapi/linux/watchdog.h`).
const SET_OPTIONS: u32 = 0x8004_5704;

/// `WDIOS_DISABLECARD`.
const DISABLE: u32 = 1;

/// Kind and number of `MEMERASE`, `MEMWRITEOOB`, `MEMERASE64`, `MEMWRITEOOB64`, `MEMWRITE` (`include/uapi/mtd/mtd-abi.h`). Their
/// sizes differ between machines; sound mixers use the same letter with four bytes.
const FLASH: [u32; 5] = [0x4d02, 0x4d03, 0x4d14, 0x4d15, 0x4d18];

/// `BLKDISCARD`, `BLKSECDISCARD`, `BLKZEROOUT` (`include/uapi/linux/fs.h`).
const DISK: [u32; 3] = [0x1277, 0x127d, 0x127f];

/// A device node and what is asked of it, as `struct bpf_cgroup_dev_ctx` has it (`include/uapi/linux/bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Access in the upper half, kind of device in the lower.
    pub access: u32,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// `BPF_DEVCG_DEV_BLOCK` and `BPF_DEVCG_DEV_CHAR`.
const BLOCK: u32 = 1;
/// `BPF_DEVCG_ACC_WRITE`.
const WRITE: u32 = 4;
/// `MEM_MAJOR` and `MISC_MAJOR` of `include/uapi/linux/major.h`.
const MEM: u32 = 1;
const MISC: u32 = 10;
/// `WATCHDOG_MINOR` of `include/linux/miscdevice.h`.
const WATCHDOG: u32 = 130;

/// Where the table of majors has this one.
#[inline(always)]
#[must_use]
pub const fn place(node: &Node) -> usize {
    major_slot(node.access & 0xffff == BLOCK, node.major)
}

/// Judges an open; `reason` is what the table of majors says of it.
#[inline(always)]
#[must_use]
pub fn opened(node: &Node, reason: u8) -> Option<Sighting> {
    if (node.access >> 16) & WRITE == 0 {
        return None;
    }
    let character = node.access & 0xffff != BLOCK;
    let reason = match (node.major, node.minor) {
        // mem, kmem, port; null, zero, random and their like have the same major.
        (MEM, 1 | 2 | 4) if character => reason::MEMORY_DEVICE,
        (MISC, WATCHDOG) if character => reason::WATCHDOG,
        _ if reason != 0 => reason,
        _ => return None,
    };
    Some(Sighting { reason, value: u64::from(node.major) << 20 | u64::from(node.minor), target: 0 })
}

/// Whether the command of an `ioctl` may be one of those: all others are left alone.
#[inline(always)]
#[must_use]
pub fn matters(command: u32) -> bool {
    command == SET_OPTIONS || DISK.contains(&command) || erases(command)
}

/// Whether it changes flash.
#[inline(always)]
fn erases(command: u32) -> bool {
    FLASH.contains(&(command & 0xffff)) && (command >> 16) & 0x3fff >= 8
}

/// Judges an `ioctl(fd, command, argument)`; `options` is what the argument points at.
#[inline(always)]
#[must_use]
pub fn ioctl(command: u32, options: u32) -> Option<Sighting> {
    let reason = if command == SET_OPTIONS {
        if options & DISABLE == 0 {
            return None;
        }
        reason::WATCHDOG_DISABLED
    } else if DISK.contains(&command) {
        reason::DISK
    } else if erases(command) {
        reason::FLASH
    } else {
        return None;
    };
    Some(Sighting { reason, value: u64::from(command), target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_of(command: u32, options: u32) -> Option<u8> {
        ioctl(command, options).map(|seen| seen.reason)
    }

    #[test]
    fn devices_opened_for_writing_are_told_by_their_numbers() {
        let told = |access: u32, kind: u32, major, minor, reason| {
            opened(&Node { access: access << 16 | kind, major, minor }, reason)
                .map(|seen| (seen.reason, seen.value))
        };
        let memory = Some((reason::MEMORY_DEVICE, 1 << 20 | 1));
        assert_eq!(told(WRITE, 2, 1, 1, 0), memory);
        assert_eq!(told(WRITE | 2, 2, 1, 1, 0), memory, "for both");
        assert_eq!(told(2, 2, 1, 1, 0), None, "for reading");
        assert_eq!(told(1, 2, 1, 1, 0), None, "made, not opened");
        for minor in [3, 5, 7, 8, 9, 11] {
            assert_eq!(told(WRITE, 2, 1, minor, 0), None, "null, zero, full, random, urandom, kmsg");
        }
        assert_eq!(told(WRITE, 1, 1, 1, 0), None, "a RAM disk has the same number");
        assert_eq!(told(WRITE, 2, 10, 130, 0), Some((reason::WATCHDOG, (10 << 20) + 130)));
        assert_eq!(told(WRITE, 2, 10, 200, 0), None, "tun");
        assert_eq!(told(WRITE, 1, 179, 3, reason::DISK), Some((reason::DISK, 179 << 20 | 3)));
        let block = Node { access: WRITE << 16 | 1, major: 90, minor: 0 };
        assert_ne!(place(&block), place(&Node { access: WRITE << 16 | 2, ..block }));
    }

    #[test]
    fn stopping_the_watchdog_is_told_and_feeding_it_is_not() {
        assert_eq!(reason_of(0x8004_5704, 1), Some(reason::WATCHDOG_DISABLED));
        assert_eq!(reason_of(0x8004_5704, 2), None, "enabled");
        // WDIOC_KEEPALIVE, WDIOC_SETTIMEOUT.
        for command in [0x8004_5705, 0xc004_5706] {
            assert!(!matters(command));
        }
    }

    #[test]
    fn erasing_flash_and_disks_is_told() {
        // MEMERASE, MEMERASE64 and MEMWRITEOOB of a 32-bit and of a 64-bit program.
        for command in [0x4008_4d02, 0x4010_4d14, 0xc00c_4d03, 0xc010_4d03] {
            assert!(matters(command));
            assert_eq!(reason_of(command, 0), Some(reason::FLASH), "{command:#x}");
        }
        assert_eq!(reason_of(0x1277, 0), Some(reason::DISK));
    }

    #[test]
    fn asking_and_sound_and_terminals_are_not() {
        // MEMGETINFO, SOUND_MIXER_WRITE_TREBLE, BLKGETSIZE64, TCGETS, FIONREAD, FITRIM.
        for command in [0x8020_4d01, 0xc004_4d02, 0x8008_1272, 0x5401, 0x541b, 0xc018_5879] {
            assert!(!matters(command), "{command:#x}");
            assert_eq!(ioctl(command, 1), None);
        }
    }
}
