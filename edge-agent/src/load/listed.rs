//! What the image is made of, from its manifest into the kernel's list: each program's file by what the kernel knows it by, and each path.
//!
//! A file is listed when it is there with the size that the manifest states. One that was not listed before, while a list is in force, has to
//! hold what the manifest states as well: what takes a listed program's place is looked at, what an image has booted with is not.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Instant;

use aya::maps::{HashMap, MapData, MapError};
use edge_abi::{Detector, LISTED_HEAD, LISTED_MOST, exe_hash, listed_file, listed_kind, listed_state};
use edge_manifest::{Entry, Found, Kind, Manifest};
use rustix::fs::{Mode, OFlags};

use super::maps::Maps;
use super::register::Lacking;
use super::sight::{Eyes, Sight, by_attributes};
use super::tune::Refused;
use crate::config::Config;
use crate::manifest::{self, ManifestError, Source, Stamp};

/// Files that are told of by name when they are not as listed; the rest is counted.
const NAMED: usize = 8;

/// File systems whose files `stat` knows by other numbers than the kernel: `OVERLAYFS_SUPER_MAGIC` and `BTRFS_SUPER_MAGIC` of
/// `include/uapi/linux/magic.h`.
const OTHER_NUMBERS: [u32; 2] = [0x794c_7630, 0x9123_683e];

/// The list in force.
#[derive(Debug, Default)]
pub struct Listing {
    /// Programs, scripts, modules and links of the manifest; 0: there is none.
    pub entries: usize,
    /// Files listed.
    pub files: usize,
    /// Paths listed.
    pub paths: usize,
    /// Files that are not as the manifest states, or not there.
    pub differing: usize,
    /// Whether files are known by what they are.
    pub by_file: bool,
    /// Time that reading it and looking at its files took, in milliseconds.
    pub took_ms: u64,
    /// What the manifest was when it was read.
    stamp: Stamp,
}

/// The manifest that is to be followed, if there is one.
fn path(config: &Config) -> Option<&Path> {
    let path = config.manifest.as_str();
    (!path.is_empty() && config.act(Detector::ForeignExec).enabled).then(|| Path::new(path))
}

/// How many entries the list must have room for. With some to spare, so that an update needs no other list; 0 without a manifest that can
/// be read.
pub(super) fn room(config: &Config) -> u32 {
    let Some(sources) = path(config).and_then(|path| manifest::read(path).ok()) else { return 0 };
    let (mut files, mut paths) = (0, 0);
    each(&sources, |manifest, entry| {
        files += usize::from(is_file(&entry));
        paths += ways(manifest, &entry, |_| {});
    });
    let wanted = files + paths;
    (wanted + wanted / 4 + 64).min(LISTED_MOST as usize) as u32
}

/// Calls `visit` with every entry.
fn each(sources: &[Source], mut visit: impl FnMut(&Manifest<'_>, Entry<'_>)) {
    for manifest in sources.iter().filter_map(|source| source.manifest().ok()) {
        let mut entries = manifest.entries();
        while let Some(entry) = entries.next() {
            visit(&manifest, entry);
        }
    }
}

/// Whether an entry is a file of its own.
fn is_file(entry: &Entry<'_>) -> bool {
    matches!(entry.kind, Kind::Program | Kind::Script | Kind::Module)
}

/// Hands every path of an entry to `give`: its own, and those through links between folders that [`exe_hash`] does not see as the same. How
/// many there are. A module is executed by none.
fn ways(manifest: &Manifest<'_>, entry: &Entry<'_>, mut give: impl FnMut(u64)) -> usize {
    if matches!(entry.kind, Kind::Module) {
        return 0;
    }
    let own = exe_hash(entry.path);
    give(own);
    let mut count = 1;
    for link in manifest.folder_links() {
        let Some(rest) = entry.path.strip_prefix(link.target).filter(|rest| rest.first() == Some(&b'/'))
        else {
            continue;
        };
        let hash = exe_hash(&[link.link, rest].concat());
        if hash != own {
            give(hash);
            count += 1;
        }
    }
    count
}

/// What is to be written.
#[derive(Debug, Default)]
struct Numbers {
    /// Of files.
    files: Vec<u64>,
    /// Of paths.
    paths: Vec<u64>,
    /// How many entries of the manifest were looked at.
    seen: usize,
    /// Files that are not as listed.
    differing: Vec<String>,
    /// How many those are.
    differ: usize,
    /// Whether every file's number is the kernel's.
    sure: bool,
}

