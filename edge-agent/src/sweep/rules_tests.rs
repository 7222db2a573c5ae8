//! Processes on paper.

use bytemuck::Zeroable as _;
use edge_wire::Bytes;

use super::*;

/// What there is to look at.
#[derive(Default)]
pub(crate) struct Table {
    /// The command line of every process.
    pub(crate) line: &'static [u8],
    /// Programs in the usual folders that the process does not run.
    pub(crate) others: &'static [&'static str],
    /// The program is a door.
    pub(crate) door: bool,
    /// The process has users of its own.
    pub(crate) users: bool,
    /// Nothing is to be judged.
    pub(crate) outside: bool,
}

impl Look for Table {
    fn cmdline(&self, _: u32) -> Option<Vec<u8>> {
        Some(self.line.to_vec())
    }

    fn named(&self, _: u32, name: &[u8]) -> Named {
        let is_other = self.others.iter().any(|other| other.as_bytes() == name);
        if is_other { Named::Other } else { Named::Nothing }
    }

    fn is_door(&self, _: u32) -> bool {
        self.door
    }

    fn has_own_users(&self, _: u32) -> bool {
        self.users
    }

    fn is_in_scope(&self, _: u32) -> bool {
        !self.outside
    }
}

/// A process.
pub(crate) struct Process {
    tgid: u32,
    stat: Stat,
    task: Task,
    rights: Rights,
}

/// A process of root's called `comm`.
pub(crate) fn seen(tgid: u32, comm: &str) -> Process {
    let stat = Stat { parent: 1, start_ms: 5_000, comm: Bytes::cut(comm.as_bytes()) };
    let rights = Rights { uid: 0, effective: u64::MAX, handed: 0 };
    let task = Task { start_ns: 5_003_456_789, flags: task_flags::EXECUTED, ..Task::zeroed() };
    Process { tgid, stat, task, rights }
}

impl Process {
    /// What is seen of it when it runs `exe`.
    pub(crate) fn seen<'a>(&'a self, exe: &'a [u8]) -> Seen<'a> {
        let (tgid, stat, kept) = (self.tgid, &self.stat, Some(&self.task));
        Seen { tgid, stat, exe, rights: Some(self.rights), kept, allow: 0 }
    }

    /// The reasons and numbers found.
    fn found(&self, exe: &str, look: &Table) -> Vec<(u8, u64)> {
        judge(&self.seen(exe.as_bytes()), look).map(|found| (found.reason, found.value)).collect()
    }
}

#[test]
fn names_of_the_kernels_threads_are_borrowed_by_programs_only() {
    let told = [(reason::KERNEL_NAME, 0)];
    assert_eq!(seen(7, "kworker/0:1").found("/data/x", &Table::default()), told);
    assert_eq!(seen(7, "kworker/0:1").found("", &Table::default()), [], "a kernel thread");
    let line = Table { line: b"[kworker/u8:2]\0", ..Table::default() };
    assert_eq!(seen(7, "x").found("/data/x", &line), told, "as ps shows it");
    let test = Table { line: b"[\0-f\0/etc/passwd\0]\0", ..Table::default() };
    assert_eq!(seen(7, "[").found("/usr/bin/[", &test), []);
}

#[test]
fn blanks_deceive_unless_a_name_was_cut() {
    let told = [(reason::DECEPTIVE_NAME, 0)];
    for name in [" sshd", "sshd "] {
        assert_eq!(seen(7, name).found("/data/x", &Table::default()), told, "{name:?}");
    }
    assert_eq!(seen(7, "a name of some ").found("/usr/bin/a name of some length", &Table::default()), []);
}

#[test]
fn the_name_of_another_program_is_borrowed() {
    let told = [(reason::FOREIGN_NAME, 0)];
    let others = Table { others: &["sshd", "syslogd"], ..Table::default() };
    assert_eq!(seen(7, "sshd").found("/data/x", &others), told);
    assert_eq!(seen(7, "sshd").found("/data/x (deleted)", &others), told);
    assert_eq!(seen(7, "sshd").found("/usr/lib/openssh/sshd-session", &others), []);
    assert_eq!(seen(7, "worker").found("/data/x", &others), [], "nobody else's name");
    assert_eq!(seen(7, "syslogd").found("/bin/busybox", &others), []);
    let line = Table { line: b"/usr/sbin/sshd\0-D\0", ..others };
    assert_eq!(seen(7, "x").found("/data/x", &line), told, "only the command line pretends");
    let title = Table { line: b"sshd: root@pts/0\0", others: &["0"], ..Table::default() };
    assert_eq!(seen(7, "x").found("/data/x", &title), [], "a title is no path");
}

