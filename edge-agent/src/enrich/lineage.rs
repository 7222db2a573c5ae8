//! Who a process is and who its ancestors are, from `/proc` and from what the kernel side kept.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use edge_abi::Task;
use edge_wire::{Ancestor, Bytes, MAX_LINEAGE, Subject};
use heapless::Vec;

use super::proc::{self, Stat};
use super::{look, mounts};
use crate::config::Config;

/// `/proc` counts start times in ticks of 10 ms, the kernel side in nanoseconds: the same start may differ by this much.
const SAME_START_MS: u64 = 20;

/// Where facts about processes come from; a trait so that judgement can be tested without processes.
pub trait Processes {
    /// What the kernel side kept.
    fn kept(&self, tgid: u32) -> Option<Task>;

    /// What `/proc/<tgid>/stat` says.
    fn stat(&self, tgid: u32) -> Option<Stat> {
        proc::stat(tgid)
    }

    /// The executable, links resolved.
    fn exe(&self, tgid: u32) -> Option<std::vec::Vec<u8>> {
        proc::exe(tgid)
    }

    /// The name of the main thread; empty when the process is gone and its program was not kept.
    fn comm(&self, tgid: u32) -> Bytes<16> {
        self.stat(tgid).map_or_else(|| kept_name(self, tgid), |stat| stat.comm)
    }

    /// Whether a descriptor is a netlink socket; `None` when it is closed, or no socket.
    fn is_netlink(&self, tgid: u32, descriptor: u64) -> Option<bool> {
        proc::is_netlink(tgid, descriptor)
    }

    /// The working directory.
    fn cwd(&self, tgid: u32) -> Option<std::vec::Vec<u8>> {
        proc::cwd(tgid)
    }

    /// By which path the file is found from here that a process calls `path`, see [`proc::reach`]. Of one that is gone,
    /// an absolute path is taken as it is, and a relative one joined to what the kernel side kept of its directory.
    fn reach(&self, tgid: u32, descriptor: Option<u32>, path: &[u8]) -> Option<PathBuf> {
        let text = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        proc::reach(tgid, descriptor, path).or_else(|| {
            if path.first() == Some(&b'/') {
                return Some(text(path));
            }
            let task = self.kept(tgid).filter(|task| task.cwd_len != 0 && descriptor.is_none())?;
            Some(text(task.cwd.get(..task.cwd_len as usize)?).join(text(path)))
        })
    }

    /// What a descriptor has open.
    fn descriptor(&self, tgid: u32, number: u32) -> Option<std::vec::Vec<u8>> {
        proc::link(tgid, &format!("fd/{number}"))
    }

    /// What all its descriptors have open.
    fn descriptors(&self, tgid: u32) -> std::vec::Vec<std::vec::Vec<u8>> {
        proc::descriptors(tgid)
    }

    /// The command line, each argument ended by a NUL.
    fn cmdline(&self, tgid: u32) -> Option<std::vec::Vec<u8>> {
        proc::cmdline(tgid)
    }

    /// The kernel's name for a device, `char` or `block`, by its numbers; `None` when it has none.
    fn device(&self, kind: &str, major: u64, minor: u64) -> Option<std::vec::Vec<u8>> {
        look::device(kind, major, minor)
    }

    /// The network socket with this inode, in the network of `tgid`; `None` when it is of another kind.
    fn socket(&self, tgid: u32, inode: u64) -> Option<look::Peer> {
        look::socket(tgid, inode)
    }

    /// The children of a process.
    fn children(&self, parent: u32) -> std::vec::Vec<u32> {
        look::children(parent)
    }

    /// Where `path` of the file system numbered `device` is found, see [`mounts::placed`].
    fn placed(&self, tgid: u32, device: u32, path: &[u8]) -> Option<std::vec::Vec<u8>> {
        mounts::placed(tgid, device, path)
    }

    /// Mode and age of a file.
    fn file(&self, path: &[u8]) -> Option<look::FileFacts> {
        look::file(path)
    }

    /// Whether a file that goes by `path` is of the image, see [`crate::load::Maps::is_listed`]; `None` without a list.
    fn is_listed(&self, _: &Config, _file: &std::path::Path, _path: &[u8], _inode: u64) -> Option<bool> {
        None
    }

    /// Whether a path is of the image; never without a list.
    fn is_path_listed(&self, _path: &[u8]) -> bool {
        false
    }

    /// Whether a module's file carries a signature, see [`look::is_signed`].
    fn is_signed(&self, path: &std::path::Path) -> Option<bool> {
        look::is_signed(path)
    }
}

