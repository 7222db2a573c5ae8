//! What the self-test opens where files are known by what they are: files in memory that have no name, watched for the moment of the
//! test. Nothing of the machine is touched, and a file system that cannot be written to makes no difference.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;

use edge_abi::{Detector, FileId, Watch, filter_bit, watched_slot};

use super::maps::Maps;
use super::sight::by_attributes;
use super::sys_acts::memory_file;

/// Whose business each of them is when it is read, written and emptied; 0 is nobody's.
/// What is emptied is not asked about as what is written.
const BAITS: [[u8; 3]; 5] = [
    [Detector::CredentialAccess as u8, 0, Detector::ImpairDefenses as u8],
    [0, 0, Detector::DeviceTamper as u8],
    [0, Detector::Persistence as u8, 0],
    [0, Detector::SysctlTamper as u8, 0],
    [0, Detector::BusFlood as u8, 0],
];

/// Watched files without names.
pub(super) struct Bait {
    /// The files, and what the kernel knows them by.
    files: Vec<(File, FileId)>,
}

impl Bait {
    /// Has them watched.
    ///
    /// # Errors
    /// What the kernel says to a map update.
    pub(super) fn lay(maps: &mut Maps) -> io::Result<Self> {
        let mut bait = Self { files: Vec::new() };
        for detectors in BAITS {
            let Some(file) = memory_file().map(File::from) else { continue };
            let id = by_attributes(&file)?;
            let watch = Watch { detectors, ..Watch::default() };
            let key: [u8; size_of::<FileId>()] = bytemuck::cast(id);
            maps.inodes
                .insert(key, bytemuck::cast::<_, [u8; size_of::<Watch>()]>(watch), 0)
                .map_err(io::Error::other)?;
            let marked = filter_bit(id.dev, id.ino);
            for filter in [watched_slot::READ, watched_slot::WRITE] {
                let slot = filter + (marked >> 6);
                let word = maps.watched.get(&slot, 0).map_err(io::Error::other)?;
                maps.watched.set(slot, word | 1 << (marked & 63), 0).map_err(io::Error::other)?;
            }
            bait.files.push((file, id));
        }
        Ok(bait)
    }

    /// Opens each of them for reading, and for writing, which empties it. For the child that tests the sensors.
    pub(super) fn take(&self) {
        for (file, _) in &self.files {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let _ = File::open(&path);
            let _ = OpenOptions::new().write(true).truncate(true).open(&path);
        }
    }

    /// Has them watched no more. Their bits in the filters stay until the next registration, where they do no harm.
    pub(super) fn clear(self, maps: &mut Maps) {
        for (_, id) in self.files {
            // One that is not there needs no removing.
            let _ = maps.inodes.remove(&bytemuck::cast::<_, [u8; size_of::<FileId>()]>(id));
        }
    }
}
