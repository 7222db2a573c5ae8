//! What stays while no agent runs: the maps and the links, under names in a file system of the kernel's own (`bpf`). The programs go
//! on judging, killing and refusing; the ring takes what they report until it is full. The next agent takes all of it over if it
//! would have made the same, else makes its own first and then takes the other away, so that there is no moment without.
//!
//! Two places, `a` and `b`, are used in turn. Each holds `map_N`, `link_N`, `mark` and at last `report`, by which a place is complete: an
//! agent that is killed in between leaves a place that the next one clears. Nothing of it survives a reboot, as nothing in the kernel does.

mod header;
mod identity;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, fstat, statfs};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::kernel::{self, MapShape};
use super::report::Report;
use super::sys;
use crate::error::AgentError;
pub(super) use header::Header;
pub(super) use identity::Identity;

/// What a file system of the kernel's own says it is (`BPF_FS_MAGIC` in `include/uapi/linux/magic.h`).
const BPF_FS: u64 = 0xcafe_4a11;

/// Only its owner may see what lies here.
const MODE: u32 = 0o700;

/// The places, used in turn.
const PLACES: [&str; 2] = ["a", "b"];

/// How long an agent that is ending is waited for: on old kernels it takes some seconds to detach everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks whether it has ended.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Least number of the lock's descriptor: a process that is killed closes it behind all others, so that who has the lock finds nothing
/// attached that is not to stay.
const LAST: i32 = 512;

/// What makes a place complete.
const REPORT: &str = "report";

/// Where the agent notes how much it has told.
const MARK: &str = "mark";

/// Longest report that is read back.
const REPORT_BYTES: usize = 64 * 1024;

/// The type of a map of one value.
const ARRAY: u32 = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;

/// Numbers in the mark.
pub const MARK_WORDS: usize = 48;

/// The mark, as it stands in the kernel.
pub type Mark = [u64; MARK_WORDS];

/// Why nothing can be kept. The agent runs without.
#[derive(Debug)]
pub(super) enum NotKept {
    /// The configuration says so.
    Unwanted,
    /// There is no such file system.
    NotMounted(PathBuf),
    /// A call failed.
    Io(PathBuf, io::Error),
}

impl core::fmt::Display for NotKept {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unwanted => out.write_str("`load.pins` is empty"),
            Self::NotMounted(path) => {
                write!(out, "no bpf file system is mounted at {}", path.display())
            }
            Self::Io(path, error) => write!(out, "{}: {error}", path.display()),
        }
    }
}

/// The folder, and the right to it.
pub(super) struct Pins {
    /// Where.
    folder: PathBuf,
    /// Locked as long as it is open: one ring has one reader.
    _lock: OwnedFd,
}

/// What an earlier agent left.
pub(super) struct Former {
    /// What keeps its programs attached, in the order in which they are to be detached. First, so that they are closed before the maps.
    pub links: Vec<OwnedFd>,
    /// The maps, in the report's order.
    pub maps: Vec<OwnedFd>,
    /// Which place.
    place: &'static str,
    /// What it says of itself.
    pub header: Header,
    /// What came of loading it.
    pub report: Report,
    /// How much was told.
    pub mark: OwnedFd,
}

/// A place that does not count yet.
pub(super) struct Draft {
    /// Which.
    place: &'static str,
    /// Maps with a name.
    maps: usize,
    /// Links with a name.
    links: usize,
    /// How much is told.
    mark: OwnedFd,
}

/// Whether a folder may be used, without making or locking anything.
pub(super) fn possible(path: &str) -> Result<(), NotKept> {
    if path.is_empty() {
        return Err(NotKept::Unwanted);
    }
    let path = Path::new(path);
    let above = path.parent().unwrap_or(path);
    let told = |error: Errno| NotKept::Io(above.to_path_buf(), error.into());
    match statfs(above) {
        #[expect(
            clippy::cast_sign_loss,
            reason = "the type of the word differs from machine to machine, and so does its sign"
        )]
        Ok(found) if found.f_type as u64 & 0xffff_ffff == BPF_FS => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(NotKept::NotMounted(above.to_path_buf())),
        Err(error) => Err(told(error)),
    }
}

