//! What the sensor sees of a file that the agent opens: the files' identities as the kernel knows them, those of every layer of a
//! stacked file system included.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use aya::maps::{Array, MapData};
use edge_abi::{FileId, watched_slot};
use rustix::fs::{Mode, OFlags};

/// A file or folder that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What the kernel knows it by; never empty.
    pub ids: Vec<FileId>,
    /// Whether the sensor has told; else it is what `stat` says, which knows nothing of layers.
    pub told: bool,
}

/// How the agent looks at files.
pub(super) trait Eyes {
    /// Looks at an open file, which must be a regular one or a folder: it is opened once more.
    fn look(&mut self, file: &File) -> io::Result<Seen>;
}

/// Opens without touching: nothing is read, and no device, pipe or automount is woken. Follows links.
///
/// # Errors
/// What the kernel says.
pub(super) fn touch(path: &Path) -> io::Result<File> {
    // Not by `OpenOptions`: musl counts O_PATH among the access modes, std takes those out of custom flags, and the open of a watchdog starts it.
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?.into())
}

/// The identity that `stat` gives.
///
/// # Errors
/// What the kernel says.
pub(super) fn by_attributes(file: &File) -> io::Result<FileId> {
    let known = file.metadata()?;
    Ok(FileId::new(kernel_device(known.dev()), known.ino()))
}

/// A device number as the kernel keeps it inside: `MKDEV` of `include/linux/kdev_t.h`.
pub(super) fn kernel_device(number: u64) -> u32 {
    let (major, minor) = numbers(number);
    major << 20 | (minor & 0xf_ffff)
}

/// Major and minor number of a device number as `stat` gives it.
pub(super) fn numbers(number: u64) -> (u32, u32) {
    (libc::major(number), libc::minor(number))
}

/// Whether a file may be opened to be looked at: opening anything else can do something.
pub(super) fn is_plain(file: &File) -> bool {
    file.metadata().is_ok_and(|known| known.is_file() || known.is_dir())
}

/// Kind of a device node as [`edge_abi::device_key`] wants it; none of another file.
pub(super) fn device_kind(known: &fs::Metadata) -> Option<u8> {
    let kind = known.file_type();
    (kind.is_char_device() || kind.is_block_device()).then_some((known.mode() >> 12) as u8)
}

/// Looks through the sensor. Everything that this thread opens meanwhile is told, and nothing judged.
pub(super) struct Sight<'m> {
    /// The map that carries the request.
    map: &'m mut Array<MapData, u64>,
}

impl<'m> Sight<'m> {
    /// Begins to look.
    ///
    /// # Errors
    /// What the kernel says to a map update.
    pub(super) fn begin(map: &'m mut Array<MapData, u64>) -> io::Result<Self> {
        // The agent's main thread, the only one that registers, has the number of the process.
        let me = u64::from(std::process::id());
        map.set(watched_slot::OWNER, me << 32 | me, 0).map_err(io::Error::other)?;
        Ok(Self { map })
    }

    /// The identities told since the last look.
    fn told(&self) -> Vec<FileId> {
        let word = |slot| self.map.get(&slot, 0).unwrap_or(0);
        let count = (word(watched_slot::FOUND) as u32).min(watched_slot::KEPT);
        let id = |index| {
            let place = watched_slot::IDS + 2 * index;
            FileId::new(word(place) as u32, word(place + 1))
        };
        (0..count).map(id).collect()
    }
}

impl Eyes for Sight<'_> {
    fn look(&mut self, file: &File) -> io::Result<Seen> {
        self.map.set(watched_slot::FOUND, 0, 0).map_err(io::Error::other)?;
        // What is opened is the very file that was found to be harmless, whatever its name leads to by now.
        let again = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
            .open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let ids = self.told();
        if ids.is_empty() {
            drop(again?);
            return Ok(Seen { ids: vec![by_attributes(file)?], told: false });
        }
        Ok(Seen { ids, told: true })
    }
}

impl Drop for Sight<'_> {
    fn drop(&mut self) {
        // Nothing else can be done: a map that refuses this has refused everything before.
        let _ = self.map.set(watched_slot::OWNER, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_numbered_as_inside_the_kernel() {
        let null = fs::metadata("/dev/null").unwrap();
        assert_eq!(numbers(null.rdev()), (1, 3));
        assert_eq!(kernel_device(null.rdev()), 1 << 20 | 3);
        assert_eq!(device_kind(&null), Some(2));
        assert_eq!(device_kind(&fs::metadata("/").unwrap()), None);
    }

    #[test]
    fn to_touch_is_not_to_open() {
        let flags = rustix::fs::fcntl_getfl(touch(Path::new("/dev/null")).unwrap()).unwrap();
        assert!(flags.contains(OFlags::PATH), "{flags:?}");
    }

    #[test]
    fn only_files_and_folders_are_opened() {
        for (path, plain) in [("/", true), ("/dev/null", false), ("/proc/self/stat", true)] {
            assert_eq!(is_plain(&touch(Path::new(path)).unwrap()), plain, "{path}");
        }
        assert!(touch(Path::new("/nonexistent")).is_err());
    }
}
