//! Watched paths into what the kernel knows files by: the inode of what is there, the folder and name of what may come to be.
//!
//! A path is followed once, by the agent, with the sensor looking on (`sight`): links, mounts and stacked file systems on the way
//! make no difference any more. What is there is registered by its inode, so that a second name or a new one does not hide it; every
//! path also by the deepest folder that exists and the rest of the path below it, so that what is made later is watched as well.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use edge_abi::{
    ANY_FOLDER, BELOW_AT, BELOW_BYTES, Detector, FileId, Watch, folder_key, name_bit, watch_access,
};

use super::devices;
use super::sight::{Eyes, Seen, by_attributes, device_kind, is_plain, numbers, touch};
use super::watch::{claim, entry, hash_of};

/// Files that one beginning of a name is registered with by inode; those beyond are known by their names.
const EXISTING: usize = 16;

/// Homes that are looked at for what is watched in every home.
const HOMES: usize = 16;

/// Folders held open, so that a stacked file system does not give them other inodes.
const HELD: usize = 64;

/// Trees of procfs whose inodes come and go: paths below are watched by name from here.
const FLEETING: [&str; 2] = ["/proc/sys", "/proc"];

/// A path that could not be registered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The path, as it is watched.
    pub path: String,
    /// Why, and what that costs.
    pub why: String,
}

/// What is registered.
#[derive(Debug, Default)]
pub(super) struct Register {
    /// Keys of folders and devices.
    pub keys: Vec<(Vec<u8>, Watch)>,
    /// Files and trees by inode.
    pub inodes: Vec<(FileId, Watch)>,
    /// Names that are watched everywhere, by hash.
    pub names: Vec<(u32, Watch)>,
    /// Bits of the filter of names, and the accesses that matter.
    pub name_bits: Vec<(u32, u8)>,
    /// What is not.
    pub lacking: Vec<Lacking>,
    /// Folders that must stay open.
    pub held: Vec<File>,
    /// Folders looked at already.
    folders: Vec<(PathBuf, Seen)>,
}

/// One watched path and what is to be said of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'p> {
    /// As in `WatchPath`.
    pub path: &'p str,
    /// Who watches.
    pub detector: Detector,
    /// One of [`edge_abi::reason`].
    pub reason: u8,
    /// [`edge_abi::watch_access`].
    pub access: u8,
}

impl Wanted<'_> {
    /// Gives its accesses to an entry.
    fn claim(self, watch: &mut Watch) {
        claim(watch, self.detector, self.reason, self.access, false);
    }
}

impl Register {
    /// Registers one path.
    pub(super) fn add(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>) {
        if let Some(tail) = wanted.path.strip_prefix("*/") {
            self.everywhere(eyes, wanted, tail);
            return;
        }
        let (text, ends) = match wanted.path.strip_suffix('$') {
            Some(text) => (text, true),
            None => (wanted.path, false),
        };
        let Some((folder, name)) = text.rsplit_once('/') else { return };
        let Some((anchor, rest)) = self.anchor(eyes, wanted, folder) else { return };
        let below = format!("{rest}{name}{}", if ends { "\0" } else { "" });
        if below.is_empty() {
            self.tree(eyes, wanted, folder, &anchor);
        } else {
            self.below(wanted, &anchor, &below);
        }
        let fleeting = FLEETING.iter().any(|tree| Path::new(folder).starts_with(tree));
        if rest.is_empty() && !name.is_empty() && !fleeting {
            self.existing(eyes, wanted, folder, name, ends);
        }
    }

    /// Registers device numbers.
    pub(super) fn add_devices(&mut self, devices: Vec<devices::Device>) {
        for device in devices {
            let same = |known: &Vec<u8>| *known == device.key;
            let watch = entry(&mut self.keys, same, device.key.clone());
            claim(watch, device.detector, device.reason, watch_access::WRITE, false);
        }
    }

    /// One or two components in any folder.
    fn everywhere(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, tail: &str) {
        let hash = hash_of(tail) ^ ANY_FOLDER;
        wanted.claim(entry(&mut self.names, |known| *known == hash, hash));
        let name = tail.rsplit('/').next().unwrap_or_default().as_bytes();
        let mut head = [0; 8];
        head.iter_mut().zip(name).for_each(|(slot, byte)| *slot = *byte);
        self.name_bits.push((name_bit(u64::from_le_bytes(head), name.len() as u32), wanted.access));
        for home in homes(&fs::read_to_string("/etc/passwd").unwrap_or_default()) {
            self.file(eyes, wanted, &home.join(tail));
        }
    }

    /// The deepest folder of a path that exists, and what is missing, with a slash behind each component.
    fn anchor(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, folder: &str) -> Option<(Seen, String)> {
        let folder = Path::new(if folder.is_empty() { "/" } else { folder });
        let fleeting = FLEETING.iter().map(Path::new).find(|tree| folder.starts_with(tree));
        for existing in fleeting.unwrap_or(folder).ancestors() {
            match self.folder(eyes, existing) {
                Ok(seen) => {
                    let missing = folder.strip_prefix(existing).unwrap_or(Path::new(""));
                    let rest = missing.components().fold(String::new(), |rest, component| {
                        rest + &component.as_os_str().to_string_lossy() + "/"
                    });
                    return Some((seen, rest));
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    self.lack(wanted.path, format!("{}: {error}; watched from above", existing.display()));
                }
            }
        }
        self.lack(wanted.path, "no folder of it can be opened; not watched".into());
        None
    }

