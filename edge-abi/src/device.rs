//! Which devices `device_tamper` looks at on the cgroup rung, by their major numbers.

/// Majors of each kind that are told apart: `CHRDEV_MAJOR_MAX` and `BLKDEV_MAJOR_MAX` are 512 (`include/linux/fs.h`,
/// `include/linux/blkdev.h`).
const MAJORS: usize = 512;

/// Slots of the table: those of character devices, then those of block devices.
pub const MAJOR_SLOTS: usize = 2 * MAJORS;

/// Where a major number stands.
#[must_use]
pub const fn major_slot(block: bool, major: u32) -> usize {
    let slot = major as usize & (MAJORS - 1);
    if block { MAJORS + slot } else { slot }
}
