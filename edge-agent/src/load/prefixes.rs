//! Places into map values: volatile directories, their exemptions and those of the image. Each stands there as text, for the rung that
//! sees paths only, and as what it is, its device and inode, so that no link, mount or other root leads around it.
//!
//! A directory is told of as it is when the agent starts or reads its configuration again. So are the roots of the file systems that
//! are mounted then: the kernel side goes up from a file to the nearest directory it was told of, and ends at such a root.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aya::maps::MapError;
use aya::maps::lpm_trie::Key;
use edge_abi::{
    FILTER_BITS, FOLDER_PREFIX_BYTES, PREFIX_BYTES, PrefixData, filter_bit, folder_prefix, prefix_verdict,
    watched_slot,
};

use super::cgroup::unescape;
use super::filters::folder_of;
use super::maps::Maps;
use crate::config::Config;
use crate::decide::detectors::foreign_exec;

/// Entries of the table: `PREFIXES` in `edge-ebpf/src/maps.rs`.
const ROOM: usize = 120;

/// File systems in memory, by the names of the mount table.
const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];

/// File systems from which nothing is executed.
const WITHOUT_PROGRAMS: [&str; 16] = [
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "securityfs",
    "debugfs",
    "tracefs",
    "bpf",
    "pstore",
    "mqueue",
    "autofs",
    "configfs",
    "efivarfs",
    "binfmt_misc",
    "rpc_pipefs",
];

/// A place and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    /// Bits of `data` that are compared.
    bits: u32,
    /// The text, or the directory.
    data: PrefixData,
    /// [`prefix_verdict`].
    verdict: u8,
}

/// The beginning of a path, or of another key, as a key: compared up to its last byte.
pub(super) fn key_of(begins: &[u8]) -> Key<PrefixData> {
    let mut data = [0; PREFIX_BYTES];
    data.iter_mut().zip(begins).for_each(|(slot, byte)| *slot = *byte);
    Key::new(begins.len().min(PREFIX_BYTES) as u32 * 8, data)
}

/// Replaces what the kernel side knows of places.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn write(maps: &mut Maps, config: &Config) -> Result<(), MapError> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let wanted = wanted(config, &mounts, directory);
    let known: Vec<Key<PrefixData>> = maps.prefixes.keys().collect::<Result<_, _>>()?;
    // While both old and new ones are there, the filter has both.
    let told = || wanted.iter().map(|said| said.data);
    filter(maps, told().chain(known.iter().map(Key::data)))?;
    for said in &wanted {
        maps.prefixes.insert(&Key::new(said.bits, said.data), said.verdict, 0)?;
    }
    for key in known {
        let same = |said: &&Said| said.bits == key.prefix_len() && said.data == key.data();
        if !wanted.iter().any(|said| same(&said)) {
            maps.prefixes.remove(&key)?;
        }
    }
    filter(maps, told())
}

/// Writes the filter by which the kernel side knows folders that nothing is said of.
fn filter(maps: &mut Maps, keys: impl Iterator<Item = PrefixData>) -> Result<(), MapError> {
    for (slot, word) in (watched_slot::FOLDERS..).zip(words(keys)) {
        maps.watched.set(slot, word, 0)?;
    }
    Ok(())
}

/// Its words. What is said of text has no bit.
fn words(keys: impl Iterator<Item = PrefixData>) -> [u64; FILTER_BITS as usize / 64] {
    let mut words = [0; FILTER_BITS as usize / 64];
    for folder in keys.filter_map(|key| folder_of(&key)) {
        let bit = filter_bit(folder.dev, folder.ino);
        if let Some(word) = words.get_mut(bit as usize >> 6) {
            *word |= 1 << (bit & 63);
        }
    }
    words
}

/// What a path leads to, as a key; `None` when it leads to nothing.
fn directory(path: &Path) -> Option<PrefixData> {
    let found = fs::metadata(path).ok()?;
    Some(folder_prefix(kernel_device(found.dev()), found.ino()))
}

/// A device number as the kernel has it in its structs (`include/linux/kdev_t.h`): 12 bits of major number, 20 of minor.
#[must_use]
pub(super) fn kernel_device(device: u64) -> u32 {
    rustix::fs::major(device) << 20 | rustix::fs::minor(device) & 0x000f_ffff
}

/// A directory as text.
fn as_text(path: &str, verdict: u8) -> Said {
    let key = key_of(path.as_bytes());
    Said { bits: key.prefix_len(), data: key.data(), verdict }
}

/// Everything there is to say, what the configuration names first.
fn wanted(config: &Config, mounts: &str, look: impl Fn(&Path) -> Option<PrefixData>) -> Vec<Said> {
    let exec = &config.detectors.volatile_exec;
    let image = foreign_exec::image(config);
    // The kernel finds the longest entry only: what lies below a directory of the image says so itself.
    let below = |path: &str, verdict: u8| {
        let within = image.iter().any(|tree| path.starts_with(tree));
        if within { verdict | prefix_verdict::IMAGE } else { verdict }
    };
    let named = |tree: &&&str| !exec.paths.iter().chain(&exec.except).any(|path| path == **tree);
    let texts: Vec<(&str, u8)> = (exec.paths.iter().map(|path| (path.as_str(), prefix_verdict::VOLATILE)))
        .chain(exec.except.iter().map(|path| (path.as_str(), prefix_verdict::EXEMPT)))
        .chain(image.iter().filter(named).map(|tree| (*tree, 0)))
        .map(|(path, verdict)| (path, below(path, verdict)))
        .collect();
    let mut said: Vec<Said> = Vec::new();
    for (path, verdict) in &texts {
        said.push(as_text(path, *verdict));
    }
    for (path, verdict) in &texts {
        if let Some(data) = look(Path::new(path)) {
            add(&mut said, data, *verdict);
        }
    }
    for (path, kind) in mounted(mounts) {
        if let Some(data) = look(&path) {
            add(&mut said, data, of_mount(path.as_os_str().as_bytes(), kind, &texts));
        }
    }
    said
}