#[test]
fn a_script_and_a_link_go_by_their_own_names() {
    let script = Table {
        line: b"/usr/bin/python3\0/usr/bin/fail2ban-server\0",
        others: &["fail2ban-server"],
        ..Table::default()
    };
    assert_eq!(seen(7, "fail2ban-server").found("/usr/bin/python3.11", &script), []);
    let mut udev = seen(7, "systemd-udevd");
    let others = Table { others: &["systemd-udevd"], ..Table::default() };
    assert_eq!(udev.found("/usr/bin/udevadm", &others).len(), 1);
    let path = b"/lib/systemd/systemd-udevd";
    udev.task.exe[..path.len()].copy_from_slice(path);
    udev.task.exe_len = path.len() as u32;
    assert_eq!(udev.found("/usr/bin/udevadm", &others), []);
    udev.task.start_ns += 1_000_000_000;
    assert_eq!(udev.found("/usr/bin/udevadm", &others).len(), 1, "that was another process");
}

/// A process that executed its program as an ordinary user.
fn user(uid: u32, effective: u64, handed: u64) -> Process {
    let mut process = seen(7, "x");
    process.task.uid = 1_000;
    process.rights = Rights { uid, effective, handed };
    process
}

#[test]
fn root_that_came_without_an_exec_is_told() {
    let told = [(reason::ROOT_GAINED, 1_000)];
    assert_eq!(user(0, u64::MAX, 0).found("/data/x", &Table::default()), told);
    assert_eq!(seen(7, "x").found("/data/x", &Table::default()), [], "it was root when it began");
    assert_eq!(user(1_001, 0, 0).found("/data/x", &Table::default()), [], "another user");
    let mut unknown = user(0, 0, 0);
    unknown.task.uid = u32::MAX;
    assert_eq!(unknown.found("/data/x", &Table::default()), []);
    let mut before = user(0, 0, 0);
    before.task.start_ns = 1;
    assert_eq!(before.found("/data/x", &Table::default()), [], "known of another process");
}

#[test]
fn capabilities_that_came_without_an_exec_are_told() {
    let found = |process: &Process| process.found("/data/x", &Table::default());
    assert_eq!(found(&user(1_000, 0x80, 0)), [(reason::CAPABILITY_GAINED, 0x80)]);
    assert_eq!(found(&user(1_000, 0x81, 0x80)), [(reason::CAPABILITY_GAINED, 1)]);
    assert_eq!(found(&user(1_000, 0x80, 0x80)), [], "handed on by who started it");
    let mut forked = user(1_000, 0x80, 0);
    forked.task.flags = 0;
    assert_eq!(found(&forked), [], "kept by a daemon that forked after it gave up root");
    let mut early = user(1_000, 0x80, 0);
    early.task.start_ns = 5_000_000_000;
    assert_eq!(found(&early), [], "older than the agent");
}

#[test]
fn doors_and_namespaces_of_users_are_ordinary() {
    for process in [user(0, u64::MAX, 0), user(1_000, 0x80, 0)] {
        let door = Table { door: true, ..Table::default() };
        assert_eq!(process.found("/usr/bin/sudo", &door), []);
        let users = Table { users: true, ..Table::default() };
        assert_eq!(process.found("/usr/bin/bwrap", &users), []);
    }
    let mut child = user(0, u64::MAX, 0);
    child.task.flags |= task_flags::DOOR;
    assert_eq!(child.found("/usr/bin/id", &Table::default()), [], "sudo asks a child to become root");
}

#[test]
fn who_is_let_pass_or_out_of_scope_is_not_told() {
    let borrower = seen(7, "kworker/0:1");
    let mut allowed = borrower.seen(b"/data/x");
    allowed.allow = Detector::Masquerade.bit();
    assert_eq!(judge(&allowed, &Table::default()).count(), 0);
    allowed.allow = Detector::PrivilegeJump.bit();
    assert_eq!(judge(&allowed, &Table::default()).count(), 1);
    let outside = Table { outside: true, ..Table::default() };
    assert_eq!(borrower.found("/data/x", &outside), []);
}
