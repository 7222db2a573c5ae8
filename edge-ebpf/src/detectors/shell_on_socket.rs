//! `shell_on_socket`: an interpreter whose standard input or output is a network socket, or a pipe to a process that holds one.
//!
//! Technique: T1059.004 (Unix shell).
//! Hooks: `sched:sched_process_exec` through `sensors/exec_acts.rs`; `dup2`, `dup3`, `dup`, `fcntl(F_DUPFD)` and `socket` through
//! `sensors/names.rs`.
//! Record: [`edge_abi::ActRecord`], always a candidate: the agent reads what the descriptors 0 to 2 are.
//! Cost: a comparison of registers per `dup2`, `dup3`, `fcntl` and `socket`; a record for each interpreter that is started with replaced
//! descriptors by a process that has made a network socket.
//! Blind to (on the tracepoint rung): a shell that gets the socket as a descriptor nobody replaced, such as one that `socket` itself
//! returned as 0; an interpreter under another name; a shell that speaks to its relay through a named pipe or a terminal.

use edge_abi::{reason, task_flags};

use super::Sighting;

/// Families of a network socket: `AF_INET`, `AF_INET6`.
const FAMILIES: [u64; 2] = [2, 10];

/// `F_DUPFD` and `F_DUPFD_CLOEXEC` of `include/uapi/linux/fcntl.h`.
const DUPLICATE: [u64; 2] = [0, 1030];

/// Whether a `socket(family)` reaches a network.
#[inline(always)]
#[must_use]
pub fn is_network(family: u64) -> bool {
    FAMILIES.contains(&family)
}

/// The standard descriptor that `fcntl(old, command, least)` replaces, if it was closed before.
#[inline(always)]
#[must_use]
pub fn duplicated(command: u64, least: u64) -> Option<u64> {
    (DUPLICATE.contains(&(command & 0xffff_ffff)) && least <= 1).then_some(least)
}

/// Flags after descriptor `old` has replaced `new`; `None` when that is neither input nor output, or the same.
#[inline(always)]
#[must_use]
pub fn moved(flags: u32, old: u64, new: u64) -> Option<u32> {
    // Standard error is moved by every `2>&1`.
    if new > 1 || old == new {
        return None;
    }
    let which = if new == 0 { task_flags::STDIN_MOVED } else { task_flags::STDOUT_MOVED };
    let mark = ((old as u32 + 1) & 0xff) << task_flags::MOVED_SHIFT;
    let both = flags & (task_flags::STDIN_MOVED | task_flags::STDOUT_MOVED) & !which != 0;
    let same = both && flags & task_flags::MOVED_BITS == mark;
    let one = if same { task_flags::STDIO_ONE } else { flags & task_flags::STDIO_ONE };
    Some((flags & !(task_flags::MOVED_BITS | task_flags::STDIO_ONE)) | which | mark | one)
}

/// Judges an interpreter that starts, or that replaces its descriptors, by its flags.
#[inline(always)]
#[must_use]
pub fn judge(flags: u32) -> Option<Sighting> {
    const MOVED: u32 = task_flags::STDIN_MOVED | task_flags::STDOUT_MOVED;
    let wanted = task_flags::INTERPRETER | task_flags::NETWORK;
    let seen = flags & wanted == wanted && flags & MOVED != 0;
    seen.then_some(Sighting { reason: reason::SOCKET_STDIO, value: one_descriptor(flags), target: 0 })
}

/// Judges an interpreter by which of its descriptors 0 to 2 are network sockets, as bits; standard error alone is no conversation.
#[inline(always)]
#[must_use]
pub fn judge_descriptors(sockets: u32) -> Option<Sighting> {
    (sockets & 0b11 != 0).then_some(Sighting {
        reason: reason::SOCKET_STDIO,
        value: u64::from(sockets & 0b111),
        target: 0,
    })
}

/// 8 when input and output are one descriptor, which no pipe is: worth telling even when the process is gone. Else 0.
#[inline(always)]
fn one_descriptor(flags: u32) -> u64 {
    u64::from(flags & task_flags::STDIO_ONE != 0) << 3
}

#[cfg(test)]
mod tests {
    use edge_abi::task_flags::{INTERPRETER, NETWORK, STDIN_MOVED, STDIO_ONE, STDOUT_MOVED};

    use super::*;

    #[test]
    fn a_shell_is_a_candidate_once_its_descriptors_were_replaced() {
        let shell = INTERPRETER | NETWORK;
        assert_eq!(judge(shell), None);
        assert_eq!(judge(INTERPRETER | STDIN_MOVED), None, "no socket anywhere near");
        assert_eq!(judge(NETWORK | STDIN_MOVED), None, "no interpreter");
        assert_eq!(
            judge(shell | STDOUT_MOVED).map(|seen| (seen.reason, seen.value)),
            Some((reason::SOCKET_STDIO, 0))
        );
        assert_eq!(judge(shell | STDIN_MOVED | STDOUT_MOVED | STDIO_ONE).unwrap().value, 8);
    }

    #[test]
    fn a_socket_as_input_or_output_is_certain() {
        assert_eq!(judge_descriptors(0b001).unwrap().value, 1);
        assert_eq!(judge_descriptors(0b110).unwrap().value, 6);
        assert_eq!((judge_descriptors(0), judge_descriptors(0b100)), (None, None), "standard error alone");
    }

    #[test]
    fn one_descriptor_for_both_is_told_from_two_pipes() {
        let after = |moves: &[(u64, u64)]| {
            moves.iter().fold(0, |flags, (old, new)| moved(flags, *old, *new).unwrap())
        };
        assert_ne!(after(&[(5, 0), (5, 1)]) & STDIO_ONE, 0);
        assert_ne!(after(&[(5, 1), (5, 0)]) & STDIO_ONE, 0);
        assert_eq!(after(&[(5, 0), (8, 1)]) & STDIO_ONE, 0);
        assert_eq!(after(&[(8, 1)]) & (STDIO_ONE | STDIN_MOVED), 0);
        assert_eq!((moved(0, 5, 3), moved(0, 5, 2)), (None, None));
        assert_eq!(moved(0, 1, 1), None);
    }

    #[test]
    fn fcntl_duplicates_onto_standard_descriptors_only() {
        assert_eq!(duplicated(0, 0), Some(0));
        assert_eq!(duplicated(1030, 1), Some(1));
        assert_eq!(duplicated(0, 10), None, "as shells put descriptors out of the way");
        assert_eq!(duplicated(1, 0), None);
        assert!(is_network(2) && is_network(10) && !is_network(1) && !is_network(16));
    }
}
