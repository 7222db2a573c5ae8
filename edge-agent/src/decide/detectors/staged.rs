//! A made-up machine for tests of what resolves candidates: the process 7, and whom it has to do with.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytemuck::Zeroable as _;
use edge_abi::{ActRecord, Outcome, Task, act_flags};
use edge_wire::{Act, Bytes, Evidence, Severity};

use super::{Spec, act};
use crate::config::Config;
use crate::enrich::Processes;
use crate::enrich::look::{FileFacts, Peer};
use crate::enrich::proc::Stat;

/// What is there; everything else is gone.
#[derive(Default)]
pub(crate) struct Stage {
    /// Texts by process and name.
    texts: HashMap<(u32, String), Vec<u8>>,
    /// Parents and flags.
    tasks: HashMap<u32, (u32, u32)>,
    /// Other ends of network sockets.
    sockets: HashMap<u64, u16>,
    /// Open files.
    open: HashMap<u32, Vec<Vec<u8>>>,
    /// Modes and ages of files.
    files: HashMap<Vec<u8>, (u32, u64)>,
    /// Whether modules are signed.
    modules: HashMap<PathBuf, bool>,
    /// Files that are of the image, and the inodes that only count; there is a list if there is one.
    listed: HashMap<PathBuf, u64>,
}

impl Stage {
    /// Notes a text.
    fn text(mut self, tgid: u32, name: &str, text: &str) -> Self {
        self.texts.insert((tgid, name.to_owned()), text.as_bytes().to_vec());
        self
    }

    /// What a process runs.
    pub(crate) fn exe(self, tgid: u32, path: &str) -> Self {
        self.text(tgid, "exe", path)
    }

    /// What the kernel side says that it runs.
    pub(crate) fn kept_exe(self, tgid: u32, path: &str) -> Self {
        self.text(tgid, "kept", path)
    }

    /// Where a process is.
    pub(crate) fn cwd(self, tgid: u32, path: &str) -> Self {
        self.text(tgid, "cwd", path)
    }

    /// What a process was told.
    pub(crate) fn cmdline(self, tgid: u32, words: &str) -> Self {
        self.text(tgid, "cmdline", words)
    }

    /// What a descriptor has open.
    pub(crate) fn descriptor(self, tgid: u32, number: u32, link: &str) -> Self {
        self.text(tgid, &format!("fd/{number}"), link)
    }

    /// A process, its parent and its flags.
    pub(crate) fn child(mut self, tgid: u32, parent: u32, flags: u32) -> Self {
        self.tasks.insert(tgid, (parent, flags));
        self
    }

    /// What all descriptors of a process have open.
    pub(crate) fn holds(mut self, tgid: u32, links: &[&str]) -> Self {
        self.open.insert(tgid, links.iter().map(|link| link.as_bytes().to_vec()).collect());
        self
    }

    /// A network socket, connected to 192.0.2.1.
    pub(crate) fn socket(mut self, inode: u64, port: u16) -> Self {
        self.sockets.insert(inode, port);
        self
    }

    /// A file with this mode, of long ago.
    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        self.aged(path, mode, 1_000_000)
    }

    /// A file with this mode and age in seconds.
    pub(crate) fn aged(mut self, path: &str, mode: u32, age: u64) -> Self {
        self.files.insert(path.as_bytes().to_vec(), (mode, age));
        self
    }

    /// A module, signed or not.
    pub(crate) fn signed(mut self, path: &str, signed: bool) -> Self {
        self.modules.insert(path.into(), signed);
        self
    }

    /// A file that is of the image, by where it is reached.
    pub(crate) fn listed(mut self, path: &str, inode: u64) -> Self {
        self.listed.insert(path.into(), inode);
        self
    }

    /// Finds a text.
    fn find(&self, tgid: u32, name: &str) -> Option<Vec<u8>> {
        self.texts.get(&(tgid, name.to_owned())).cloned()
    }
}

