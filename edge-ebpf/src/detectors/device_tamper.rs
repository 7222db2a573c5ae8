//! `device_tamper`: flash, disks, memory or the watchdog taken in hand by a program that has no business with them.
//!
//! Technique: T1495 (firmware corruption), T1561 (disk wipe), T1562.001 (the watchdog).
//! Hooks: opens for writing are watched paths (`sensors/watch.rs`); `ioctl` through `sensors/acts.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the command of an `ioctl`, else 0; the path is that of the open.
//! Cost: a look at the command of each `ioctl`.
//! Blind to (on the tracepoint rung): a device node under another name, unless its own name is a watched one; a descriptor that
//! was opened by an allowed program and handed over, except for the commands below.

use edge_abi::reason;

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
