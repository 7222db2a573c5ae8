//! The filters by which the sensor knows what cannot be watched without looking it up: one bit per inode, folder, step and name.

use aya::maps::MapError;
use edge_abi::{
    BELOW_AT, BELOW_FOLDER, FILTER_BITS, FileId, Watch, WatchSlot, filter_bit, step_bit, tree_bit,
    watch_access, watched_slot,
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
    for (id, watch) in inodes {
        for of in filters_of(*watch) {
            mark(of.inodes, filter_bit(id.dev, id.ino));
            if watch.tree != 0 {
                mark(of.steps, tree_bit(*id));
            }
        }
    }
    for (key, watch) in paths {
        let Some(folder) = folder_of(key) else { continue };
        for of in filters_of(*watch) {
            mark(of.inodes, filter_bit(folder.dev, folder.ino));
            match step_of(key) {
                Some(head) => mark(of.steps, step_bit(folder, head)),
                None => (0..FILTER_BITS).for_each(|bit| mark(of.steps, bit)),
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

/// Filters for one kind of access, by the slots where they begin.
struct Filters {
    /// Of inodes and folders.
    inodes: u32,
    /// Of steps and trees.
    steps: u32,
}

/// The filters for the kinds of access that somebody watches.
fn filters_of(watch: Watch) -> impl Iterator<Item = Filters> + use<> {
    watch.detectors.into_iter().enumerate().filter(|(_, detector)| *detector != 0).map(|(slot, _)| {
        if slot == WatchSlot::Read as usize {
            Filters { inodes: watched_slot::READ, steps: watched_slot::STEP_READ }
        } else {
            Filters { inodes: watched_slot::WRITE, steps: watched_slot::STEP_WRITE }
        }
    })
}

/// The beginning of the first step in a key of a folder, as [`step_bit`] takes it; `None` when the key ends before that is known.
fn step_of(key: &[u8]) -> Option<u16> {
    let mut head = [0; 2];
    for (index, place) in head.iter_mut().enumerate() {
        match key.get(BELOW_AT + index)? {
            b'/' | 0 => break,
            byte => *place = *byte,
        }
    }
    Some(u16::from_le_bytes(head))
}

/// The folder in a key of the table of paths, or in one of the table of prefixes (`edge_abi::folder_prefix`).
pub(super) fn folder_of(key: &[u8]) -> Option<FileId> {
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
        assert!(has(watched_slot::STEP_WRITE, step_bit(folder, u16::from_le_bytes(*b"cr"))));
        assert!(!has(watched_slot::STEP_WRITE, step_bit(folder, u16::from_le_bytes(*b"ca"))));
        assert!(words[watched_slot::STEP_READ as usize..].iter().take(16).all(|word| *word == 0));
        assert!(
            words[watched_slot::FRESH as usize..watched_slot::NAME_READ as usize].iter().all(|w| *w == 0)
        );
    }

    #[test]
    fn trees_are_known_and_so_is_the_first_step_to_what_is_watched() {
        let tree = FileId::new(8 << 20 | 1, 30);
        let watch = Watch { detectors: [0, 1, 0], tree: u8::MAX, ..Watch::default() };
        let words = filters(&[(tree, watch)], &[], &[]);
        let bit = tree_bit(tree);
        assert!(words[(watched_slot::STEP_WRITE + (bit >> 6)) as usize] & 1 << (bit & 63) != 0);
        let key = |name: &[u8]| [&edge_abi::folder_key(tree)[..BELOW_AT], name].concat();
        assert_eq!(step_of(&key(b"cron")), Some(u16::from_le_bytes(*b"cr")));
        assert_eq!(step_of(&key(b"rc")), Some(u16::from_le_bytes(*b"rc")));
        assert_eq!(step_of(&key(b"a/b")), Some(u16::from(b'a')));
        assert_eq!(step_of(&key(b"a\0")), Some(u16::from(b'a')));
        assert_eq!(step_of(&key(b"a")), None, "the beginning of what?");
        let words = filters(&[], &[(key(b"a"), watch)], &[]);
        let steps = words[watched_slot::STEP_WRITE as usize..].iter().take(16);
        assert!(steps.clone().all(|word| *word == u64::MAX), "every step may lead there");
    }
}