impl Numbers {
    /// Looks at everything that is listed. `was_listed`: whether a file was already; `None` when nothing was.
    fn of(sources: &[Source], eyes: &mut impl Eyes, was_listed: Option<&dyn Fn(u64) -> bool>) -> Self {
        let mut numbers = Self { sure: true, ..Self::default() };
        each(sources, |manifest, entry| {
            numbers.seen += 1;
            ways(manifest, &entry, |hash| numbers.paths.push(hash));
            if !is_file(&entry) {
                return;
            }
            let listed = Found { kind: entry.kind, size: entry.size, digest: entry.digest };
            if let Err(why) = numbers.file(entry.path, &listed, eyes, was_listed) {
                numbers.differ += 1;
                if numbers.differing.len() < NAMED {
                    numbers.differing.push(format!("{}: {why}", String::from_utf8_lossy(entry.path)));
                }
            }
        });
        for list in [&mut numbers.files, &mut numbers.paths] {
            list.sort_unstable();
            list.dedup();
        }
        numbers
    }

    /// All of them, ascending, with what each is.
    fn entries(&self) -> Vec<(u64, u8)> {
        let files = self.files.iter().map(|number| (*number, listed_kind::FILE));
        let mut all: Vec<_> =
            files.chain(self.paths.iter().map(|number| (*number, listed_kind::PATH))).collect();
        all.sort_unstable();
        all.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 |= if same { later.1 } else { 0 };
            same
        });
        all
    }

    /// Looks at one file; why it is not listed.
    fn file(
        &mut self,
        path: &[u8],
        listed: &Found,
        eyes: &mut impl Eyes,
        was_listed: Option<&dyn Fn(u64) -> bool>,
    ) -> Result<(), String> {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let file = touch(path).map_err(|error| error.to_string())?;
        let known = file.metadata().map_err(|error| error.to_string())?;
        if !known.is_file() {
            return Err("no file".into());
        }
        if known.len() != listed.size {
            return Err(format!("{} bytes, {} are listed", known.len(), listed.size));
        }
        let seen = eyes.look(&file).map_err(|error| error.to_string())?;
        self.sure &= seen.told || is_told_truly(&file);
        let ids: Vec<u64> = seen.ids.iter().map(|id| listed_file(id.dev, id.ino)).collect();
        let is_new = |was_listed: &dyn Fn(u64) -> bool| !ids.iter().any(|id| was_listed(*id));
        if was_listed.is_some_and(is_new) && !manifest::holds(path, listed) {
            return Err("its content is not what is listed".into());
        }
        self.files.extend(ids);
        Ok(())
    }
}

/// Opens a file to look at it; a link at its end is none.
fn touch(path: &Path) -> io::Result<File> {
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?.into())
}

/// Whether `stat` knows a file by the numbers that the kernel side reads.
fn is_told_truly(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|system| {
        // A word of the architecture's own size and sign.
        let kind = system.f_type.to_le_bytes();
        !OTHER_NUMBERS.iter().any(|number| kind.starts_with(&number.to_le_bytes()))
    })
}

/// Writes the list. `knows_files`: the kernel side can tell files apart. What cannot be read leaves the list as it is, and is told among what is `lacking`.
///
/// # Errors
/// [`Refused`]: what the kernel says, or that the list is too small.
pub(super) fn write(
    maps: &mut Maps,
    config: &Config,
    knows_files: bool,
    lacking: &mut Vec<Lacking>,
) -> Result<Listing, Refused> {
    let Some(path) = path(config) else {
        let _ = maps.listed.remove(&LISTED_HEAD);
        return Ok(Listing::default());
    };
    let mut lack = |why: String| lacking.push(Lacking { path: config.manifest.to_string(), why });
    let begun = Instant::now();
    // Before it is read: what changes meanwhile is noticed later.
    let stamp = Stamp::of(path);
    let sources = match manifest::read(path) {
        Ok(sources) => sources,
        Err(error) => {
            let head = head(&maps.listed);
            let kept = if head.is_active { "the list before it stays" } else { "nothing is listed" };
            lack(format!("{}; {kept}", without_path(&error, path)));
            return Ok(Listing { stamp, by_file: head.by_file, ..Listing::default() });
        }
    };
    maps.manifest = stamp.clone();
    let before = head(&maps.listed);
    let was_listed = |number: u64| kind(&maps.listed, number) & listed_kind::FILE != 0;
    let was_listed: Option<&dyn Fn(u64) -> bool> =
        (before.is_active && before.by_file).then_some(&was_listed);
    let mut sight = Sight::begin(&mut maps.watched).map_err(Refused::Look)?;
    let numbers = Numbers::of(&sources, &mut sight, was_listed);
    drop(sight);
    let (wanted, limit) = (numbers.entries(), maps.room as usize);
    if wanted.len() > limit {
        return Err(Refused::Full { table: "programs", used: wanted.len(), limit });
    }
    let by_file = numbers.sure && knows_files;
    fill(&mut maps.listed, &wanted, by_file)?;
    maps.renewed.set(false);
    for differing in &numbers.differing {
        lack(format!("not as listed: {differing}"));
    }
    if numbers.differ > numbers.differing.len() {
        lack(format!("not as listed: {} more", numbers.differ - numbers.differing.len()));
    }
    if !knows_files {
        lack("this kernel's structs are not known (no BTF, no offsets file); programs are known by their paths alone".into());
    } else if !numbers.sure {
        lack(
            "a file system numbers files otherwise than it says; programs are known by their paths alone"
                .into(),
        );
    }
    Ok(Listing {
        entries: numbers.seen,
        files: numbers.files.len(),
        paths: numbers.paths.len(),
        differing: numbers.differ,
        by_file,
        took_ms: begun.elapsed().as_millis() as u64,
        stamp,
    })
}

