//! What the kernel side remembers about a process between events.

use bytemuck::{Pod, Zeroable};

/// Bytes of a working directory that are kept.
pub const CWD_BYTES: usize = 64;

/// Bytes of an executable's path that are kept.
pub const EXE_BYTES: usize = 64;

/// Bits of [`Task::flags`].
pub mod task_flags {
    /// Runs a trusted program, or descends from one: never a finding of `file_tamper` or `volatile_exec`.
    pub const TRUSTED: u32 = 1 << 0;
    /// The working directory is volatile.
    pub const CWD_VOLATILE: u32 = 1 << 1;
    /// The working directory was changed in a way that cannot be followed from syscall arguments (`fchdir`, `..`).
    pub const CWD_UNKNOWN: u32 = 1 << 2;
    /// The program was executed from a volatile place.
    pub const VOLATILE: u32 = 1 << 3;
    /// The process, or one it descends from within its origin, has made an IP socket.
    pub const NETWORK: u32 = 1 << 4;
    /// The program is an interpreter.
    pub const INTERPRETER: u32 = 1 << 5;
    /// The program starts services and sessions: its children are origins of their own.
    pub const SPAWNER: u32 = 1 << 6;
    /// Made without having been seen to start: flags and origin may be incomplete until the agent has looked.
    pub const UNRESOLVED: u32 = 1 << 7;
    /// Has opened a netlink socket of routing or firewall.
    pub const NETLINK: u32 = 1 << 8;
    /// Has opened a serial line or fieldbus. Not kept by the next program, or everything that is started from a console on a serial
    /// line would be a driver.
    pub const BUS: u32 = 1 << 9;
    /// Has executed a program since it was forked: worth remembering when it is gone.
    pub const EXECUTED: u32 = 1 << 10;
    /// Was reported: worth remembering when it is gone.
    pub const REPORTED: u32 = 1 << 11;
    /// The program is a download tool.
    pub const FETCHER: u32 = 1 << 12;
    /// The agent, a logger or a watchdog daemon: what must not be stopped.
    pub const GUARD: u32 = 1 << 13;
    /// Between the look at the file that is about to be executed and its execution: `volatile_exec` knows where that file lies.
    pub const FILE_SEEN: u32 = 1 << 14;
    /// The same: it lies in volatile storage, and was told.
    pub const FILE_VOLATILE: u32 = 1 << 15;
    /// The same: somebody related has just made that file executable, which was told.
    pub const FILE_DROPPED: u32 = 1 << 18;
    /// The same for `fileless_exec` and `foreign_exec`: that file was judged.
    pub const FILE_JUDGED: u32 = 1 << 17;
    /// The program is a set-uid file of root: its process may become root. Children too, since `sudo` asks a child of its own to.
    pub const DOOR: u32 = 1 << 16;

    /// A child of it has executed a download tool.
    pub const FETCHES: u32 = 1 << 20;
    /// Standard input was replaced by another descriptor.
    pub const STDIN_MOVED: u32 = 1 << 21;
    /// Standard output was replaced by another descriptor.
    pub const STDOUT_MOVED: u32 = 1 << 22;
    /// Both were replaced by the same descriptor, as a socket or terminal can be and a pipe cannot.
    pub const STDIO_ONE: u32 = 1 << 23;
    /// From here on: low bits of the descriptor that last replaced one of them, plus one.
    pub const MOVED_SHIFT: u32 = 24;
    /// Those bits.
    pub const MOVED_BITS: u32 = 0xff << MOVED_SHIFT;
    /// What is known of the standard descriptors.
    pub const OF_STDIO: u32 = STDIN_MOVED | STDOUT_MOVED | STDIO_ONE | MOVED_BITS;

    /// What a child starts with. A thread is one too, so that a signal to any thread of a guard is one to the guard.
    pub const INHERITED: u32 = OF_STDIO
        | TRUSTED
        | CWD_VOLATILE
        | CWD_UNKNOWN
        | VOLATILE
        | NETWORK
        | INTERPRETER
        | UNRESOLVED
        | NETLINK
        | BUS
        | GUARD
        | DOOR;
    /// What is lost when another program is executed.
    pub const OF_PROGRAM: u32 = VOLATILE
        | INTERPRETER
        | SPAWNER
        | BUS
        | FETCHER
        | GUARD
        | FILE_SEEN
        | FILE_DROPPED
        | FILE_JUDGED
        | FILE_VOLATILE
        | DOOR;
    /// What a change of directory replaces.
    pub const OF_CWD: u32 = CWD_VOLATILE | CWD_UNKNOWN;
}

