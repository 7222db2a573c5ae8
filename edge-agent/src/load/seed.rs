//! Tells the kernel side about processes that were there before it: their programs, parents, trust and directories.

use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use aya::maps::{HashMap, MapData, MapError};
use bytemuck::Zeroable as _;
use edge_abi::{Allow, CWD_BYTES, Detector, EXE_BYTES, Role, Task, file_hash, task_flags};

use super::egress::identity;
use super::maps::Maps;
use super::prefixes::kernel_device;
use crate::config::Config;
use crate::enrich::place;
use crate::enrich::proc::{self, Rights, Stat};
use crate::learn::Learnt;
use crate::sweep::{SAME_START_NS, Seen};

/// One process found in /proc.
struct Found {
    /// Its id.
    tgid: u32,
    /// Its parent, start time and name.
    stat: Stat,
    /// Its user and capabilities, if they could be read.
    rights: Option<Rights>,
    /// Its executable, links resolved; empty for a kernel thread.
    exe: Vec<u8>,
    /// The role of its program.
    role: Allow,
}

/// `S_ISUID`.
const SET_UID: u32 = 0o4000;

/// `BPF_NOEXIST`: do not replace an entry.
const NEW_ONLY: u64 = 1;

/// Tells everything about every process, before anything is judged.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn seed(maps: &mut Maps, config: &Config, learnt: &Learnt) -> Result<usize, MapError> {
    let processes = walk(config);
    for found in &processes {
        let task = task(found, &processes, config, learnt);
        keep(maps, found.tgid, &task);
        maps.tasks.insert(found.tgid, bytemuck::cast::<_, [u8; size_of::<Task>()]>(task), 0)?;
    }
    Ok(processes.len())
}

/// Tells what the kernel side has missed meanwhile: its table forgets the least used when there are too many processes. How many
/// entries were missing, or were made without having seen the start. Every process is shown to `visit` before that.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn repair(
    maps: &mut Maps,
    config: &Config,
    learnt: &Learnt,
    visit: &mut dyn FnMut(&Seen<'_>),
) -> Result<usize, MapError> {
    let processes = walk(config);
    // The exit of a process can be missed, and its id comes back as another's.
    let kept: Vec<u32> = maps.roles.keys().collect::<Result<_, _>>()?;
    for gone in kept.iter().filter(|kept| !processes.iter().any(|found| found.tgid == **kept)) {
        let _ = maps.roles.remove(gone);
    }
    let mut repaired = 0;
    for found in &processes {
        let known = maps.tasks.get(&found.tgid, 0).ok();
        let known: Option<Task> = known.and_then(|bytes| bytemuck::try_pod_read_unaligned(&bytes).ok());
        if found.tgid != std::process::id() {
            visit(&Seen {
                tgid: found.tgid,
                stat: &found.stat,
                exe: &found.exe,
                rights: found.rights,
                kept: known.as_ref(),
                allow: found.role.own | known.map_or(0, |known| known.allow),
            });
        }
        let flags = match known {
            None => NEW_ONLY,
            Some(task) if is_wrong(&task, found) || is_provisional(&task, found) => 0,
            Some(_) => continue,
        };
        let mut task = task(found, &processes, config, learnt);
        if let Some(known) = known.filter(|known| known.start_ns == 0) {
            // What it did since is known only to the kernel side.
            task.flags |= known.flags & !task_flags::UNRESOLVED;
        }
        keep(maps, found.tgid, &task);
        // One made meanwhile is newer than ours and stays.
        match maps.tasks.insert(found.tgid, bytemuck::cast::<_, [u8; size_of::<Task>()]>(task), flags) {
            Ok(()) => repaired += 1,
            Err(_) if flags == NEW_ONLY => {}
            Err(error) => return Err(error),
        }
    }
    Ok(repaired)
}

/// Has the kernel side keep what must not be forgotten of a process. Where there is no room, nothing is lost but the certainty that it
/// outlives a storm.
fn keep(maps: &mut Maps, tgid: u32, task: &Task) {
    if let Some(role) = Role::of(task) {
        let _ = maps.roles.insert(tgid, bytemuck::cast::<_, [u8; size_of::<Role>()]>(role), 0);
    }
}

/// Whether an entry was made without having seen the start, or is about a process that had this id before.
fn is_wrong(task: &Task, found: &Found) -> bool {
    let start_ns = found.stat.start_ms.saturating_mul(1_000_000);
    task.flags & task_flags::UNRESOLVED != 0 || task.start_ns.abs_diff(start_ns) > SAME_START_NS
}