/// Adds a directory; one that is known already is both.
fn add(said: &mut Vec<Said>, data: PrefixData, verdict: u8) {
    let bits = FOLDER_PREFIX_BYTES as u32 * 8;
    let verdict = verdict | prefix_verdict::KNOWN;
    if let Some(known) = said.iter_mut().find(|known| known.bits == bits && known.data == data) {
        known.verdict |= verdict;
    } else if said.len() < ROOM {
        said.push(Said { bits, data, verdict });
    }
}

/// Mount points from which something may be executed, and the kinds of their file systems.
fn mounted(mounts: &str) -> impl Iterator<Item = (std::path::PathBuf, &str)> {
    mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, path, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (!WITHOUT_PROGRAMS.contains(&kind)).then(|| (unescape(path), kind))
    })
}

/// What is said of a mount: what its path says, and that a file system in memory does not survive. The root's does not either, but
/// there it is the image.
fn of_mount(path: &[u8], kind: &str, texts: &[(&str, u8)]) -> u8 {
    let below = |text: &str| {
        path.starts_with(text.as_bytes())
            || text.as_bytes().strip_suffix(b"/").is_some_and(|bare| bare == path)
    };
    let longest = texts.iter().filter(|(text, _)| below(text)).max_by_key(|(text, _)| text.len());
    let verdict = longest.map_or(0, |(_, verdict)| *verdict);
    let exempt = verdict & prefix_verdict::EXEMPT != 0 || path == b"/";
    if IN_MEMORY.contains(&kind) && !exempt { verdict | prefix_verdict::VOLATILE } else { verdict }
}

#[cfg(test)]
mod tests {
    use edge_abi::prefix_verdict::{IMAGE, KNOWN, VOLATILE};

    use super::*;

    const MOUNTS: &str = "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n\
        /dev/mmcblk0p3 /var/tmp ext4 rw 0 0\ntmpfs /opt/work tmpfs rw 0 0\n/dev/mmcblk0p2 /data ext4 rw 0 0\n";

    /// Each path has an inode of its own but those that are the same directory.
    fn look(path: &Path) -> Option<PrefixData> {
        let path = path.to_str()?;
        let number = match path.trim_end_matches('/') {
            "" => 1,
            "/tmp" => 2,
            "/var/tmp" => 3,
            "/opt/work" => 4,
            "/data" => 5,
            "/bin" | "/usr/bin" => 6,
            "/usr" => 7,
            _ => return None,
        };
        Some(folder_prefix(9, number))
    }

    /// What is said of the directory with this number.
    fn verdict(said: &[Said], number: u64) -> Option<u8> {
        let found = said.iter().find(|said| said.data == folder_prefix(9, number));
        found.map(|said| said.verdict)
    }

    #[test]
    fn the_filter_has_a_bit_for_each_folder_and_none_for_text() {
        let key = folder_prefix(9, 77);
        let bit = filter_bit(9, 77);
        let words = words([key, as_text("/tmp/", VOLATILE).data].into_iter());
        assert!(words[bit as usize >> 6] & 1 << (bit & 63) != 0);
        assert_eq!(words.iter().map(|word| word.count_ones()).sum::<u32>(), 1);
    }

    #[test]
    fn directories_are_said_as_text_and_as_what_they_are() {
        let said = wanted(&Config::default(), MOUNTS, look);
        assert!(said.contains(&as_text("/tmp/", VOLATILE)));
        assert_eq!(verdict(&said, 2), Some(VOLATILE | KNOWN));
        assert_eq!(verdict(&said, 1), Some(KNOWN), "the root is no volatile place, whatever it lies on");
        assert_eq!(verdict(&said, 5), Some(KNOWN));
        assert_eq!(verdict(&said, 3), Some(VOLATILE | KNOWN), "on flash, but for everybody");
        assert_eq!(verdict(&said, 4), Some(VOLATILE | KNOWN), "in memory");
        assert_eq!(verdict(&said, 7), None, "the image is nobody's business");
    }

    #[test]
    fn the_image_is_said_while_somebody_asks() {
        let mut config = Config::default();
        for act in &mut config.detectors.acts {
            act.enabled = true;
        }
        let said = wanted(&config, MOUNTS, look);
        assert_eq!(verdict(&said, 6), Some(IMAGE | KNOWN));
        assert_eq!(verdict(&said, 4), Some(IMAGE | VOLATILE | KNOWN));
        assert!(said.len() <= ROOM);
    }

    #[test]
    fn more_mounts_than_there_is_room_for_are_left_out() {
        let mounts =
            (0..500).map(|number| format!("x /m/{number} ext4 rw 0 0\n")).collect::<Vec<_>>().concat();
        let each = |path: &Path| {
            let number = path.to_str()?.rsplit('/').next()?.parse().ok()?;
            Some(folder_prefix(1, number))
        };
        assert_eq!(wanted(&Config::default(), &mounts, each).len(), ROOM);
    }
}