/// The path of a record, see [`Processes::placed`]. One that is not whole, or of a file system that is mounted nowhere, stays as it is, and
/// so does one that would not fit then.
pub fn placed<const N: usize>(processes: &impl Processes, tgid: u32, device: u32, path: &[u8]) -> Bytes<N> {
    let whole = (device != 0 && path.first() == Some(&b'/')).then(|| processes.placed(tgid, device, path));
    let whole = whole.flatten().filter(|whole| whole.len() <= N);
    Bytes::cut(whole.as_deref().unwrap_or(path))
}

/// Who a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The process.
    pub subject: Subject,
    /// Its ancestors, parent first.
    pub lineage: Vec<Ancestor, MAX_LINEAGE>,
    /// Whether the process was still there, so that its executable is the real one with links resolved.
    pub live: bool,
}

/// The subject of a record made at `event_ms`, and its ancestors, parent first.
pub fn identify(processes: &impl Processes, tgid: u32, uid: u32, comm: &[u8], event_ms: u64) -> Identified {
    let own = member(processes, tgid, event_ms);
    let live = own.live;
    let exe = live.then(|| processes.exe(tgid)).flatten().filter(|exe| !exe.is_empty());
    let exe = exe.map_or_else(|| kept_exe(processes, tgid), |exe| Bytes::cut(&exe));
    let mut comm = Bytes::until_nul(comm);
    if comm.is_empty() && tgid != 0 {
        // Seen where the kernel side cannot ask for the name.
        comm = if own.comm.is_empty() { kept_name(processes, tgid) } else { own.comm };
    }
    let subject = Subject { tgid, start_ms: own.start_ms, uid, comm, exe };

    let mut lineage = Vec::new();
    let (mut child, mut parent) = (own.start_ms, own.parent);
    while parent != 0 && !lineage.is_full() {
        // An ancestor started before its child; one that did not is a stranger with a reused id.
        let before = if child == 0 { event_ms } else { child.saturating_add(SAME_START_MS) };
        let known = member(processes, parent, before);
        let comm = if known.comm.is_empty() { kept_name(processes, parent) } else { known.comm };
        if known.start_ms == 0 && comm.is_empty() {
            break;
        }
        let _ = lineage.push(Ancestor { tgid: parent, start_ms: known.start_ms, comm });
        (child, parent) = (known.start_ms, known.parent);
    }
    Identified { subject, lineage, live }
}

/// What is known of one process.
struct Member {
    /// Start time, 0 when unknown.
    start_ms: u64,
    /// Parent, 0 when unknown.
    parent: u32,
    /// Name, empty when unknown.
    comm: Bytes<16>,
    /// Whether `/proc` is about this process and not about one that got its id later.
    live: bool,
}

/// Merges both sources about `tgid`, which started no later than `before_ms`.
fn member(processes: &impl Processes, tgid: u32, before_ms: u64) -> Member {
    let kept = processes.kept(tgid).filter(|task| task.start_ns != 0);
    let kept_start = kept.map(|task| task.start_ns / 1_000_000).filter(|start| *start <= before_ms);
    let stat = processes.stat(tgid).filter(|stat| {
        let same = kept_start.is_none_or(|start| stat.start_ms.abs_diff(start) <= SAME_START_MS);
        same && stat.start_ms <= before_ms
    });
    match (stat, kept_start) {
        // The kernel side's start is finer, and stays what it is when the process is gone.
        (Some(stat), kept_start) => Member {
            start_ms: kept_start.unwrap_or(stat.start_ms),
            parent: stat.parent,
            comm: stat.comm,
            live: true,
        },
        (None, Some(start_ms)) => {
            Member { start_ms, parent: kept.map_or(0, |task| task.parent), comm: Bytes::new(), live: false }
        }
        (None, None) => Member { start_ms: 0, parent: 0, comm: Bytes::new(), live: false },
    }
}

/// The path last executed by a process, or by the ancestor it was forked from without executing anything since.
fn kept_exe<const N: usize>(processes: &(impl Processes + ?Sized), tgid: u32) -> Bytes<N> {
    let mut current = tgid;
    for _ in 0..8 {
        let Some(task) = processes.kept(current) else { break };
        if task.exe_len != 0 {
            let length = task.exe.len().min(task.exe_len as usize);
            return Bytes::until_nul(task.exe.get(..length).unwrap_or_default());
        }
        current = task.parent;
    }
    Bytes::new()
}