impl Pins {
    /// Makes the folder if need be and claims it.
    ///
    /// # Errors
    /// [`AgentError::Load`] when another agent has it, or somebody else could write there; the rest is told and the agent runs without.
    pub(super) fn open(path: &str) -> Result<Result<Self, NotKept>, AgentError> {
        if let Err(why) = possible(path) {
            return Ok(Err(why));
        }
        let folder = PathBuf::from(path);
        let claimed = match DirBuilder::new().mode(MODE).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => File::open(&folder),
        };
        let lock = match claimed {
            Ok(lock) => lock,
            Err(error) => return Ok(Err(NotKept::Io(folder, error))),
        };
        let refused =
            |why: String| AgentError::Load { name: format!("`load.pins` {path}"), source: why.into() };
        let stat = fstat(&lock).map_err(|error| refused(error.to_string()))?;
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_mode & 0o022 != 0 {
            return Err(refused(
                "the folder must belong to the agent's user, and nobody else may write it".into(),
            ));
        }
        let mut tries = PATIENCE.as_millis() / BETWEEN_TRIES.as_millis();
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    let last = fcntl_dupfd_cloexec(&lock, LAST).unwrap_or_else(|_| lock.into());
                    return Ok(Ok(Self { folder, _lock: last }));
                }
                Err(Errno::WOULDBLOCK) if tries > 0 => {
                    tries -= 1;
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(Errno::WOULDBLOCK) => {
                    return Err(refused(
                        "another agent uses it; give this one a folder of its own, or none".into(),
                    ));
                }
                Err(error) => return Err(refused(error.to_string())),
            }
        }
    }

    /// What an earlier agent left here: the later one, where two places are complete. Everything else is cleared.
    pub(super) fn former(&self) -> Option<Former> {
        let mut found: Option<Former> = None;
        for place in PLACES {
            if !self.folder.join(place).exists() {
                continue;
            }
            match self.read(place) {
                Ok(former)
                    if found.as_ref().is_none_or(|other| other.header.made_ns < former.header.made_ns) =>
                {
                    found.replace(former).iter().for_each(|older| self.clear(older.place));
                }
                Ok(older) => self.clear(older.place),
                Err(why) => {
                    log::warn!(
                        "load: {} is not complete and is taken away, {why}",
                        self.folder.join(place).display()
                    );
                    self.clear(place);
                }
            }
        }
        found
    }

    /// Reads one place.
    fn read(&self, place: &'static str) -> Result<Former, String> {
        let folder = self.folder.join(place);
        let open =
            |name: &str| kernel::open_pin(&folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let report = open(REPORT)?;
        let bytes =
            kernel::read_value(report.as_fd(), REPORT_BYTES).map_err(|error| format!("{REPORT}: {error}"))?;
        let (header, report) = Header::decode(&bytes)?;
        let mark = open(MARK)?;
        let all = |kind: &str, count: u32| -> Result<Vec<OwnedFd>, String> {
            (0..count).map(|index| open(&format!("{kind}_{index}"))).collect()
        };
        let (links, maps) = (all("link", header.links)?, all("map", header.maps)?);
        Ok(Former { links, maps, place, header, report, mark })
    }

    /// Gives maps and links a name, in the place that `former` does not have. Only [`Self::complete`] makes the place count.
    ///
    /// # Errors
    /// The first call that failed; what has a name by then is cleared.
    pub(super) fn keep<'m>(
        &self,
        former: Option<&Former>,
        maps: impl Iterator<Item = &'m OwnedFd>,
        links: &[OwnedFd],
    ) -> io::Result<Draft> {
        let [first, second] = PLACES;
        let place = if former.is_some_and(|former| former.place == first) { second } else { first };
        let folder = self.folder.join(place);
        let named = |object: &OwnedFd, name: &str| {
            let told = |error| io::Error::other(format!("{name}: {error}"));
            kernel::pin(object.as_fd(), &folder.join(name)).map_err(told)
        };
        let keep = || {
            DirBuilder::new().mode(MODE).create(&folder)?;
            let mut count = 0;
            for map in maps {
                named(map, &format!("map_{count}"))?;
                count += 1;
            }
            for (index, link) in links.iter().enumerate() {
                named(link, &format!("link_{index}"))?;
            }
            let mark = value(MARK, &[0; size_of::<Mark>()])?;
            named(&mark, MARK)?;
            Ok(Draft { place, maps: count, links: links.len(), mark })
        };
        keep().inspect_err(|_| self.clear(place))
    }

    /// Makes a place count.
    ///
    /// # Errors
    /// What the kernel says; the place is cleared then.
    pub(super) fn complete(
        &self,
        draft: Draft,
        identity: Identity,
        report: &Report,
        made_ns: u64,
    ) -> io::Result<OwnedFd> {
        let header = Header::new(identity, draft.maps, draft.links, made_ns);
        let path = self.folder.join(draft.place).join(REPORT);
        let written =
            header.encode(report).and_then(|bytes| kernel::pin(value(REPORT, &bytes)?.as_fd(), &path));
        written.map(|()| draft.mark).inspect_err(|_| self.clear(draft.place))
    }

    /// Takes away what an earlier agent left. What it has attached is detached when its last descriptor is closed.
    pub(super) fn release(&self, former: &Former) {
        self.clear(former.place);
    }

    /// Takes away everything; how many names that were.
    pub(super) fn release_all(&self) -> io::Result<usize> {
        let mut names = 0;
        for place in PLACES {
            names += fs::read_dir(self.folder.join(place)).map_or(0, Iterator::count);
            // Without its last name a link is detached some time later, seconds for many; without its last descriptor, at once and in order.
            let held = self.read(place);
            match clear(&self.folder.join(place)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => drop(held),
            }
        }
        fs::remove_dir(&self.folder)?;
        Ok(names)
    }

    /// Takes a place away. What stays is in the way of nobody but is told.
    fn clear(&self, place: &str) {
        let place = self.folder.join(place);
        if let Err(error) = clear(&place) {
            log::error!("load: {} cannot be taken away, {error}", place.display());
        }
    }
}

