//! `sysctl_tamper`: kernel settings that guard the machine, written.
//!
//! Technique: T1562 (impair defences), T1611 (a program that the kernel starts).
//! Hooks: `BPF_CGROUP_SYSCTL` (Linux 5.2; used from 6.1, where it can tell the process), see `sensors/sysctl.rs`: name, present and new
//! value as the kernel has them, and it can refuse. Opens for writing are watched paths (`sensors/watch.rs`), where no such
//! program stands and for what is no sysctl.
//! Record: [`edge_abi::ActRecord`]; on the cgroup rung `value` is the number written, in two's complement.
//! Cost: on the cgroup rung, a look-up for each setting written; on the tracepoint rung, part of that of every open for writing.
//! Blind to: on the tracepoint rung, what is written; settings changed by other means than a file below `/proc/sys`.

use edge_abi::{NAME_HASH_PRIME, NAME_HASH_START, name_hash};

/// Bytes of a value that are looked at.
pub const VALUE_BYTES: usize = 24;

/// Bytes of a setting's own name that are looked at.
pub const NAME_BYTES: usize = 32;

/// A setting's own name, zero-padded.
pub type Name = [u8; NAME_BYTES];

/// A value as text, zero-padded.
pub type Value = [u8; VALUE_BYTES];

/// Which way a setting gets weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weaker {
    /// Any change.
    Changed,
    /// A smaller number.
    Less,
    /// A larger number.
    More,
}

/// By the hash of a setting's own name.
#[inline(always)]
#[must_use]
pub fn weaker(name: u32) -> Weaker {
    macro_rules! one_of {
        ($($word:literal),+ $(,)?) => { $(name == const { name_hash($word) })||+ };
    }
    if one_of!(
        b"kptr_restrict",
        b"dmesg_restrict",
        b"unprivileged_bpf_disabled",
        b"perf_event_paranoid",
        b"randomize_va_space",
        b"ptrace_scope",
        b"threads-max",
        b"mmap_min_addr",
        b"bpf_jit_harden",
        b"modules_disabled",
        b"kexec_load_disabled",
        b"protected_fifos",
        b"protected_hardlinks",
        b"protected_regular",
        b"protected_symlinks",
    ) {
        Weaker::Less
    } else if one_of!(b"ip_forward", b"forwarding", b"sysrq", b"suid_dumpable", b"bpf_jit_kallsyms") {
        Weaker::More
    } else {
        Weaker::Changed
    }
}

/// The hash of a setting's own name.
#[inline(always)]
#[must_use]
pub fn hash(name: &Name) -> u32 {
    let (mut hash, mut alive) = (NAME_HASH_START, u32::MAX);
    for byte in name {
        let byte = u32::from(*byte);
        alive &= u32::from(byte == 0).wrapping_sub(1);
        hash = ((hash ^ byte).wrapping_mul(NAME_HASH_PRIME) & alive) | (hash & !alive);
    }
    hash
}

/// Reads the decimal number that a value begins with; `None` when it is none, or longer than any setting's.
#[inline(always)]
#[must_use]
pub fn number(value: &Value) -> Option<i64> {
    let (mut number, mut digits, mut negative, mut done) = (0_i64, 0_u32, false, false);
    for (index, byte) in value.iter().enumerate() {
        if done {
            continue;
        }
        match byte {
            b'-' if index == 0 => negative = true,
            b'0'..=b'9' if digits < 12 => {
                number = number * 10 + i64::from(byte - b'0');
                digits += 1;
            }
            0 | b'\n' | b' ' | b'\t' => done = true,
            _ => return None,
        }
    }
    if digits == 0 {
        return None;
    }
    Some(if negative { -number } else { number })
}

/// Whether a value is weaker than the present one.
#[inline(always)]
#[must_use]
pub fn weakens(weaker: Weaker, present: &Value, new: &Value) -> bool {
    if let (Some(present), Some(new)) = (number(present), number(new)) {
        return match weaker {
            Weaker::Changed => new != present,
            Weaker::Less => new < present,
            Weaker::More => new > present,
        };
    }
    differs(present, new)
}

/// Whether two texts differ, up to the end of the line.
#[inline(always)]
fn differs(left: &Value, right: &Value) -> bool {
    let (mut differs, mut alive) = (0, u8::MAX);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (plain(*left), plain(*right));
        differs |= (left ^ right) & alive;
        alive &= u8::from(left == 0).wrapping_sub(1);
    }
    differs != 0
}

/// A byte; 0 for the end of a line.
#[inline(always)]
const fn plain(byte: u8) -> u8 {
    if byte == b'\n' { 0 } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Value {
        let mut value = [0; VALUE_BYTES];
        value[..text.len()].copy_from_slice(text);
        value
    }

    fn name(text: &[u8]) -> Name {
        let mut name = [0; NAME_BYTES];
        name[..text.len()].copy_from_slice(text);
        name
    }

    fn told(setting: &[u8], present: &[u8], new: &[u8]) -> bool {
        weakens(weaker(hash(&name(setting))), &value(present), &value(new))
    }

    #[test]
    fn a_guard_lowered_is_told_and_raised_is_not() {
        assert!(told(b"kptr_restrict", b"1\n", b"0\n") && !told(b"kptr_restrict", b"0\n", b"2\n"));
        assert!(told(b"perf_event_paranoid", b"2", b"-1") && !told(b"perf_event_paranoid", b"-1", b"3"));
        assert!(!told(b"modules_disabled", b"0", b"1"), "no more modules is a guard");
        assert!(told(b"ip_forward", b"0\n", b"1") && !told(b"ip_forward", b"1\n", b"0"));
        assert!(told(b"randomize_va_space", b"2\n", b"0\n"));
        assert!(told(b"threads-max", b"3711\n", b"1\n"), "as a wiper does");
    }

    #[test]
    fn what_stays_as_it_is_is_quiet() {
        for (name, present, new) in [
            (&b"kptr_restrict"[..], &b"1\n"[..], &b"1"[..]),
            (b"ip_forward", b"1\n", b"1\n"),
            (b"core_pattern", b"core\n", b"core"),
            (b"modprobe", b"/sbin/modprobe\n", b"/sbin/modprobe\n"),
        ] {
            assert!(!told(name, present, new), "{new:?}");
        }
    }

    #[test]
    fn texts_are_told_when_they_change() {
        assert!(told(b"core_pattern", b"core\n", b"|/tmp/x\n"));
        assert!(told(b"core_pattern", b"core\n", b"core.%p"));
        assert!(told(b"modprobe", b"/sbin/modprobe\n", b"/tmp/x"));
        assert!(told(b"kptr_restrict", b"1\n", b"zero"), "no number");
    }

    #[test]
    fn numbers_end_where_they_end() {
        assert_eq!(number(&value(b"-1\n")), Some(-1));
        assert_eq!(number(&value(b"65536\t")), Some(65_536));
        for none in [&b""[..], b"-", b"x1", b"1x", b"1234567890123", b"--1"] {
            assert_eq!(number(&value(none)), None, "{none:?}");
        }
        assert_eq!(number(&[b'7'; VALUE_BYTES]), None);
    }

    #[test]
    fn names_are_hashed_as_elsewhere() {
        for known in [&b"ip_forward"[..], b"unprivileged_bpf_disabled"] {
            assert_eq!(hash(&name(known)), name_hash(known));
        }
        assert_eq!(weaker(hash(&name(b"unprivileged_bpf_disabled"))), Weaker::Less);
    }
}
