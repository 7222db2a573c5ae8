//! What is suspicious about a process as `/proc` shows it. Pure: what has to be looked at further is asked of a [`Look`].

use edge_abi::{Detector, Task, is_kernel_name, reason, task_flags};

use crate::enrich::look::{alive, base};
use crate::enrich::proc::{Rights, Stat};

/// How far `/proc` (ticks of 10 ms) and the kernel side may differ about the same start.
pub(crate) const SAME_START_NS: u64 = 20_000_000;

/// Milliseconds to nanoseconds: what `/proc` tells are whole ticks of ten milliseconds, what the kernel side saw itself is not.
const TICK_NS: u64 = 10_000_000;

/// Programs that run others under those others' names.
pub(crate) const MULTI_CALL: [&[u8]; 3] = [b"busybox", b"toybox", b"toolbox"];

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its id.
    pub tgid: u32,
    /// Its parent, start and name.
    pub stat: &'a Stat,
    /// Its executable, links resolved; empty for a kernel thread, and for what cannot be looked at.
    pub exe: &'a [u8],
    /// Its user and capabilities, if they could be read.
    pub rights: Option<Rights>,
    /// What the kernel side knows of it.
    pub kept: Option<&'a Task>,
    /// [`Detector::bit`]s of the detectors that it is allowed to set off.
    pub allow: u32,
}

impl Seen<'_> {
    /// What the kernel side knows, if that is about this process and not about one that had its id before.
    fn known(&self) -> Option<&Task> {
        let start_ns = self.stat.start_ms.saturating_mul(1_000_000);
        self.kept.filter(|kept| kept.start_ns.abs_diff(start_ns) <= SAME_START_NS)
    }
}

/// Something suspicious.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Whose finding it is.
    pub detector: Detector,
    /// One of [`reason`].
    pub reason: u8,
    /// What it is about, by the reason: the user id before, or capabilities.
    pub value: u64,
    /// The borrowed name, or the program.
    pub object: Vec<u8>,
}

/// Whether the usual folders have a program of some name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// None of them.
    Nothing,
    /// Another one than the process runs.
    Other,
    /// It is what the process runs, perhaps by a link.
    Same,
}

/// What has to be looked at further, of few processes.
pub trait Look {
    /// The command line, each argument ended by a NUL.
    fn cmdline(&self, tgid: u32) -> Option<Vec<u8>>;
    /// Whether the folders for programs have one called `name`.
    fn named(&self, tgid: u32, name: &[u8]) -> Named;
    /// Whether a process may have what it has by its program: a set-uid or set-gid file, or one with capabilities. Also when nobody can tell.
    fn is_door(&self, tgid: u32) -> bool;
    /// Whether a process has another user namespace than this agent, where capabilities are worth nothing outside. Also when nobody can tell.
    fn has_own_users(&self, tgid: u32) -> bool;
    /// Whether a process is one that is to be judged at all.
    fn is_in_scope(&self, tgid: u32) -> bool;
}

/// Everything suspicious about one process.
pub(super) fn judge(seen: &Seen<'_>, look: &dyn Look) -> impl Iterator<Item = Suspicion> {
    // Kernel threads have no program, and the dead none any more.
    let whole = !seen.exe.is_empty();
    let allowed = |detector: Detector| whole && seen.allow & detector.bit() == 0;
    let name = if allowed(Detector::Masquerade) { borrowed(seen, look) } else { None };
    let jump = if allowed(Detector::PrivilegeJump) { jump(seen, look) } else { None };
    let in_scope = (name.is_some() || jump.is_some()) && look.is_in_scope(seen.tgid);
    name.into_iter().chain(jump).filter(move |_| in_scope)
}

/// A borrowed name: in `comm`, or as the first word of the command line.
fn borrowed(seen: &Seen<'_>, look: &dyn Look) -> Option<Suspicion> {
    let told = |reason, name: &[u8]| {
        Some(Suspicion { detector: Detector::Masquerade, reason, value: 0, object: name.to_vec() })
    };
    let comm = seen.stat.comm.as_slice();
    let line = look.cmdline(seen.tgid).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    let first = words.next().unwrap_or_default();
    if let Some(name) = [comm, first].into_iter().find(|name| is_kernel_name(name)) {
        return told(reason::KERNEL_NAME, name);
    }
    // One that fills its field may have been cut at a blank.
    if comm.starts_with(b" ") || (comm.ends_with(b" ") && comm.len() < edge_abi::COMM_BYTES - 1) {
        return told(reason::DECEPTIVE_NAME, comm);
    }
    let own = base(alive(seen.exe));
    if MULTI_CALL.contains(&own) {
        return None;
    }
    // A script goes by its own name, and is the second word; what was executed may be a link.
    let script = words.next().filter(|word| word.starts_with(b"/")).map(base).unwrap_or_default();
    let executed = seen.known().map_or(&[][..], executed);
    let is_own = |name: &[u8]| [own, script, executed].iter().any(|other| is_alike(name, other));
    let full = first.starts_with(b"/").then(|| base(first));
    let names = [Some(comm), full].into_iter().flatten().filter(|name| !name.is_empty() && !is_own(name));
    let mut foreign = names.filter(|name| look.named(seen.tgid, name) == Named::Other);
    foreign.next().and_then(|name| told(reason::FOREIGN_NAME, name))
}

/// Whether one name begins with the other: a comm is cut at 15 bytes, and daemons add words.
fn is_alike(name: &[u8], other: &[u8]) -> bool {
    !other.is_empty() && (name.starts_with(other) || other.starts_with(name))
}

/// The name of what was executed last, as far as it is kept.
fn executed(task: &Task) -> &[u8] {
    base(task.exe.get(..task.exe.len().min(task.exe_len as usize)).unwrap_or_default())
}

/// Root, or capabilities, that came without an exec.
fn jump(seen: &Seen<'_>, look: &dyn Look) -> Option<Suspicion> {
    let (known, rights) = (seen.known()?, seen.rights?);
    if known.uid == 0 || known.uid == u32::MAX || known.flags & task_flags::DOOR != 0 {
        return None;
    }
    let (reason, value) = if rights.uid == 0 {
        (reason::ROOT_GAINED, u64::from(known.uid))
    } else {
        // Whoever executes something as an ordinary user keeps but what was handed on. What the kernel side did not see executed may have been
        // root before, and kept some.
        let watched = known.flags & task_flags::EXECUTED != 0 && !known.start_ns.is_multiple_of(TICK_NS);
        let gained = rights.effective & !rights.handed;
        if !watched || gained == 0 {
            return None;
        }
        (reason::CAPABILITY_GAINED, gained)
    };
    if look.is_door(seen.tgid) || look.has_own_users(seen.tgid) {
        return None;
    }
    let object = alive(seen.exe).to_vec();
    Some(Suspicion { detector: Detector::PrivilegeJump, reason, value, object })
}

#[cfg(test)]
#[path = "rules_tests.rs"]
pub(super) mod tests;