/// Removes a folder and the names in it, the one that makes it complete first.
fn clear(place: &Path) -> io::Result<()> {
    let _ = fs::remove_file(place.join(REPORT));
    for name in fs::read_dir(place)? {
        fs::remove_file(name?.path())?;
    }
    fs::remove_dir(place)
}

/// A map of one value.
fn value(called: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    // Where maps count as locked memory (before Linux 5.11), the loader has lifted the limit for itself alone.
    sys::lift_memlock();
    let shape = MapShape { kind: ARRAY, key_bytes: 4, value_bytes: bytes.len() as u32, entries: 1, flags: 0 };
    let map = kernel::make_map(called, shape)?;
    kernel::fill(map.as_fd(), bytes)?;
    Ok(map)
}

/// Reads a mark.
pub(super) fn read_mark(mark: &OwnedFd) -> io::Result<Mark> {
    let bytes = kernel::read_value(mark.as_fd(), size_of::<Mark>())?;
    bytemuck::try_pod_read_unaligned(&bytes).map_err(|_| io::Error::other("the mark has another size"))
}

/// Writes one.
pub(super) fn write_mark(mark: &OwnedFd, words: &Mark) -> io::Result<()> {
    kernel::fill(mark.as_fd(), bytemuck::bytes_of(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_system_of_the_kernels_own_will_do() {
        assert!(matches!(possible(""), Err(NotKept::Unwanted)));
        assert!(
            matches!(possible("/proc/edge-agent"), Err(NotKept::NotMounted(path)) if path == Path::new("/proc"))
        );
        assert!(matches!(possible("/no/such/folder"), Err(NotKept::NotMounted(_))));
    }

    #[test]
    fn a_place_is_cleared_by_its_mark_of_completeness_first() {
        let folder = std::env::temp_dir().join(format!("edge-pins-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        for name in [REPORT, MARK, "map_0"] {
            fs::write(folder.join(name), b"").unwrap();
        }
        clear(&folder).unwrap();
        assert!(!folder.exists());
        assert_eq!(clear(&folder).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