/// One process, keyed by tgid. Made at fork and exec; children inherit flags, origin and directory.
///
/// Kept after the process is gone, until its slot is needed: a verdict about a killed process still names its program.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Task {
    /// `CLOCK_BOOTTIME` of the fork, in nanoseconds; 0 when it was not seen. With the key, the identity of the process.
    pub start_ns: u64,
    /// [`crate::exe_hash`] of the path last executed; 0 when unknown.
    pub exe_id: u64,
    /// [`task_flags`].
    pub flags: u32,
    /// Real user id when last looked at.
    pub uid: u32,
    /// Process that forked this one; 0 when unknown.
    pub parent: u32,
    /// Process that everything here descends from: a service, a login session, a job of cron. Its own id for one that an
    /// init system or login daemon started; 0 when unknown.
    pub origin: u32,
    /// [`crate::Detector::bit`]s of the detectors that the program is allowed to set off.
    pub allow: u32,
    /// The same for its children.
    pub inherit: u32,
    /// Bytes of `exe`; 0 when the process has not executed anything since it was forked: see its parent.
    pub exe_len: u32,
    /// Bytes of `cwd`; 0 when unknown.
    pub cwd_len: u32,
    /// The path last given to `execve`, which may be relative; cut at 64 bytes.
    pub exe: [u8; EXE_BYTES],
    /// The working directory as last changed to by an absolute path.
    pub cwd: [u8; CWD_BYTES],
    /// [`crate::name_hash`] of the last component of the path last executed; 0 when unknown.
    pub name: u32,
    /// [`crate::file_hash`] of the file that runs; 0 when it could not be looked at.
    pub exe_file: u32,
}

/// Of [`Task::flags`]: what [`Role`] keeps.
pub const ROLE_FLAGS: u32 = task_flags::TRUSTED | task_flags::SPAWNER | task_flags::GUARD | task_flags::DOOR;

/// What must not be forgotten of a process while it lives, keyed by tgid: one that sleeps has its [`Task`] pushed out by a storm of
/// others, and would then be judged like a stranger, or have all its children taken for one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Role {
    /// See [`Task::exe_id`].
    pub exe_id: u64,
    /// Those of [`task_flags`] that are in [`ROLE_FLAGS`].
    pub flags: u32,
    /// See [`Task::uid`].
    pub uid: u32,
    /// See [`Task::parent`].
    pub parent: u32,
    /// See [`Task::origin`].
    pub origin: u32,
    /// See [`Task::allow`].
    pub allow: u32,
    /// See [`Task::inherit`].
    pub inherit: u32,
}

impl Role {
    /// What is to be kept of a process; `None` when it is one like any other.
    #[inline(always)]
    #[must_use]
    pub fn of(task: &Task) -> Option<Self> {
        let flags = task.flags & ROLE_FLAGS;
        (flags | task.allow | task.inherit != 0).then_some(Self {
            exe_id: task.exe_id,
            flags,
            uid: task.uid,
            parent: task.parent,
            origin: task.origin,
            allow: task.allow,
            inherit: task.inherit,
        })
    }

    /// Gives it back.
    #[inline(always)]
    pub fn restore(&self, task: &mut Task) {
        task.exe_id = self.exe_id;
        task.flags |= self.flags;
        task.uid = self.uid;
        task.parent = self.parent;
        task.origin = self.origin;
        task.allow = self.allow;
        task.inherit = self.inherit;
    }
}

/// A file made executable lately, by [`crate::file_hash`], or by the hash of its name where files cannot be told apart.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Dropped {
    /// `CLOCK_BOOTTIME` of the act, in nanoseconds.
    pub time_ns: u64,
    /// Who did it.
    pub writer: u32,
    /// What that process descends from, see [`Task::origin`].
    pub origin: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_survives_and_no_role_is_kept_of_others() {
        let plain = Task { flags: task_flags::EXECUTED | task_flags::NETWORK, origin: 7, ..Task::zeroed() };
        assert_eq!(Role::of(&plain), None);
        let flags = task_flags::SPAWNER | task_flags::EXECUTED;
        let daemon = Task { exe_id: 1, flags, uid: 2, parent: 3, origin: 4, allow: 5, inherit: 6, ..plain };
        let role = Role::of(&daemon).unwrap();
        let mut unseen = Task { flags: task_flags::UNRESOLVED, uid: u32::MAX, ..Task::zeroed() };
        role.restore(&mut unseen);
        assert_eq!(unseen.flags, task_flags::UNRESOLVED | task_flags::SPAWNER);
        assert_eq!(Role::of(&unseen), Some(role));
    }
}