/// Tells a kernel side that an earlier agent left who this one is: nothing that it or its children do is anybody's finding.
///
/// # Errors
/// What /proc or the kernel says.
pub(super) fn introduce(
    tasks: &mut HashMap<MapData, u32, [u8; size_of::<Task>()]>,
) -> Result<(), Box<dyn Error>> {
    let tgid = std::process::id();
    let stat = proc::stat(tgid).ok_or("/proc does not tell of ourselves")?;
    let known = tasks.get(&tgid, 0).ok().and_then(|bytes| bytemuck::try_pod_read_unaligned(&bytes).ok());
    let known: Task = known.unwrap_or_else(Task::zeroed);
    let task = Task {
        start_ns: stat.start_ms.saturating_mul(1_000_000),
        parent: stat.parent,
        flags: known.flags & !task_flags::UNRESOLVED | INTRODUCED,
        allow: u32::MAX,
        inherit: u32::MAX,
        ..known
    };
    tasks.insert(tgid, bytemuck::cast::<_, [u8; size_of::<Task>()]>(task), 0)?;
    Ok(())
}

/// What is said of an agent that introduces itself.
const INTRODUCED: u32 = task_flags::GUARD | task_flags::TRUSTED | task_flags::EXECUTED;

/// Whether an entry is about this agent and is not what it is to be: made by [`introduce`], or by the kernel side alone.
fn is_provisional(task: &Task, found: &Found) -> bool {
    found.tgid == std::process::id() && (task.allow == u32::MAX || task.flags & task_flags::GUARD == 0)
}

/// Walks /proc once. Processes that vanish meanwhile are left out.
fn walk(config: &Config) -> Vec<Found> {
    let mut processes: Vec<Found> = Vec::new();
    for tgid in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(tgid) = tgid.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(stat) = proc::stat(tgid) else { continue };
        let exe = proc::exe(tgid).unwrap_or_default();
        let rights = proc::rights(tgid);
        let mut role = role(config, &exe, stat.comm.as_slice());
        if rights.is_none_or(|rights| rights.uid != 0) {
            role.flags &= !task_flags::TRUSTED;
        }
        if tgid == 1 {
            // Whatever it is called (`busybox`, `init` in the initial RAM disk), it is the init system.
            let init = config.allow_of(b"/sbin/init");
            role.own |= init.own;
            role.flags |= task_flags::SPAWNER;
        }
        if tgid == std::process::id() {
            role.flags |= task_flags::GUARD;
            // From wherever it was started, it must reach its broker.
            role.own |= Detector::NewEgress.bit();
        }
        processes.push(Found { tgid, stat, rights, exe, role });
    }
    processes
}

/// The role of a program. BusyBox is many programs in one file: what runs is told by the name it was started under, which for
/// a process older than the agent is the best there is.
fn role(config: &Config, exe: &[u8], comm: &[u8]) -> Allow {
    let mut role = config.allow_of(exe);
    if exe.ends_with(b"/busybox") {
        for folder in [&b"/bin/"[..], b"/sbin/"] {
            let applet = config.allow_of(&[folder, comm].concat());
            role.own |= applet.own;
            role.children |= applet.children;
            role.flags |= applet.flags;
        }
    }
    role
}

/// What the kernel side would remember of this process had it seen it start.
fn task(found: &Found, all: &[Found], config: &Config, learnt: &Learnt) -> Task {
    let mut flags = found.role.flags & (task_flags::SPAWNER | task_flags::GUARD);
    if !found.exe.is_empty() {
        flags |= task_flags::EXECUTED;
    }
    let above = Above::of(found, all);
    if above.trusted {
        flags |= task_flags::TRUSTED;
    }
    if proc::descriptors(found.tgid).iter().any(|link| link.starts_with(b"socket:")) {
        // Of what family is not looked at: it only says that a shell of this process is worth a look.
        flags |= task_flags::NETWORK;
    }
    let file = fs::metadata(format!("/proc/{}/exe", found.tgid)).ok();
    if file.as_ref().is_some_and(|file| file.mode() & SET_UID != 0 && file.uid() == 0) {
        flags |= task_flags::DOOR;
    }
    let (mut cwd, mut cwd_len) = ([0; CWD_BYTES], 0);
    if let Some(directory) = proc::cwd(found.tgid) {
        if place::is_volatile(&directory, &config.detectors.volatile_exec) {
            flags |= task_flags::CWD_VOLATILE;
        }
        if directory.len() < CWD_BYTES - 1 {
            cwd_len = copy(&directory, &mut cwd);
        }
    }
    let mut exe = [0; EXE_BYTES];
    let exe_len = copy(&found.exe, &mut exe);
    Task {
        start_ns: found.stat.start_ms * 1_000_000,
        exe_id: identity(learnt, &names(found)),
        flags,
        uid: found.rights.map_or(u32::MAX, |rights| rights.uid),
        parent: found.stat.parent,
        origin: above.origin,
        allow: above.inherited | found.role.own,
        inherit: above.inherited | found.role.children,
        exe_len,
        cwd_len,
        exe,
        cwd,
        name: edge_abi::name_hash(found.exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default()),
        exe_file: file.as_ref().map_or(0, |file| file_hash(kernel_device(file.dev()), file.ino())),
    }
}

