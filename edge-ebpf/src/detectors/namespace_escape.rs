//! `namespace_escape`: namespaces, mounts and roots changed by a program that has no business with them.
//!
//! Technique: T1611 (escape to host).
//! Hooks: `unshare`, `setns`, `clone`, `clone3`, `mount`, `move_mount`, `pivot_root` through `sensors/acts.rs`; files that make
//! the kernel run a program are watched paths (`sensors/watch.rs`).
//! Record: [`edge_abi::ActRecord`]. `value` holds the flags; the path is the second argument of a mount.
//! Cost: a look at the flags of each `clone`; else nothing but for these syscalls.
//! Blind to (on the tracepoint rung): nothing that passes these syscalls; attempts that fail are told as well. `clone3` flags are
//! read from user memory and can change after the look.

use edge_abi::reason;

use super::Sighting;

/// `CLONE_NEWNS`, `CLONE_NEWCGROUP`, `CLONE_NEWUTS`, `CLONE_NEWIPC`, `CLONE_NEWUSER`, `CLONE_NEWPID`, `CLONE_NEWNET`
/// (`include/uapi/linux/sched.h`).
const NAMESPACES: u64 = 0x7e02_0000;

/// `CLONE_NEWTIME`; in `clone` this bit belongs to the exit signal.
const NEW_TIME: u64 = 0x80;

/// `MS_UNBINDABLE`, `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`: how mounts spread, nothing is mounted.
const PROPAGATION: u64 = 0xf << 17;

/// `MS_MGC_VAL` in the upper half: magic of old programs, no flags.
const MAGIC: u64 = 0xc0ed_0000;

/// Whether a `clone(flags)` makes namespaces; most make none.
#[inline(always)]
#[must_use]
pub fn clones(flags: u64) -> bool {
    flags & NAMESPACES != 0
}

/// Judges an `unshare(flags)`, `clone(flags)` or `clone3`.
#[inline(always)]
#[must_use]
pub fn unshare(flags: u64, new_time: bool) -> Option<Sighting> {
    let wanted = if new_time { NAMESPACES | NEW_TIME } else { NAMESPACES };
    (flags & wanted != 0).then_some(Sighting { reason: reason::UNSHARE, value: flags & wanted, target: 0 })
}

/// Judges a `setns(fd, kind)`; 0 is any kind.
#[inline(always)]
#[must_use]
pub fn set_ns(kind: u64) -> Sighting {
    Sighting { reason: reason::SETNS, value: kind & (NAMESPACES | NEW_TIME), target: 0 }
}

/// Judges a `mount(source, target, kind, flags)`.
#[inline(always)]
#[must_use]
pub fn mount(flags: u64) -> Option<Sighting> {
    let flags = if flags & 0xffff_0000 == MAGIC { flags & 0xffff } else { flags & 0xffff_ffff };
    (flags & PROPAGATION == 0).then_some(Sighting { reason: reason::MOUNT, value: flags, target: 0 })
}

/// Judges a `pivot_root`.
#[inline(always)]
#[must_use]
pub fn pivot_root() -> Sighting {
    Sighting { reason: reason::PIVOT_ROOT, value: 0, target: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_forks_make_no_namespace() {
        // pthread_create, fork and vfork of glibc and musl.
        for flags in [0x003d_0f00, 0x0120_0011, 0x4111, 0x11, 0x007d_0f00] {
            assert!(!clones(flags), "{flags:#x}");
            assert_eq!(unshare(flags, false), None, "{flags:#x}");
        }
        assert!(clones(0x1000_0011));
    }

    #[test]
    fn leaving_namespaces_is_told_and_leaving_tables_is_not() {
        for flags in
            [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
        {
            assert_eq!(unshare(flags | 0x11, false).map(|seen| seen.value), Some(flags));
        }
        assert_eq!(unshare(0x80, true).map(|seen| seen.value), Some(0x80));
        // CLONE_FS and CLONE_FILES.
        assert_eq!(unshare(0x600, true), None);
    }

    #[test]
    fn a_change_of_propagation_mounts_nothing() {
        let private_and_below = (1 << 18) | (1 << 14);
        assert_eq!(mount(private_and_below), None);
        assert_eq!(mount(1 << 12).map(|seen| seen.value), Some(1 << 12), "bind");
        assert_eq!(mount(0xc0ed_0001).map(|seen| seen.value), Some(1), "with the old magic");
    }
}
