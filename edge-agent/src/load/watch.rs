//! Watched paths into the kernel's two tables: by what a path begins with, and by its last components.

use aya::maps::MapError;
use edge_abi::{Detector, Watch, reason, watch_access};

use super::maps::Maps;
use super::tune::prefix_key;
use crate::config::Config;
use crate::decide::detectors::{SPECS, spec_of};

/// What a table is to hold, before it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// Paths, and what an access to everything that begins with them means.
    pub prefixes: Vec<(String, Watch)>,
    /// Hashes of last components.
    pub names: Vec<(u32, Watch)>,
}

impl Tables {
    /// The tables under this configuration. Detectors that are off watch nothing.
    #[must_use]
    pub(super) fn of(config: &Config) -> Self {
        let mut tables = Self::default();
        for spec in SPECS.iter().filter(|spec| config.act(spec.detector).enabled) {
            // Those of no access are directories of the image, see `tune`.
            for watched in spec.watch.iter().filter(|watched| watched.access != 0) {
                tables.add(watched.path, spec.detector, watched.reason, watched.access);
            }
        }
        for watched in config.watched.iter() {
            let spec = Detector::from_raw(watched.detector).and_then(spec_of);
            if let Some(spec) = spec.filter(|spec| config.act(spec.detector).enabled) {
                // What a detector watches for is the same for every path of its own.
                let access = spec.watch.first().map_or(watch_access::WRITE, |first| first.access);
                if access != 0 {
                    tables.add(&watched.path, spec.detector, reason::SOLE, access);
                }
            }
        }
        tables.inherit();
        tables
    }

    /// Adds one path; the first detector to claim an access keeps it.
    fn add(&mut self, path: &str, detector: Detector, reason: u8, access: u8) {
        let whole = path.strip_suffix('$').unwrap_or(path);
        if let Some(name) = path.strip_prefix("*/") {
            let hash = hash_of(name);
            claim(entry(&mut self.names, |known| *known == hash, hash), detector, reason, access, false);
        } else {
            // What ends here ends with a NUL, as the kernel side sees it.
            let path = if whole == path { path.to_owned() } else { format!("{whole}\0") };
            let same = |known: &String| *known == path;
            claim(entry(&mut self.prefixes, same, path.clone()), detector, reason, access, false);
        }
        if let Some((_, name)) = whole.rsplit_once('/').filter(|(_, name)| !name.is_empty()) {
            // Found by name alone as well, when the path is given in a form that cannot be compared.
            let hash = edge_abi::name_hash(name.as_bytes());
            claim(entry(&mut self.names, |known| *known == hash, hash), detector, reason, access, true);
        }
    }

    /// The kernel finds the longest entry only: what a shorter one watches is copied into the longer ones below it.
    fn inherit(&mut self) {
        self.prefixes.sort_by(|left, right| left.0.cmp(&right.0));
        for index in 0..self.prefixes.len() {
            let Some((path, mut watch)) = self.prefixes.get(index).cloned() else { continue };
            let shorter = self.prefixes.get(..index).unwrap_or_default().iter().rev();
            for (_, above) in shorter.filter(|(above, _)| path.starts_with(above.as_str())) {
                let slots = watch.detectors.iter_mut().zip(&mut watch.reasons);
                for ((detector, reason), (wanted, why)) in
                    slots.zip(above.detectors.iter().zip(&above.reasons))
                {
                    if *detector == 0 {
                        (*detector, *reason) = (*wanted, *why);
                    }
                }
            }
            if let Some((_, entry)) = self.prefixes.get_mut(index) {
                *entry = watch;
            }
        }
    }
}

/// The hash of one component, or of two joined by a slash.
fn hash_of(name: &str) -> u32 {
    match name.rsplit_once('/') {
        Some((folder, name)) => {
            edge_abi::tail_hash(edge_abi::name_hash(folder.as_bytes()), edge_abi::name_hash(name.as_bytes()))
        }
        None => edge_abi::name_hash(name.as_bytes()),
    }
}