/// The names under which a program may have been started: its file, as it was called, and for an interpreter the script; BusyBox by
/// the applet that it is called as.
fn names(found: &Found) -> Vec<Vec<u8>> {
    let mut names = vec![found.exe.clone()];
    let line = proc::cmdline(found.tgid).unwrap_or_default();
    names.extend(
        line.split(|byte| *byte == 0).take(2).filter(|word| word.starts_with(b"/")).map(<[u8]>::to_vec),
    );
    let applet = found.stat.comm.as_slice();
    names.extend([&b"/bin/"[..], b"/sbin/"].map(|folder| [folder, applet].concat()));
    names
}

/// Copies what fits; how much that was.
fn copy(from: &[u8], to: &mut [u8]) -> u32 {
    for (slot, byte) in to.iter_mut().zip(from) {
        *slot = *byte;
    }
    from.len().min(to.len()) as u32
}

/// What a process has from its ancestors, itself included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Above {
    /// One of them runs a trusted program.
    trusted: bool,
    /// Detectors that the children of one of them may set off.
    inherited: u32,
    /// The ancestor, or itself, that something that starts services has started.
    origin: u32,
}

impl Above {
    /// Walks up from `found`.
    fn of(found: &Found, all: &[Found]) -> Self {
        let trusted = |found: &Found| found.role.flags & task_flags::TRUSTED != 0;
        let mut above = Self { trusted: trusted(found), inherited: 0, origin: found.tgid };
        let (mut current, mut open) = (found, true);
        // Deeper chains than this do not occur; the bound also ends a circle in a /proc that changed while it was read.
        for _ in 0..64 {
            let Some(parent) = all.iter().find(|other| other.tgid == current.stat.parent) else { break };
            above.trusted |= trusted(parent);
            above.inherited |= parent.role.children;
            open &= parent.role.flags & task_flags::SPAWNER == 0 && parent.tgid > 1;
            if open {
                above.origin = parent.tgid;
            }
            current = parent;
        }
        above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tgid: u32, parent: u32, flags: u32) -> Found {
        let stat = Stat { parent, start_ms: 0, comm: edge_wire::Bytes::new() };
        let role = Allow { own: 0, children: flags >> 16, flags: flags & 0xffff, reserved: 0 };
        Found { tgid, stat, rights: None, exe: Vec::new(), role }
    }

    #[test]
    fn trust_comes_down_the_line_and_circles_end() {
        let all = [
            found(1, 0, 0),
            found(10, 1, task_flags::TRUSTED | 4 << 16),
            found(11, 10, 0),
            found(20, 21, 0),
            found(21, 20, 0),
        ];
        let above = Above::of(&all[2], &all);
        assert_eq!((above.trusted, above.inherited, above.origin), (true, 4, 10));
        assert!(!Above::of(&all[0], &all).trusted);
        assert!(!Above::of(&all[3], &all).trusted);
    }

    #[test]
    fn entries_of_strangers_and_of_the_unseen_are_wrong() {
        use bytemuck::Zeroable as _;
        let mut found = found(10, 1, 0);
        found.stat.start_ms = 5_000;
        let task = Task { start_ns: 5_004_000_000, ..Task::zeroed() };
        assert!(!is_wrong(&task, &found));
        assert!(is_wrong(&Task { flags: task_flags::UNRESOLVED, ..task }, &found));
        assert!(is_wrong(&Task { start_ns: 4_000_000_000, ..task }, &found));
    }

    #[test]
    fn an_applet_has_the_role_of_its_name() {
        let config = Config::default();
        let crond = role(&config, b"/bin/busybox", b"crond");
        assert_ne!(crond.flags & task_flags::SPAWNER, 0);
        assert_eq!(role(&config, b"/bin/busybox", b"sleep"), Allow::default());
        assert_eq!(role(&config, b"/tmp/evil", b"crond"), Allow::default());
    }

    #[test]
    fn what_a_spawner_starts_is_an_origin() {
        let all = [
            found(1, 0, task_flags::SPAWNER),
            found(5, 1, task_flags::SPAWNER),
            found(6, 5, 0),
            found(7, 6, 0),
            found(8, 7, 0),
        ];
        assert_eq!(Above::of(&all[4], &all).origin, 6, "the session below the login daemon");
        assert_eq!(Above::of(&all[1], &all).origin, 5, "the daemon itself is a service of init");
    }
}