/// The last component of that path, which is what comm begins as.
fn kept_name(processes: &(impl Processes + ?Sized), tgid: u32) -> Bytes<16> {
    let exe: Bytes<64> = kept_exe(processes, tgid);
    Bytes::cut(exe.as_slice().rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytemuck::Zeroable as _;
    use edge_abi::EXE_BYTES;

    use super::*;

    /// A made-up process table.
    #[derive(Default)]
    struct Table {
        stats: HashMap<u32, (u32, u64, &'static str)>,
        exes: HashMap<u32, &'static str>,
        kept: HashMap<u32, (u32, u64, &'static str)>,
    }

    impl Processes for Table {
        fn kept(&self, tgid: u32) -> Option<Task> {
            let (parent, start_ms, path) = self.kept.get(&tgid)?;
            let mut exe = [0; EXE_BYTES];
            exe[..path.len()].copy_from_slice(path.as_bytes());
            let exe_len = path.len() as u32;
            Some(Task { exe_len, exe, start_ns: start_ms * 1_000_000, parent: *parent, ..Task::zeroed() })
        }

        fn stat(&self, tgid: u32) -> Option<Stat> {
            let (parent, start_ms, comm) = self.stats.get(&tgid)?;
            Some(Stat { parent: *parent, start_ms: *start_ms, comm: Bytes::cut(comm.as_bytes()) })
        }

        fn exe(&self, tgid: u32) -> Option<std::vec::Vec<u8>> {
            self.exes.get(&tgid).map(|exe| exe.as_bytes().to_vec())
        }

        fn cwd(&self, _: u32) -> Option<std::vec::Vec<u8>> {
            None
        }
    }

    fn names(lineage: &[Ancestor]) -> std::vec::Vec<String> {
        lineage.iter().map(|ancestor| format!("{}[{}]", ancestor.comm, ancestor.tgid)).collect()
    }

    #[test]
    fn a_living_process_is_told_by_proc() {
        let mut table = Table::default();
        table.stats.insert(50, (10, 5_000, "evil"));
        table.stats.insert(10, (1, 100, "sh"));
        table.stats.insert(1, (0, 0, "init"));
        table.exes.insert(50, "/data/evil");
        let Identified { subject, lineage, .. } = identify(&table, 50, 7, b"evil\0\0", 6_000);
        assert_eq!((subject.start_ms, subject.exe.as_slice(), subject.uid), (5_000, &b"/data/evil"[..], 7));
        assert_eq!(names(&lineage), ["sh[10]", "init[1]"]);
    }

    #[test]
    fn a_killed_process_is_told_by_the_kernel_side() {
        let mut table = Table::default();
        table.kept.insert(50, (10, 5_000, "/tmp/x"));
        table.kept.insert(10, (1, 4_000, "/bin/sh"));
        table.stats.insert(1, (0, 0, "init"));
        let Identified { subject, lineage, .. } = identify(&table, 50, 0, b"x", 6_000);
        assert_eq!((subject.start_ms, subject.exe.as_slice()), (5_000, &b"/tmp/x"[..]));
        assert_eq!(names(&lineage), ["sh[10]", "init[1]"]);
    }

    #[test]
    fn a_worker_that_never_executed_is_its_parents_program() {
        let mut table = Table::default();
        table.kept.insert(51, (50, 5_500, ""));
        table.kept.insert(50, (1, 5_000, "/usr/bin/python3"));
        assert_eq!(identify(&table, 51, 0, b"python3", 6_000).subject.exe.as_slice(), b"/usr/bin/python3");
    }

    #[test]
    fn a_reused_id_is_not_believed() {
        let mut table = Table::default();
        // The record is of 6.0 s; the process that now has the id began at 9.0 s.
        table.stats.insert(50, (1, 9_000, "innocent"));
        table.exes.insert(50, "/usr/bin/innocent");
        let Identified { subject, lineage, .. } = identify(&table, 50, 0, b"gone", 6_000);
        assert_eq!((subject.start_ms, subject.exe.is_empty()), (0, true));
        assert!(lineage.is_empty());
        // The kernel side knew the old one.
        table.kept.insert(50, (2, 5_000, "/tmp/gone"));
        assert_eq!(identify(&table, 50, 0, b"gone", 6_000).subject.exe.as_slice(), b"/tmp/gone");
    }

    #[test]
    fn an_ancestor_younger_than_its_child_ends_the_line() {
        let mut table = Table::default();
        table.stats.insert(50, (10, 5_000, "x"));
        table.stats.insert(10, (1, 5_900, "stranger"));
        assert!(identify(&table, 50, 0, b"x", 6_000).lineage.is_empty());
    }

    #[test]
    fn lineage_is_bounded() {
        let mut table = Table::default();
        for tgid in 1..20 {
            table.stats.insert(tgid, (tgid - 1, u64::from(tgid), "p"));
        }
        assert_eq!(identify(&table, 19, 0, b"p", 100).lineage.len(), MAX_LINEAGE);
    }
}
