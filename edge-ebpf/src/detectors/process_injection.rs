//! `process_injection`: a process that reaches into the memory of another.
//!
//! Technique: T1055.008 (ptrace system calls), T1055.009 (proc memory).
//! Hooks: `ptrace` and `process_vm_writev` through `sensors/acts.rs`; `/proc/PID/mem` is a watched name (`sensors/watch.rs`).
//! Record: [`edge_abi::ActRecord`]. `value` is the ptrace request, `target` the other process.
//! Cost: nothing but for these syscalls.
//! Blind to (on the tracepoint rung): nothing that passes these syscalls; attempts that fail are told as well.

use edge_abi::reason;

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

/// Judges a `process_vm_writev(pid)`: into oneself it is a plain copy.
#[inline(always)]
#[must_use]
pub fn remote_write(tgid: u32, target: u32) -> Option<Sighting> {
    (target != tgid).then_some(Sighting { reason: reason::REMOTE_WRITE, value: 0, target })
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
    fn being_traced_and_peeking_is_not() {
        for request in [0, 1, 2, 3, 7, 12, 17, 0x4204] {
            assert_eq!(ptrace(request, 9), None, "request {request}");
        }
        assert_eq!(remote_write(7, 7), None);
        assert!(remote_write(7, 8).is_some());
    }
}
