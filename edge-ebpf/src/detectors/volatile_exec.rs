//! `volatile_exec`: a program started from a place that does not survive a reboot or that anyone may write to.
//!
//! Technique: T1059 (command and scripting interpreter), T1105 (ingress tool transfer).
//! Hooks: `sched:sched_process_exec` for the path, `chdir` and `fchdir` through `sensors/syscall.rs` and
//! `sched:sched_process_fork` to follow working directories, see `sensors/process.rs`.
//! Two more reasons: a file made executable (`chmod`, `open` with such a mode, a rename of one) and executed within ten minutes by a
//! process of the same origin (T1105), and a process that unlinks the file it runs (T1070.004). Both are candidates.
//! Record: [`edge_abi::VolatileExecRecord`], 264 bytes.
//! Cost: one prefix lookup and one of a name per exec; a map update per file made executable; a comparison per unlink.
//! Blind to (on the tracepoint rung): a file made executable by `fchmod`, or renamed more than 64 others ago; a symbolic link or bind mount that leads from elsewhere into volatile storage; an
//! interpreter that is given a script as an argument.
//!
//! A relative path is judged by the working directory, which the sensors follow per process. Where they cannot (`fchdir`, `..`,
//! a path that leads down from an ordinary directory), the finding is a *candidate*: the agent resolves it and dismisses what is harmless.

use edge_abi::Dropped;

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below a volatile directory.
    Volatile,
    /// Not below one, or exempt.
    Elsewhere,
}

/// What is known of the working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Not volatile.
    Elsewhere,
    /// It changed in a way that was not followed.
    Unknown,
    /// Volatile.
    Volatile,
}

/// What to say about an exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Perhaps volatile: the agent has to look.
    Candidate,
    /// Nothing.
    Quiet,
    /// Volatile for certain.
    Volatile,
}

/// Judges an absolute path by the place it begins in; `dotdot` says that it may lead out of it, or into another.
#[inline(always)]
#[must_use]
pub fn judge_absolute(place: Place, dotdot: bool) -> Decision {
    match (dotdot, place) {
        (true, _) => Decision::Candidate,
        (false, Place::Volatile) => Decision::Volatile,
        (false, Place::Elsewhere) => Decision::Quiet,
    }
}

/// How a relative path leaves the directory it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Not at all: `x` or `./x`.
    Here,
    /// Down: `tmp/x` from `/` is volatile although `/` is not.
    Down,
    /// Perhaps up: `..` somewhere.
    Up,
}

/// Judges a relative path by the directory it starts from.
#[inline(always)]
#[must_use]
pub fn judge_relative(directory: Directory, way: Way) -> Decision {
    match (way, directory) {
        (Way::Here | Way::Down, Directory::Volatile) => Decision::Volatile,
        (Way::Here, Directory::Elsewhere) => Decision::Quiet,
        (Way::Up, _) | (_, Directory::Unknown) | (Way::Down, Directory::Elsewhere) => Decision::Candidate,
    }
}

/// How long a file that was made executable is remembered: droppers wait seconds, some minutes.
pub const DROPPED_NS: u64 = 600_000_000_000;

/// Whether a program of the name of `dropped` is executed by a relative of who made that file executable, and soon.
#[inline(always)]
#[must_use]
pub fn is_dropped(dropped: &Dropped, origin: u32, now_ns: u64) -> bool {
    origin != 0 && dropped.origin == origin && now_ns.saturating_sub(dropped.time_ns) < DROPPED_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_is_that_of_a_relative_and_fresh() {
        let dropped = Dropped { time_ns: 5, writer: 7, origin: 3 };
        assert!(is_dropped(&dropped, 3, 6));
        assert!(!is_dropped(&dropped, 4, 6), "somebody else's");
        assert!(!is_dropped(&dropped, 3, 5 + DROPPED_NS), "long ago");
        assert!(!is_dropped(&Dropped { origin: 0, ..dropped }, 0, 6), "nothing is known");
    }

    #[test]
    fn plain_paths_are_certain() {
        assert_eq!(judge_absolute(Place::Volatile, false), Decision::Volatile);
        assert_eq!(judge_absolute(Place::Elsewhere, false), Decision::Quiet);
        assert_eq!(judge_relative(Directory::Volatile, Way::Here), Decision::Volatile);
        assert_eq!(judge_relative(Directory::Volatile, Way::Down), Decision::Volatile);
        assert_eq!(judge_relative(Directory::Elsewhere, Way::Here), Decision::Quiet);
    }

    #[test]
    fn what_may_lead_elsewhere_is_a_candidate_both_ways() {
        for place in [Place::Volatile, Place::Elsewhere] {
            assert_eq!(judge_absolute(place, true), Decision::Candidate);
        }
        for directory in [Directory::Elsewhere, Directory::Unknown, Directory::Volatile] {
            assert_eq!(judge_relative(directory, Way::Up), Decision::Candidate);
        }
        assert_eq!(judge_relative(Directory::Unknown, Way::Here), Decision::Candidate);
        assert_eq!(judge_relative(Directory::Elsewhere, Way::Down), Decision::Candidate);
    }
}
