//! `process_injection`: a process that reaches into the memory of another.
//!
//! Technique: T1055.008 (ptrace system calls), T1055.009 (proc memory).
//! Hooks: `ptrace` and `process_vm_writev` through `sensors/acts.rs`; `/proc/PID/mem` opened for writing through
//! `sensors/watch.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the ptrace request, `target` the other process.
//! Cost: nothing but for these syscalls.
//! Blind to (on the tracepoint rung): nothing that passes these syscalls; attempts that fail are told as well. Of `mem`, paths
//! that do not begin with `/proc/PID`, such as one below `/proc/self/root`.

use edge_abi::{PrefixData, reason};

use super::Sighting;

/// Requests that attach, or that change memory, registers or signals (`include/uapi/linux/ptrace.h`).
const REQUESTS: [u64; 8] = [
    4,      // PTRACE_POKETEXT
    5,      // PTRACE_POKEDATA
    6,      // PTRACE_POKEUSR
    13,     // PTRACE_SETREGS
    15,     // PTRACE_SETFPREGS
    16,     // PTRACE_ATTACH
    0x4205, // PTRACE_SETREGSET
    0x4206, // PTRACE_SEIZE
];

/// Judges a `ptrace(request, pid)`.
#[inline(always)]
#[must_use]
pub fn ptrace(request: u64, target: u32) -> Option<Sighting> {
    REQUESTS.contains(&request).then_some(Sighting { reason: reason::PTRACE, value: request, target })
}

/// Whether a request is the first one of a tracer: the kernel asks its security modules about no other.
#[inline(always)]
#[must_use]
pub fn attaches(request: u64) -> bool {
    request == 16 || request == 0x4206
}

/// Judges a `process_vm_writev(pid)`: into oneself it is a plain copy.
#[inline(always)]
#[must_use]
pub fn remote_write(tgid: u32, target: u32) -> Option<Sighting> {
    (target != tgid).then_some(Sighting { reason: reason::REMOTE_WRITE, value: 0, target })
}

/// Judges an open for writing of a path whose last component is `mem`.
///
/// One's own memory (`/proc/self/mem`, or by one's own number) is left alone: a process can write that anyway, and some
/// just-in-time compilers and exploits of old kernels alike do it this way.
#[inline(always)]
#[must_use]
pub fn proc_mem(path: &PrefixData, tgid: u32) -> Option<Sighting> {
    let [b'/', b'p', b'r', b'o', b'c', b'/', rest @ ..] = path else { return None };
    // Arithmetic only: a branch per byte would make the verifier walk every number of digits.
    let (mut target, mut inside) = (0_u32, 1_u32);
    for byte in rest.iter().take(8) {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        inside &= digit.wrapping_sub(10) >> 31;
        target = target.wrapping_mul(1 + 9 * inside).wrapping_add(digit.wrapping_mul(inside));
    }
    (target != 0 && target != tgid).then_some(Sighting { reason: reason::PROC_MEM, value: 0, target })
}

/// `task`, the folder of a process's threads, with its NUL.
const THREADS: u64 = 0x6b_73_61_74;

/// The other process when `mem` is opened for writing, by the first eight bytes of the names above it in procfs, the nearest first: that
/// of the process, or of a thread below `PID/task`. Of one's own nothing, see [`proc_mem`].
#[inline(always)]
#[must_use]
pub fn memory_of(above: u64, folder: u64, process: u64, tgid: u32) -> Option<u32> {
    let of_thread = folder & 0xff_ffff_ffff == THREADS;
    let target = number(if of_thread { process } else { above });
    (target != 0 && target != tgid).then_some(target)
}

/// The number that a name begins with. Arithmetic only, see [`proc_mem`].
#[inline(always)]
fn number(head: u64) -> u32 {
    let (mut number, mut inside, mut shift) = (0_u32, 1_u32, 0);
    while shift < 64 {
        let digit = ((head >> shift) as u32 & 0xff).wrapping_sub(u32::from(b'0'));
        inside &= digit.wrapping_sub(10) >> 31 & !(digit >> 31);
        number = number.wrapping_mul(1 + 9 * inside).wrapping_add(digit.wrapping_mul(inside));
        shift += 8;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attaching_and_poking_is_told() {
        for request in [16, 0x4206, 4, 5] {
            assert_eq!(ptrace(request, 9).map(|seen| (seen.reason, seen.target)), Some((reason::PTRACE, 9)));
        }
    }

    #[test]
    fn who_attaches_is_asked_about() {
        assert!(attaches(16) && attaches(0x4206));
        assert!(!attaches(4) && !attaches(0));
    }

    #[test]
    fn being_traced_and_peeking_is_not() {
        for request in [0, 1, 2, 3, 7, 12, 17, 0x4204] {
            assert_eq!(ptrace(request, 9), None, "request {request}");
        }
        assert_eq!(remote_write(7, 7), None);
        assert!(remote_write(7, 8).is_some());
    }

    fn padded(path: &str) -> PrefixData {
        let mut data = [0; edge_abi::PREFIX_BYTES];
        data[..path.len()].copy_from_slice(path.as_bytes());
        data
    }

    #[test]
    fn memory_of_another_is_told_with_its_number() {
        for (path, target) in
            [("/proc/1/mem", 1), ("/proc/4194304/mem", 4_194_304), ("/proc/77/task/78/mem", 77)]
        {
            assert_eq!(proc_mem(&padded(path), 9).map(|seen| seen.target), Some(target), "{path}");
        }
    }

    #[test]
    fn memory_is_told_by_the_names_above_it() {
        let head = |text: &str| {
            let mut bytes = [0xa5_u8; 8];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            if let Some(end) = bytes.get_mut(text.len()) {
                *end = 0;
            }
            u64::from_le_bytes(bytes)
        };
        let of = |above, folder, process| memory_of(head(above), head(folder), head(process), 9);
        assert_eq!(of("77", "/", "/"), Some(77));
        assert_eq!(of("4194304", "/", "/"), Some(4_194_304));
        assert_eq!(of("78", "task", "77"), Some(77), "a thread of another process");
        assert_eq!(of("9", "/", "/"), None, "one's own");
        assert_eq!(of("10", "task", "9"), None, "one's own thread");
        assert_eq!(of("sys", "/", "/"), None);
    }

    #[test]
    fn ones_own_memory_and_other_files_called_mem_are_not() {
        for path in
            ["/proc/self/mem", "/proc/9/mem", "/proc/mem", "/dev/mem", "/procs/1/mem", "/data/proc/1/mem"]
        {
            assert_eq!(proc_mem(&padded(path), 9), None, "{path}");
        }
    }
}