/// An error without the path, where it begins with the one that is told anyway.
fn without_path(error: &ManifestError, path: &Path) -> String {
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", path.display())).map_or(text.clone(), str::to_owned)
}

/// The list as the agent has it.
type List = HashMap<MapData, u64, u8>;

/// Replaces the list entry by entry; what stays in it is there all the time.
fn fill(list: &mut List, wanted: &[(u64, u8)], by_file: bool) -> Result<(), MapError> {
    let known: Vec<u64> = list.keys().collect::<Result<_, _>>()?;
    let is_wanted = |number: u64| wanted.binary_search_by_key(&number, |(wanted, _)| *wanted).is_ok();
    // First, to make room.
    for stale in known.iter().filter(|number| **number != LISTED_HEAD && !is_wanted(**number)) {
        list.remove(stale)?;
    }
    wanted.iter().try_for_each(|(number, kind)| list.insert(number, kind, 0))?;
    let state = listed_state::ACTIVE | if by_file { listed_state::BY_FILE } else { 0 };
    list.insert(LISTED_HEAD, state, 0)
}

/// What holds of the list.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// There is a list.
    is_active: bool,
    /// Files are known by what they are.
    by_file: bool,
}

/// Reads it; a list that cannot be read is none.
fn head(list: &List) -> Head {
    let state = kind(list, LISTED_HEAD);
    Head { is_active: state & listed_state::ACTIVE != 0, by_file: state & listed_state::BY_FILE != 0 }
}

/// What the list says of a number; 0 when it is not in it.
fn kind(list: &List, number: u64) -> u8 {
    list.get(&number, 0).unwrap_or(0)
}

impl Maps {
    /// Whether `file`, which goes by `path`, is of the image: its file is listed, or stands under a listed path and holds what is listed for
    /// it. `inode`: only if it is this one, when not 0. `None` without a list.
    #[must_use]
    pub fn is_listed(&self, config: &Config, file: &Path, path: &[u8], inode: u64) -> Option<bool> {
        let manifest = self::path(config)?;
        let head = head(&self.listed);
        if !head.is_active {
            return None;
        }
        let opened = super::sight::touch(file).and_then(|file| by_attributes(&file));
        let Ok(id) = opened else { return Some(false) };
        if inode != 0 && id.ino != inode {
            return Some(false);
        }
        if head.by_file && kind(&self.listed, listed_file(id.dev, id.ino)) & listed_kind::FILE != 0 {
            return Some(true);
        }
        let by_path = self.is_path_listed(path);
        if by_path && !head.by_file {
            return Some(true);
        }
        if !by_path && self.manifest == Stamp::of(manifest) {
            return Some(false);
        }
        // Another file under a listed path, or the manifest is another: it is asked itself.
        let sources = manifest::read(manifest).unwrap_or_default();
        let holds = manifest::find(&sources, path).is_some_and(|listed| manifest::holds(file, &listed));
        // So that the next one is known to the kernel and nothing has to be read.
        self.renewed.set(self.renewed.get() || holds);
        Some(holds)
    }

    /// The same of a path whose file is gone or cannot be reached: whether it is listed.
    #[must_use]
    pub fn is_path_listed(&self, path: &[u8]) -> bool {
        head(&self.listed).is_active && kind(&self.listed, exe_hash(path)) & listed_kind::PATH != 0
    }
}

impl Listing {
    /// Whether the manifest is another by now.
    pub(super) fn is_stale(&self, config: &Config) -> bool {
        path(config).is_some_and(|path| self.stamp != Stamp::of(path))
    }
}

#[cfg(test)]
#[path = "listed_tests.rs"]
mod tests;
