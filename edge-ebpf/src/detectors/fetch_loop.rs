//! `fetch_loop`: download tools started again and again by one parent, or piped into an interpreter.
//!
//! Technique: T1105 (ingress tool transfer), T1059.004 (Unix shell).
//! Hook: `sched:sched_process_exec` through `sensors/exec_acts.rs`; tools are known by the name they are called by, so that the
//! applets of a multi-call program are as well.
//! Record: [`edge_abi::ActRecord`] with the tool. Repeated: counted for the parent. Piped: a candidate, the agent looks whether both
//! ends are the same pipe.
//! Cost: part of the look at every executed program's name; a count per download.
//! Blind to (on the tracepoint rung): a tool under another name; an applet that a shell runs without executing anything, or through
//! `busybox wget`; a parent of its own for each download.

use edge_abi::{reason, task_flags};

/// What an exec means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// It counts for the parent.
    pub counts: bool,
    /// It may be one end of a pipe between a tool and an interpreter.
    pub piped: bool,
}

/// Judges an exec by the flags of the process and of its parent.
#[inline(always)]
#[must_use]
pub fn judge(flags: u32, parent: u32) -> Fetch {
    let fetcher = flags & task_flags::FETCHER != 0;
    let interpreter = flags & task_flags::INTERPRETER != 0;
    Fetch {
        counts: fetcher,
        piped: (fetcher && flags & task_flags::STDOUT_MOVED != 0)
            || (interpreter && flags & task_flags::STDIN_MOVED != 0 && parent & task_flags::FETCHES != 0),
    }
}

/// The reason for one of both.
#[inline(always)]
#[must_use]
pub fn reason(piped: bool) -> u8 {
    if piped { reason::PIPED } else { reason::REPEATED }
}

#[cfg(test)]
mod tests {
    use edge_abi::task_flags::{FETCHER, FETCHES, INTERPRETER, STDIN_MOVED, STDOUT_MOVED};

    use super::*;

    #[test]
    fn each_download_counts() {
        assert_eq!(judge(FETCHER, 0), Fetch { counts: true, piped: false });
        assert_eq!(judge(0, FETCHES), Fetch { counts: false, piped: false });
    }

    #[test]
    fn a_pipe_is_seen_from_whichever_end_starts_last() {
        assert!(judge(FETCHER | STDOUT_MOVED, 0).piped);
        assert!(judge(INTERPRETER | STDIN_MOVED, FETCHES).piped);
        assert!(!judge(INTERPRETER | STDIN_MOVED, 0).piped, "no tool beside it");
        assert!(!judge(INTERPRETER, FETCHES).piped, "a script after a download");
        assert!(!judge(FETCHER | STDIN_MOVED, FETCHES).piped);
    }
}