/// The entry of a list that fits, made now if there is none.
fn entry<K>(list: &mut Vec<(K, Watch)>, fits: impl Fn(&K) -> bool, key: K) -> &mut Watch {
    let index = list.iter().position(|(known, _)| fits(known)).unwrap_or_else(|| {
        list.push((key, Watch::default()));
        list.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the index was found, or made, a line above")]
    &mut list[index].1
}

/// Gives the accesses nobody has claimed yet to a detector.
fn claim(watch: &mut Watch, detector: Detector, reason: u8, access: u8, by_name: bool) {
    let empty = watch.detectors == [0; 3];
    for (slot, bit) in [watch_access::READ, watch_access::WRITE, watch_access::REMOVE].into_iter().enumerate()
    {
        if access & bit == 0 {
            continue;
        }
        if let (Some(owner), Some(why)) = (watch.detectors.get_mut(slot), watch.reasons.get_mut(slot))
            && *owner == 0
        {
            (*owner, *why) = (detector as u8, reason);
        }
    }
    if empty {
        watch.by_name = u8::from(by_name);
    }
}

/// Replaces both tables, new entries first, so that nothing is unguarded in between.
pub(super) fn write(maps: &mut Maps, config: &Config) -> Result<(), MapError> {
    let tables = Tables::of(config);
    let bytes = |watch: &Watch| bytemuck::cast::<_, [u8; size_of::<Watch>()]>(*watch);
    for (path, watch) in &tables.prefixes {
        maps.watch.insert(&prefix_key(path), bytes(watch), 0)?;
    }
    for (hash, watch) in &tables.names {
        maps.names.insert(hash, bytes(watch), 0)?;
    }
    let known: Vec<_> = maps.watch.keys().collect::<Result<_, _>>()?;
    for key in known {
        let wanted = |path: &String| {
            let other = prefix_key(path);
            other.prefix_len() == key.prefix_len() && other.data() == key.data()
        };
        if !tables.prefixes.iter().any(|(path, _)| wanted(path)) {
            maps.watch.remove(&key)?;
        }
    }
    let known: Vec<u32> = maps.names.keys().collect::<Result<_, _>>()?;
    for hash in known {
        if !tables.names.iter().any(|(wanted, _)| *wanted == hash) {
            maps.names.remove(&hash)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use edge_abi::PREFIX_BYTES;

    use super::*;

    #[test]
    fn one_path_may_be_the_business_of_several() {
        let mut tables = Tables::default();
        tables.add("/etc/shadow", Detector::CredentialAccess, reason::PASSWORD_FILE, watch_access::READ);
        tables.add("/etc/shadow", Detector::Persistence, reason::ACCOUNT, watch_access::WRITE);
        let (_, watch) = tables.prefixes.first().unwrap();
        assert_eq!(watch.detectors, [Detector::CredentialAccess as u8, Detector::Persistence as u8, 0]);
        assert_eq!(watch.reasons, [reason::PASSWORD_FILE, reason::ACCOUNT, 0]);
    }

    #[test]
    fn a_longer_path_keeps_what_a_shorter_one_watches() {
        let mut tables = Tables::default();
        tables.add("/etc/x/keys", Detector::CredentialAccess, reason::TOKEN, watch_access::READ);
        tables.add("/etc/x/", Detector::Persistence, reason::CRON, watch_access::WRITE);
        tables.inherit();
        let (_, watch) = tables.prefixes.iter().find(|(path, _)| path == "/etc/x/keys").unwrap();
        assert_eq!(watch.detectors, [Detector::CredentialAccess as u8, Detector::Persistence as u8, 0]);
    }

    #[test]
    fn a_path_that_ends_is_no_prefix_of_longer_ones() {
        let mut tables = Tables::default();
        tables.add("/var/log/messages$", Detector::ImpairDefenses, reason::LOG_CLEARED, watch_access::REMOVE);
        let (path, _) = tables.prefixes.first().unwrap();
        assert_eq!(path, "/var/log/messages\0");
        let key = prefix_key(path);
        assert_eq!((key.prefix_len(), key.data()[17]), (18 * 8, 0), "the NUL is compared");
        let (name, watch) = tables.names.first().unwrap();
        assert_eq!((*name, watch.by_name), (edge_abi::name_hash(b"messages"), 1));
    }

    #[test]
    fn a_tail_is_certain_and_its_name_is_a_candidate() {
        let mut tables = Tables::default();
        tables.add("*/.ssh/id_rsa", Detector::CredentialAccess, reason::PRIVATE_KEY, watch_access::READ);
        let by_name: Vec<_> = tables.names.iter().map(|(hash, watch)| (*hash, watch.by_name)).collect();
        assert_eq!(by_name, [(hash_of(".ssh/id_rsa"), 0), (edge_abi::name_hash(b"id_rsa"), 1)]);
        assert!(tables.prefixes.is_empty());
    }

    #[test]
    fn every_built_in_path_fits_a_key_and_the_tables_fit_their_maps() {
        let mut config = Config::default();
        for act in &mut config.detectors.acts {
            act.enabled = true;
        }
        let tables = Tables::of(&config);
        assert!(tables.prefixes.iter().all(|(path, _)| path.len() < PREFIX_BYTES && path.starts_with('/')));
        // The sizes of `WATCH` and `NAMES` in `edge-ebpf/src/maps.rs`, less what a configuration may add.
        assert!(tables.prefixes.len() <= 192 - crate::config::WATCHED_COUNT, "{}", tables.prefixes.len());
        assert!(tables.names.len() <= 160 - crate::config::WATCHED_COUNT, "{}", tables.names.len());
    }
}
