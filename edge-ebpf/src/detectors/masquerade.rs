//! `masquerade`: a process under a name that is made to be overlooked.
//!
//! Technique: T1036.004 (masquerade task or service), T1036.006 (space after filename), T1564 (hidden by a mount over /proc).
//! Hooks: `sched:sched_process_exec` for the name of the program, `prctl(PR_SET_NAME)` and `mount` through `sensors/names.rs`.
//! Record: [`edge_abi::ActRecord`] with the name taken, or the mount point; `target` is the process hidden.
//! Cost: one pass over 16 bytes per exec and per `prctl(PR_SET_NAME)`.
//! Blind to (on the tracepoint rung): a command line that was overwritten, a name written to `/proc/self/comm`, the name in
//! `argv[0]`; a mount target given relative to the working directory.

use edge_abi::{name_hash, reason};

use crate::name::Name;
use crate::path::PathBuffer;

/// Whether only kernel threads are named like this. Names with a slash are theirs alone in a comm, and cannot be a file's.
#[inline(always)]
fn is_kernel_name(name: &Name) -> bool {
    if name.begins(b"[") {
        // The programs `[` and `[[` are tests of the shell.
        return !name.begins(b"[\0") && !name.begins(b"[[\0");
    }
    name.begins(b"kworker")
        || name.begins(b"ksoftirq")
        || name.begins(b"kthreadd")
        || name.begins(b"kswapd")
        || name.begins(b"kdevtmpf")
        || name.begins(b"khungtas")
        || name.begins(b"khugepag")
        || name.begins(b"kcompact")
        || name.begins(b"kblockd")
        || name.begins(b"kauditd")
        || name.begins(b"kintegri")
        || name.begins(b"rcu_sche")
        || name.begins(b"rcu_pree")
        || name.begins(b"rcu_par_")
        || name.begins(b"rcu_gp\0")
        || name.begins(b"scsi_eh_")
        || name.begins(b"jbd2/")
        || name.begins(b"irq/")
        || name.begins(b"cpuhp/")
        || (name.begins(b"migratio") && name.goes_on(b"n/"))
}

/// Judges the last component of a program's path, whose last byte is `last`.
#[inline(always)]
#[must_use]
pub fn program(name: &Name, last: u8) -> Option<u8> {
    if is_kernel_name(name) {
        Some(reason::KERNEL_NAME)
    } else if last == b' ' || name.begins(b" ") {
        Some(reason::DECEPTIVE_NAME)
    } else {
        None
    }
}

/// Names that only the program of that name has any business with.
macro_rules! one_of {
    ($name:expr, $($word:literal),+ $(,)?) => {
        $($name == const { name_hash($word) })||+
    };
}

/// Judges a name that a process gives itself, and whether that is certain: a daemon may well take its own name.
#[inline(always)]
#[must_use]
pub fn taken(name: &Name) -> Option<(u8, bool)> {
    if is_kernel_name(name) {
        return Some((reason::KERNEL_NAME, true));
    }
    let known = one_of!(
        name.hash,
        b"init",
        b"systemd",
        b"systemd-udevd",
        b"systemd-journal",
        b"udevd",
        b"sshd",
        b"dropbear",
        b"telnetd",
        b"syslogd",
        b"klogd",
        b"rsyslogd",
        b"crond",
        b"cron",
        b"dbus-daemon",
        b"watchdog",
        b"ntpd",
        b"chronyd",
        b"dnsmasq",
        b"udhcpc",
        b"wpa_supplicant",
        b"hostapd",
        b"getty",
        b"agetty",
        b"login"
    );
    known.then_some((reason::FOREIGN_NAME, false))
}

/// The process whose folder in /proc, or something in it, is the target of a mount.
#[inline(always)]
#[must_use]
pub fn hidden(target: &PathBuffer) -> Option<u32> {
    let bytes = target.bytes();
    if !bytes.starts_with(b"/proc/") {
        return None;
    }
    let (mut tgid, mut digits, mut alive) = (0_u32, 0_u32, 1_u32);
    for byte in bytes.iter().skip(6).take(7) {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        alive &= u32::from(digit < 10);
        tgid = if alive != 0 { tgid * 10 + digit } else { tgid };
        digits += alive;
    }
    (digits != 0).then_some(tgid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::tests::{buffer, name};

    #[test]
    fn names_of_kernel_threads_are_told() {
        for word in [
            &b"kworker/0:1"[..],
            b"[nfsiod 0]",
            b"kthreadd",
            b"ksoftirqd/0",
            b"migration/1",
            b"jbd2/sda1-8",
            b"rcu_gp",
        ] {
            assert_eq!(taken(&name(word)), Some((reason::KERNEL_NAME, true)), "{word:?}");
        }
        for word in [&b"kworker"[..], b"[kworker]", b"kswapd0"] {
            assert_eq!(program(&name(word), b'x'), Some(reason::KERNEL_NAME), "{word:?}");
        }
    }

    #[test]
    fn the_agent_calls_the_same_names_the_kernels() {
        let more =
            [&b"[x]"[..], b"[", b"[[", b"rcu_gp", b"rcu_gpx", b"kwork", b"migration", b"irqbalance", b"sshd"];
        for word in edge_abi::KERNEL_NAMES.into_iter().chain(more) {
            assert_eq!(is_kernel_name(&name(word)), edge_abi::is_kernel_name(word), "{word:?}");
        }
    }

    #[test]
    fn ordinary_names_are_not() {
        for word in [
            &b"["[..],
            b"[[",
            b"worker-1",
            b"kmod",
            b"migration-tool",
            b"irqbalance",
            b"rcu_test",
            b"logger",
            b"",
            b"ks",
        ] {
            assert_eq!((program(&name(word), b'x'), taken(&name(word))), (None, None), "{word:?}");
        }
    }

    #[test]
    fn a_blank_at_an_end_deceives() {
        assert_eq!(program(&name(b"syslogd "), b' '), Some(reason::DECEPTIVE_NAME));
        assert_eq!(program(&name(b" sshd"), b'd'), Some(reason::DECEPTIVE_NAME));
        assert_eq!(program(&name(b"two words"), b's'), None);
    }

    #[test]
    fn a_daemons_name_is_for_the_agent_to_check() {
        assert_eq!(taken(&name(b"dropbear")), Some((reason::FOREIGN_NAME, false)));
        assert_eq!(taken(&name(b"wpa_supplicant")), Some((reason::FOREIGN_NAME, false)));
        assert_eq!(program(&name(b"dropbear"), b'r'), None, "a program may have this name");
    }

    #[test]
    fn a_mount_over_a_process_hides_it() {
        assert_eq!(hidden(&buffer(b"/proc/4711")), Some(4711));
        assert_eq!(hidden(&buffer(b"/proc/1/cmdline")), Some(1));
        for target in [&b"/proc"[..], b"/proc/", b"/proc/sys/fs/binfmt_misc", b"/data/proc/1", b"/proc/self"]
        {
            assert_eq!(hidden(&buffer(target)), None, "{target:?}");
        }
    }
}