impl Processes for Stage {
    fn kept(&self, tgid: u32) -> Option<Task> {
        let mut task = Task { flags: self.tasks.get(&tgid).map_or(0, |known| known.1), ..Task::zeroed() };
        if let Some(exe) = self.find(tgid, "kept") {
            task.exe_len = exe.len() as u32;
            task.exe[..exe.len()].copy_from_slice(&exe);
        }
        Some(task)
    }

    fn stat(&self, tgid: u32) -> Option<Stat> {
        let parent = self.tasks.get(&tgid)?.0;
        Some(Stat { parent, start_ms: 0, comm: Bytes::new() })
    }

    fn exe(&self, tgid: u32) -> Option<Vec<u8>> {
        self.find(tgid, "exe")
    }

    fn cwd(&self, tgid: u32) -> Option<Vec<u8>> {
        self.find(tgid, "cwd")
    }

    fn descriptor(&self, tgid: u32, number: u32) -> Option<Vec<u8>> {
        self.find(tgid, &format!("fd/{number}"))
    }

    fn descriptors(&self, tgid: u32) -> Vec<Vec<u8>> {
        self.open.get(&tgid).cloned().unwrap_or_default()
    }

    fn cmdline(&self, tgid: u32) -> Option<Vec<u8>> {
        self.find(tgid, "cmdline")
    }

    fn socket(&self, _: u32, inode: u64) -> Option<Peer> {
        let port = *self.sockets.get(&inode)?;
        let mut peer = Peer { protocol: 6, length: 4, port, address: [0; 16] };
        peer.address[..4].copy_from_slice(&[192, 0, 2, 1]);
        Some(peer)
    }

    fn children(&self, parent: u32) -> Vec<u32> {
        self.tasks.iter().filter(|(_, known)| known.0 == parent).map(|(tgid, _)| *tgid).collect()
    }

    fn reach(&self, _: u32, _: Option<u32>, path: &[u8]) -> Option<PathBuf> {
        Some(PathBuf::from(OsStr::from_bytes(path)))
    }

    fn is_listed(&self, _: &Config, file: &Path, _: &[u8], inode: u64) -> Option<bool> {
        let found = self.listed.get(file);
        (!self.listed.is_empty()).then(|| found.is_some_and(|known| inode == 0 || *known == inode))
    }

    fn is_path_listed(&self, path: &[u8]) -> bool {
        self.listed.contains_key(Path::new(OsStr::from_bytes(path)))
    }

    fn is_signed(&self, path: &Path) -> Option<bool> {
        self.modules.get(path).copied()
    }

    fn file(&self, path: &[u8]) -> Option<FileFacts> {
        let (mode, age) = *self.files.get(path)?;
        Some(FileFacts { mode, age: Some(Duration::from_secs(age)) })
    }
}

/// What becomes of a candidate about the process 7.
pub(crate) fn judged(
    spec: &Spec,
    reason: u8,
    path: &str,
    value: u64,
    stage: &Stage,
) -> Option<(Severity, Act)> {
    judged_under(&Config::default(), spec, reason, path, value, stage)
}

/// The same under a configuration of its own.
pub(crate) fn judged_under(
    config: &Config,
    spec: &Spec,
    reason: u8,
    path: &str,
    value: u64,
    stage: &Stage,
) -> Option<(Severity, Act)> {
    judged_at(config, spec, (reason, act_flags::CANDIDATE), path, value, stage)
}

/// The same with flags of its own beside the reason.
pub(crate) fn judged_at(
    config: &Config,
    spec: &Spec,
    (reason, flags): (u8, u8),
    path: &str,
    value: u64,
    stage: &Stage,
) -> Option<(Severity, Act)> {
    let mut record = ActRecord::zeroed();
    record.header.tgid = 7;
    (record.reason, record.flags, record.value, record.count) = (reason, flags, value, 1);
    record.path_len = path.len() as u16;
    record.path[..path.len()].copy_from_slice(path.as_bytes());
    let judged = act::judge(&record, spec, Outcome::Reported, stage, config)?;
    match judged.evidence {
        Evidence::Act(act) => Some((judged.severity, act)),
        other => panic!("evidence of another detector: {other:?}"),
    }
}
