//! `mass_kill`: one process, or everything of one origin, ends many processes that are not its children.
//!
//! Technique: T1489 (service stop).
//! Hook: tracepoint `signal:signal_generate` through `sensors/signal.rs`.
//! Record: [`edge_abi::ActRecord`]. `count` are distinct targets, `value` is the signal, `target` the last process.
//! Cost: a few reads per signal; nothing for anything else.
//! Blind to: processes that are made to end by other means (memory limits, `cgroup.kill` is seen).

/// The signals that end or stop a process unless it arranges otherwise: HUP is left out, since it asks daemons to read their
/// configuration again. INT, QUIT, ILL, TRAP, ABRT, BUS, FPE, KILL, SEGV, TERM, STOP, TSTP: the same numbers on x86, arm, arm64.
const ENDS: u32 = 1 << 2
    | 1 << 3
    | 1 << 4
    | 1 << 5
    | 1 << 6
    | 1 << 7
    | 1 << 8
    | 1 << 9
    | 1 << 11
    | 1 << 15
    | 1 << 19
    | 1 << 20;

/// Whether a process asked for this signal (`SI_USER` 0, `SI_QUEUE` -1, `SI_TKILL` -6, or whatever it wrote itself), not the
/// kernel, and whether it ends or stops its target.
#[inline(always)]
#[must_use]
pub fn matters(signal: u32, code: i32) -> bool {
    code <= 0 && signal < 32 && ENDS & (1 << (signal & 31)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_end_and_were_asked_for_matter() {
        for signal in [2, 3, 6, 9, 11, 15, 19, 20] {
            assert!(matters(signal, 0) && matters(signal, -6) && matters(signal, -1), "{signal}");
        }
    }

    #[test]
    fn the_kernels_own_and_harmless_ones_do_not() {
        // A segmentation fault, a terminal's interrupt, our own kill.
        for (signal, code) in [(11, 1), (2, 0x80), (9, 0x80)] {
            assert!(!matters(signal, code), "{signal}");
        }
        // HUP, USR1, ALRM, CHLD, CONT, WINCH, a real-time one, none.
        for signal in [1, 10, 14, 17, 18, 28, 34, 41, 0] {
            assert!(!matters(signal, 0), "{signal}");
        }
    }
}
