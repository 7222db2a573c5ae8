//! The filters by which the sensor knows what cannot be watched without looking it up: one bit per inode, folder and name.

use aya::maps::MapError;
use edge_abi::{
    BELOW_AT, BELOW_FOLDER, FILTER_BITS, FileId, Watch, WatchSlot, filter_bit, watch_access, watched_slot,
};

use super::maps::Maps;

/// Words of the filters that the agent writes: all but those that the sensor adds.
const WORDS: usize = watched_slot::OWNER as usize;

/// Writes the filters, and clears what the sensor has marked in its own; then once more, since it may have added an inode in between.
pub(super) fn write(
    maps: &mut Maps,
    paths: &[(Vec<u8>, Watch)],
    names: &[(u32, u8)],
) -> Result<(), MapError> {
    for clears in [true, false] {
        let mut inodes = Vec::new();
        for entry in &maps.inodes {
            let (id, watch) = entry?;
            inodes.push((bytemuck::cast::<_, FileId>(id), bytemuck::cast::<_, Watch>(watch)));
        }
        let words = filters(&inodes, paths, names);
        for (slot, word) in (0..).zip(words) {
            let is_fresh = (watched_slot::FRESH..watched_slot::NAME_READ).contains(&slot);
            if !is_fresh || clears {
                maps.watched.set(slot, word, 0)?;
            }
        }
    }
    Ok(())
}

/// The words of the filters.
fn filters(inodes: &[(FileId, Watch)], paths: &[(Vec<u8>, Watch)], names: &[(u32, u8)]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let mut mark = |filter: u32, bit: u32| {
        if let Some(word) = words.get_mut((filter + (bit >> 6)) as usize) {
            *word |= 1 << (bit & 63);
        }
    };
    let folders = paths.iter().filter_map(|(key, watch)| Some((folder_of(key)?, *watch)));
    for (id, watch) in inodes.iter().copied().chain(folders) {
        let bit = filter_bit(id.dev, id.ino) & (FILTER_BITS - 1);
        for (slot, detector) in watch.detectors.into_iter().enumerate() {
            if detector != 0 {
                let read = slot == WatchSlot::Read as usize;
                mark(if read { watched_slot::READ } else { watched_slot::WRITE }, bit);
            }
        }
    }
    for (bit, access) in names {
        if access & watch_access::READ != 0 {
            mark(watched_slot::NAME_READ, *bit);
        }
        if access & !watch_access::READ != 0 {
            mark(watched_slot::NAME_WRITE, *bit);
        }
    }
    words
}

/// The folder in a key of the table of paths.
fn folder_of(key: &[u8]) -> Option<FileId> {
    let (head, _) = key.split_at_checked(BELOW_AT)?;
    let [kind, _, _, _, dev @ .., _, _, _, _, _, _, _, _] = head else { return None };
    if *kind != BELOW_FOLDER {
        return None;
    }
    let ino = head.get(8..)?;
    Some(FileId::new(u32::from_ne_bytes(dev.try_into().ok()?), u64::from_ne_bytes(ino.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_know_folders_inodes_and_names_by_access() {
        let (folder, file) = (FileId::new(8 << 20 | 1, 2), FileId::new(8 << 20 | 1, 77));
        let mut key = edge_abi::folder_key(folder)[..BELOW_AT].to_vec();
        key.extend_from_slice(b"cron");
        assert_eq!(folder_of(&key), Some(folder));
        assert_eq!(folder_of(b"/etc/shadow-and-more"), None);
        let read = Watch { detectors: [1, 0, 0], ..Watch::default() };
        let remove = Watch { detectors: [0, 0, 1], ..Watch::default() };
        let words = filters(&[(file, read)], &[(key, remove)], &[(5, watch_access::WRITE)]);
        let has = |filter: u32, bit: u32| words[(filter + (bit >> 6)) as usize] & 1 << (bit & 63) != 0;
        let bit = |id: FileId| filter_bit(id.dev, id.ino);
        assert!(has(watched_slot::READ, bit(file)) && !has(watched_slot::WRITE, bit(file)));
        assert!(has(watched_slot::WRITE, bit(folder)) && !has(watched_slot::READ, bit(folder)));
        assert!(has(watched_slot::NAME_WRITE, 5) && !has(watched_slot::NAME_READ, 5));
        assert!(
            words[watched_slot::FRESH as usize..watched_slot::NAME_READ as usize].iter().all(|w| *w == 0)
        );
    }
}
