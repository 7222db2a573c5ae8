//! Candidates of watched paths: where the path that a process gave really leads, seen with that process's eyes.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Bytes};

use super::{Resolved, spec_of};
use crate::config::Config;
use crate::enrich::Processes;

/// `AT_FDCWD`, as the kernel side keeps it.
const AT_FDCWD: u32 = (-100_i32).cast_unsigned();

/// Takes the folder's descriptor out of a candidate's number, and says where its path leads from here.
pub fn reach(evidence: &mut Act, record: &ActRecord, processes: &dyn Processes) -> Option<PathBuf> {
    let folder = (record.value >> 32) as u32;
    evidence.value = record.value & u64::from(u32::MAX);
    if record.device != 0 {
        // Where it was found is known; a descriptor does not come into it.
        return processes.reach(record.header.tgid, None, evidence.object.as_slice());
    }
    let path = record.path.get(..usize::from(record.path_len))?;
    processes.reach(record.header.tgid, (folder != AT_FDCWD).then_some(folder), path)
}

/// Whether the path of a candidate leads to something that its detector watches for this reason. By the file's identity where
/// one file is watched, so that links, mounts and other roots make no difference; by its real path where a tree is.
pub fn resolve(
    evidence: &mut Act,
    record: &ActRecord,
    processes: &dyn Processes,
    config: &Config,
) -> Resolved {
    let Some(mut path) = reach(evidence, record, processes) else { return Resolved::Unknown };
    let mut real = real_of(&path);
    if real.is_none() {
        // The process may have ended between the two looks; then it is told without its eyes.
        let Some(again) = reach(evidence, record, processes) else { return Resolved::Unknown };
        real = real_of(&again);
        path = again;
    }
    let Some(spec) = Detector::from_raw(record.header.detector).and_then(spec_of) else {
        return Resolved::Unknown;
    };
    let built_in = spec.watch.iter().filter(|watch| watch.reason == record.reason).map(|watch| watch.path);
    let own = config.watched.iter().filter(|own| {
        record.reason == reason::SOLE && Detector::from_raw(own.detector) == Some(spec.detector)
    });
    for pattern in built_in.chain(own.map(|own| own.path.as_str())) {
        let same = is_same_file(pattern, &path);
        if same || real.as_deref().is_some_and(|real| matches(pattern, real.as_os_str().as_bytes())) {
            // A watched file is told by the name it is watched by: its real one may be that of another root.
            let name = match &real {
                Some(real) if !same => real.as_os_str().as_bytes(),
                _ => pattern.strip_suffix('$').unwrap_or(pattern).as_bytes(),
            };
            evidence.object = Bytes::cut(name);
            return Resolved::Certain;
        }
    }
    if real.is_none() { Resolved::Unknown } else { Resolved::Harmless }
}

/// The path without links; that of its folder when the file itself is gone, or not there yet.
fn real_of(path: &Path) -> Option<PathBuf> {
    if let Ok(whole) = path.canonicalize() {
        return Some(whole);
    }
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// Whether a watched path stands for this real one.
fn matches(pattern: &str, real: &[u8]) -> bool {
    if let Some(tail) = pattern.strip_prefix('*') {
        return real.ends_with(tail.as_bytes());
    }
    match pattern.strip_suffix('$') {
        Some(whole) => real == whole.as_bytes(),
        None => real.starts_with(pattern.as_bytes()),
    }
}

/// Whether a watched path is a file, and this is the same one.
fn is_same_file(pattern: &str, path: &Path) -> bool {
    let whole = pattern.strip_suffix('$').unwrap_or(pattern);
    if !whole.starts_with('/') || whole.ends_with('/') {
        return false;
    }
    let identity = |path: &Path| path.metadata().map(|known| (known.dev(), known.ino())).ok();
    identity(Path::new(whole)).is_some_and(|known| identity(path) == Some(known))
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;
    use edge_abi::Task;

    use super::*;

    /// This machine, nothing kept.
    struct Here;

    impl Processes for Here {
        fn kept(&self, _: u32) -> Option<Task> {
            None
        }
    }

    /// A record of this process, or of one that is gone.
    fn record(detector: Detector, reason: u8, tgid: u32, folder: u32, path: &str) -> ActRecord {
        let mut record = ActRecord::zeroed();
        record.header.detector = detector as u8;
        record.header.tgid = tgid;
        record.reason = reason;
        record.value = u64::from(folder) << 32;
        record.path_len = path.len() as u16;
        record.path[..path.len()].copy_from_slice(path.as_bytes());
        record
    }

    fn look(record: &ActRecord) -> (Resolved, Act) {
        let mut evidence = Act { value: 99, ..Act::default() };
        let resolved = resolve(&mut evidence, record, &Here, &Config::default());
        (resolved, evidence)
    }

    #[test]
    fn a_detour_leads_to_the_watched_file() {
        let me = std::process::id();
        for path in ["/etc/../etc/passwd", "//etc/./passwd", "/proc/self/root/etc/passwd"] {
            let (resolved, evidence) =
                look(&record(Detector::Persistence, reason::ACCOUNT, me, AT_FDCWD, path));
            assert_eq!(resolved, Resolved::Certain, "{path}");
            assert_eq!((evidence.object.as_slice(), evidence.value), (&b"/etc/passwd"[..], 0), "{path}");
        }
    }

    #[test]
    fn a_name_alone_is_nothing() {
        let me = std::process::id();
        let folder = std::env::temp_dir();
        let path = folder.join("passwd");
        let (resolved, _) =
            look(&record(Detector::Persistence, reason::ACCOUNT, me, AT_FDCWD, path.to_str().unwrap()));
        assert_eq!(resolved, Resolved::Harmless);
        let (resolved, _) = look(&record(Detector::Persistence, reason::CRON, me, AT_FDCWD, "/etc/passwd"));
        assert_eq!(resolved, Resolved::Harmless, "watched for another reason");
    }

    #[test]
    fn a_descriptor_is_followed_while_it_is_open() {
        let folder = std::fs::File::open("/etc").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder).unsigned_abs();
        let (me, path) = (std::process::id(), "passwd");
        let of = |tgid, number| look(&record(Detector::Persistence, reason::ACCOUNT, tgid, number, path)).0;
        assert_eq!(of(me, number), Resolved::Certain);
        assert_eq!(of(me, 99_999), Resolved::Unknown, "closed");
        assert_eq!(of(u32::MAX, number), Resolved::Unknown, "gone");
    }

    #[test]
    fn patterns_end_where_they_say() {
        assert!(matches("/var/log/messages$", b"/var/log/messages"));
        assert!(!matches("/var/log/messages$", b"/var/log/messages.1"));
        assert!(matches("/dev/mtd", b"/dev/mtd3") && matches("/etc/cron", b"/etc/cron.d/x"));
        assert!(
            matches("*/.ssh/id_rsa", b"/root/.ssh/id_rsa") && !matches("*/.ssh/id_rsa", b"/x.ssh/id_rsa.pub")
        );
    }
}
