//! `privilege_jump`: a process that is root now and was not before, without the usual door.
//!
//! Technique: T1068 (exploitation for privilege escalation), T1548.001 (set-uid and set-gid).
//! Hooks: `sched:sched_process_exec` for the user id, `chmod` and its kin through `sensors/chmod.rs`.
//! Record: [`edge_abi::ActRecord`], a candidate: `value` is the user id before, the path that of the program which became root. The
//! agent looks whether that one is set-uid: `sudo` and `su` are.
//! Cost: one comparison per exec.
//! Blind to (on the tracepoint rung): root gained by a process that executes nothing afterwards; capabilities gained without user id
//! 0; a process that was root when it last forked or executed something.

use edge_abi::reason;

use super::Sighting;

/// Judges an exec by the real user ids before and now. `u32::MAX` is what nobody has looked at yet.
#[inline(always)]
#[must_use]
pub fn judge(before: u32, now: u32, seen: bool) -> Option<Sighting> {
    let jumped = now == 0 && before != 0 && before != u32::MAX && seen;
    jumped.then_some(Sighting { reason: reason::ROOT_GAINED, value: u64::from(before), target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_a_user_to_root_is_a_jump() {
        assert_eq!(
            judge(1000, 0, true).map(|seen| (seen.reason, seen.value)),
            Some((reason::ROOT_GAINED, 1000))
        );
    }

    #[test]
    fn staying_dropping_and_the_unknown_are_not() {
        assert_eq!(judge(0, 0, true), None);
        assert_eq!(judge(0, 1000, true), None);
        assert_eq!(judge(1000, 1001, true), None);
        assert_eq!(judge(1000, 0, false), None, "an entry made without having seen the process");
        assert_eq!(judge(u32::MAX, 0, true), None);
    }
}
