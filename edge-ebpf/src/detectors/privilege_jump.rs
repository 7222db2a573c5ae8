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

/// What is known of the program that became root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// It is one: a set-uid file of root, or one that was given the capability to change users.
    Open,
    /// It is none.
    Shut,
    /// Nobody could look at its file: the agent will.
    Unknown,
}

/// Judges an exec by the real user ids before and now, and whether that is certain. `u32::MAX` is what nobody has looked at yet.
#[inline(always)]
#[must_use]
pub fn judge(before: u32, now: u32, door: Door) -> Option<(Sighting, bool)> {
    let sighting = jump(before, now)?;
    match door {
        Door::Open => None,
        Door::Shut => Some((sighting, true)),
        Door::Unknown => Some((sighting, false)),
    }
}

/// Judges the capabilities that a file is given to whoever executes it; none is taking them away.
#[inline(always)]
#[must_use]
pub fn given(permitted: u64) -> Option<Sighting> {
    (permitted != 0).then_some(Sighting { reason: reason::CAPABILITY_GAINED, value: permitted, target: 0 })
}

/// Whether the user ids tell of a jump.
#[inline(always)]
fn jump(before: u32, now: u32) -> Option<Sighting> {
    let jumped = now == 0 && before != 0 && before != u32::MAX;
    jumped.then_some(Sighting { reason: reason::ROOT_GAINED, value: u64::from(before), target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_a_user_to_root_is_a_jump() {
        let told = |door| judge(1000, 0, door).map(|(seen, certain)| (seen.reason, seen.value, certain));
        assert_eq!(told(Door::Shut), Some((reason::ROOT_GAINED, 1000, true)));
        assert_eq!(told(Door::Unknown), Some((reason::ROOT_GAINED, 1000, false)));
        assert_eq!(told(Door::Open), None);
    }

    #[test]
    fn a_file_with_capabilities_is_told_with_them() {
        assert_eq!(given(1 << 7).map(|seen| (seen.reason, seen.value)), Some((reason::CAPABILITY_GAINED, 0x80)));
        assert_eq!(given(0), None);
    }

    #[test]
    fn staying_dropping_and_the_unknown_are_not() {
        assert_eq!(judge(0, 0, Door::Shut), None);
        assert_eq!(judge(0, 1000, Door::Shut), None);
        assert_eq!(judge(1000, 1001, Door::Shut), None);
        assert_eq!(judge(u32::MAX, 0, Door::Shut), None, "an entry made without having seen the process");
    }
}