    /// Looks at a folder, once.
    fn folder(&mut self, eyes: &mut impl Eyes, path: &Path) -> io::Result<Seen> {
        if let Some((_, seen)) = self.folders.iter().find(|(known, _)| known == path) {
            return Ok(seen.clone());
        }
        let file = touch(path)?;
        if !file.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let seen = eyes.look(&file)?;
        self.hold(file, &seen);
        self.folders.push((path.to_owned(), seen.clone()));
        Ok(seen)
    }

    /// Keeps what has several layers open: while it is, its inode stays the same.
    fn hold(&mut self, file: File, seen: &Seen) {
        if seen.ids.len() > 1 && self.held.len() < HELD {
            self.held.push(file);
        }
    }

    /// What lies below a folder that exists: by its inode, and by its name in case another takes its place.
    fn tree(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, folder: &str, seen: &Seen) {
        for id in &seen.ids {
            self.inode(wanted, *id, true);
        }
        let Some((above, name)) = folder.rsplit_once('/') else { return };
        if let Some((anchor, rest)) = self.anchor(eyes, wanted, above) {
            self.below(wanted, &anchor, &format!("{rest}{name}/"));
        }
    }

    /// What lies below a folder under names that begin so.
    fn below(&mut self, wanted: Wanted<'_>, anchor: &Seen, name: &str) {
        if name.len() > BELOW_BYTES {
            let why = format!("its missing part has {} bytes, {BELOW_BYTES} fit; not watched", name.len());
            self.lack(wanted.path, why);
            return;
        }
        for id in &anchor.ids {
            let mut key = folder_key(*id).to_vec();
            key.truncate(BELOW_AT);
            key.extend_from_slice(name.as_bytes());
            let same = |known: &Vec<u8>| *known == key;
            wanted.claim(entry(&mut self.keys, same, key.clone()));
        }
    }

    /// What exists under a name, or under names that begin so.
    fn existing(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, folder: &str, name: &str, ends: bool) {
        let folder = Path::new(if folder.is_empty() { "/" } else { folder });
        if ends {
            self.file(eyes, wanted, &folder.join(name));
            return;
        }
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let fitting = entries.filter(|entry| entry.as_bytes().starts_with(name.as_bytes()));
        for entry in fitting.take(EXISTING).collect::<Vec<_>>() {
            self.file(eyes, wanted, &folder.join(entry));
        }
    }

    /// One file that may be there.
    fn file(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, path: &Path) {
        let file = match touch(path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return,
            Err(error) => return self.lack(&path.to_string_lossy(), format!("{error}; watched by its name")),
        };
        let Ok(known) = file.metadata() else { return };
        let seen = if is_plain(&file) {
            eyes.look(&file)
        } else {
            by_attributes(&file).map(|id| Seen { ids: vec![id], told: true })
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => return self.lack(&path.to_string_lossy(), format!("{error}; watched by its name")),
        };
        for id in &seen.ids {
            self.inode(wanted, *id, known.is_dir());
        }
        if let Some(kind) = device_kind(&known) {
            let device = devices::single(kind, numbers(known.rdev()), wanted.detector, wanted.reason);
            let same = |known: &Vec<u8>| *known == device.key;
            wanted.claim(entry(&mut self.keys, same, device.key.clone()));
        }
        self.hold(file, &seen);
        self.target(eyes, wanted, path, known.is_dir());
    }

    /// What a watched link leads to is watched under its own name as well: it may be replaced there.
    fn target(&mut self, eyes: &mut impl Eyes, wanted: Wanted<'_>, path: &Path, is_folder: bool) {
        if !path.is_symlink() {
            return;
        }
        let Ok(real) = path.canonicalize() else { return };
        let (Some(folder), Some(name)) = (real.parent().and_then(Path::to_str), real.file_name()) else {
            return;
        };
        if let Some((anchor, rest)) = self.anchor(eyes, wanted, folder) {
            let end = if is_folder { '/' } else { '\0' };
            self.below(wanted, &anchor, &format!("{rest}{}{end}", name.to_string_lossy()));
        }
    }

    /// One inode.
    fn inode(&mut self, wanted: Wanted<'_>, id: FileId, tree: bool) {
        let watch = entry(&mut self.inodes, |known| *known == id, id);
        wanted.claim(watch);
        watch.tree = u8::from(tree);
    }

    /// Notes what is not, or not wholly, watched.
    fn lack(&mut self, path: &str, why: String) {
        let lacking = Lacking { path: path.to_owned(), why };
        if !self.lacking.contains(&lacking) {
            self.lacking.push(lacking);
        }
    }

    /// The kernel finds the longest key only: what a shorter one watches is copied into the longer ones that begin with it.
    pub(super) fn inherit(&mut self) {
        super::watch::inherit(&mut self.keys);
    }
}

/// Whether a file is simply not there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The homes of an account table: absolute, each once, `/` and what is below no home's file system left out.
fn homes(accounts: &str) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = Vec::new();
    for line in accounts.lines() {
        let Some(home) = line.split(':').nth(5).filter(|home| home.starts_with('/')) else { continue };
        let home = PathBuf::from(home);
        if !homes.contains(&home) && homes.len() < HOMES {
            homes.push(home);
        }
    }
    homes
}

/// Looks at what is given without a sensor.
#[cfg(test)]
pub(super) struct Plain;

#[cfg(test)]
impl Eyes for Plain {
    fn look(&mut self, file: &File) -> io::Result<Seen> {
        Ok(Seen { ids: vec![by_attributes(file)?], told: false })
    }
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
