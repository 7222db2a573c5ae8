//! Watched paths into the kernel's tables: by text on the tracepoint rung, by what the kernel knows files by on the others (`register`).

use std::fs;

use aya::maps::lpm_trie::Key;
use aya::maps::{HashMap, MapData, MapError};
use edge_abi::{Detector, FileId, PrefixData, Watch, reason, watch_access, watched_slot};

use super::listed::Listing;
use super::maps::Maps;
use super::prefixes::key_of;
use super::register::{Lacking, Register, Wanted};
use super::sight::{Eyes, Sight};
use super::tune::{Refused, is_elsewhere};
use super::{devices, filters};
use crate::config::Config;
use crate::decide::detectors::{SPECS, spec_of};

/// Entries of `WATCH` in `edge-ebpf/src/maps.rs`.
pub const PATHS: usize = 240;

/// Entries of `NAMES` there.
pub const NAMES: usize = 160;

/// Entries of `INODES` there.
pub const INODES: usize = 224;

/// Entries of `INODES` from which on those that no watched path leads to any more are given up.
const CROWDED: usize = INODES * 3 / 4;

/// How full the tables are, and what is not in them.
#[derive(Debug, Default)]
pub struct Books {
    /// Entries of the table of paths, folders and devices; [`PATHS`] fit.
    pub paths: usize,
    /// Entries of the table of names; [`NAMES`] fit.
    pub names: usize,
    /// Entries of the table of inodes; [`INODES`] fit.
    pub inodes: usize,
    /// Paths that are not, or not wholly, watched.
    pub lacking: Vec<Lacking>,
    /// What the image is made of, where there is a manifest.
    pub listing: Listing,
    /// Folders of stacked file systems that must stay open.
    _held: Vec<fs::File>,
}

/// What the tables are to hold, before they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// Paths, and what an access to everything that begins with them means.
    pub prefixes: Vec<(Vec<u8>, Watch)>,
    /// Hashes of last components.
    pub names: Vec<(u32, Watch)>,
}

/// Every path that an enabled detector watches.
fn wanted(config: &Config) -> impl Iterator<Item = Wanted<'_>> {
    let built_in = SPECS.iter().filter(|spec| config.act(spec.detector).enabled).flat_map(|spec| {
        // Those of no access are directories of the image, see `tune`.
        spec.watch.iter().filter(|watched| watched.access != 0).map(|watched| Wanted {
            path: watched.path,
            detector: spec.detector,
            reason: watched.reason,
            access: watched.access,
        })
    });
    let own = config.watched.iter().filter_map(|watched| {
        let spec = Detector::from_raw(watched.detector).and_then(spec_of)?;
        // What a detector watches for is the same for every path of its own.
        let access = spec.watch.first().map_or(watch_access::WRITE, |first| first.access);
        (config.act(spec.detector).enabled && access != 0).then_some(Wanted {
            path: &watched.path,
            detector: spec.detector,
            reason: reason::SOLE,
            access,
        })
    });
    built_in.chain(own)
}

impl Tables {
    /// The tables under this configuration for what is known by its path: everything on the tracepoint rung, and settings where a cgroup
    /// program judges them (`settings`). Detectors that are off watch nothing.
    #[must_use]
    pub(super) fn of(config: &Config, on_tracepoint: impl Fn(Detector) -> bool, settings: bool) -> Self {
        let mut tables = Self::default();
        for wanted in wanted(config) {
            if on_tracepoint(wanted.detector) {
                tables.add(wanted.path, wanted.detector, wanted.reason, wanted.access);
            } else if settings && is_setting(&wanted) {
                tables.add_path(wanted.path, wanted.detector, wanted.reason, wanted.access);
            }
        }
        inherit(&mut tables.prefixes);
        tables
    }

    /// Adds one path, as text alone.
    fn add_path(&mut self, path: &str, detector: Detector, reason: u8, access: u8) {
        // What ends here ends with a NUL, as the kernel side sees it.
        let path = path.strip_suffix('$').map_or_else(|| path.to_owned(), |whole| format!("{whole}\0"));
        let same = |known: &Vec<u8>| known == path.as_bytes();
        claim(entry(&mut self.prefixes, same, path.clone().into_bytes()), detector, reason, access, false);
    }

    /// Adds one path; the first detector to claim an access keeps it.
    fn add(&mut self, path: &str, detector: Detector, reason: u8, access: u8) {
        let whole = path.strip_suffix('$').unwrap_or(path);
        if let Some(name) = path.strip_prefix("*/") {
            let hash = hash_of(name);
            claim(entry(&mut self.names, |known| *known == hash, hash), detector, reason, access, false);
        } else {
            self.add_path(path, detector, reason, access);
        }
        if let Some((_, name)) = whole.rsplit_once('/').filter(|(_, name)| !name.is_empty()) {
            // Found by name alone as well, when the path is given in a form that cannot be compared.
            let hash = edge_abi::name_hash(name.as_bytes());
            claim(entry(&mut self.names, |known| *known == hash, hash), detector, reason, access, true);
        }
    }
}

/// The kernel finds the longest entry only: what a shorter one watches is copied into the longer ones below it.
pub(super) fn inherit(entries: &mut [(Vec<u8>, Watch)]) {
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    for index in 0..entries.len() {
        let Some((path, mut watch)) = entries.get(index).cloned() else { continue };
        let shorter = entries.get(..index).unwrap_or_default().iter().rev();
        for (_, above) in shorter.filter(|(above, _)| path.starts_with(above)) {
            let slots = watch.detectors.iter_mut().zip(&mut watch.reasons);
            for ((detector, reason), (wanted, why)) in slots.zip(above.detectors.iter().zip(&above.reasons)) {
                if *detector == 0 {
                    (*detector, *reason) = (*wanted, *why);
                }
            }
        }
        if let Some((_, entry)) = entries.get_mut(index) {
            *entry = watch;
        }
    }
}

/// The hash of one component, or of two joined by a slash.
pub(super) fn hash_of(name: &str) -> u32 {
    match name.rsplit_once('/') {
        Some((folder, name)) => {
            edge_abi::tail_hash(edge_abi::name_hash(folder.as_bytes()), edge_abi::name_hash(name.as_bytes()))
        }
        None => edge_abi::name_hash(name.as_bytes()),
    }
}

/// The entry of a list that fits, made now if there is none.
pub(super) fn entry<K>(list: &mut Vec<(K, Watch)>, fits: impl Fn(&K) -> bool, key: K) -> &mut Watch {
    let index = list.iter().position(|(known, _)| fits(known)).unwrap_or_else(|| {
        list.push((key, Watch::default()));
        list.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the index was found, or made, a line above")]
    &mut list[index].1
}

/// Gives the accesses nobody has claimed yet to a detector.
pub(super) fn claim(watch: &mut Watch, detector: Detector, reason: u8, access: u8, by_name: bool) {
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

/// Whether a path is a kernel setting, which a cgroup program knows by its name.
fn is_setting(wanted: &Wanted<'_>) -> bool {
    wanted.detector == Detector::SysctlTamper && wanted.path.starts_with("/proc/sys/")
}

/// Registers what is watched by what it is: everything that the detectors off the tracepoint rung watch.
///
/// What a cgroup program judges is left to it: settings by their names, devices by their numbers.
fn register(
    eyes: &mut impl Eyes,
    config: &Config,
    is_upper: impl Fn(Detector) -> bool,
    is_elsewhere: impl Fn(Detector) -> bool,
) -> Register {
    let mut register = Register::default();
    for wanted in wanted(config).filter(|wanted| is_upper(wanted.detector)) {
        if is_setting(&wanted) && is_elsewhere(Detector::SysctlTamper) {
            continue;
        }
        register.add(eyes, wanted);
    }
    let on = |detector| is_upper(detector) && config.act(detector).enabled;
    if on(Detector::DeviceTamper) && !is_elsewhere(Detector::DeviceTamper) {
        register.add_devices(devices::tampering(&fs::read_to_string("/proc/devices").unwrap_or_default()));
    }
    if on(Detector::BusFlood) {
        let lines = wanted(config).filter(|wanted| wanted.detector == Detector::BusFlood);
        let lines: Vec<&str> = lines.map(|wanted| wanted.path).collect();
        let drivers = fs::read_to_string("/proc/tty/drivers").unwrap_or_default();
        register.add_devices(devices::lines(&drivers, &lines));
    }
    register.inherit();
    register
}

/// Replaces all tables, new entries first, so that nothing is unguarded in between. With `keep`, an inode that was watched stays so
/// although no path leads to it any more, while there is room.
///
/// # Errors
/// [`Refused`]: what the kernel says, or which table is too small.
pub(super) fn write(
    maps: &mut Maps,
    config: &Config,
    is_upper: impl Fn(Detector) -> bool + Copy,
    keep: bool,
) -> Result<Books, Refused> {
    let in_cgroup = maps.in_cgroup;
    let settings = is_elsewhere(config, Detector::SysctlTamper, in_cgroup);
    let tables = Tables::of(config, |detector| !is_upper(detector), settings);
    let registered = if SPECS.iter().any(|spec| !spec.watch.is_empty() && is_upper(spec.detector)) {
        let mut sight = Sight::begin(&mut maps.watched).map_err(Refused::Look)?;
        register(&mut sight, config, is_upper, |detector| is_elsewhere(config, detector, in_cgroup))
    } else {
        Register::default()
    };
    let Register { keys, mut inodes, names, name_bits, mut lacking, held, .. } = registered;
    let paths: Vec<_> = tables.prefixes.into_iter().chain(keys).collect();
    let names: Vec<_> = tables.names.into_iter().chain(names).collect();
    for (table, used, limit) in [("paths", paths.len(), PATHS), ("names", names.len(), NAMES)] {
        if used > limit {
            return Err(Refused::Full { table, used, limit });
        }
    }
    if inodes.len() > CROWDED {
        let why = format!("{} files and trees, {CROWDED} fit; the rest is known by name", inodes.len());
        lacking.push(Lacking { path: "inodes".into(), why });
        inodes.truncate(CROWDED);
    }
    write_paths(maps, &paths)?;
    write_names(maps, &names)?;
    write_inodes(&mut maps.inodes, &inodes, keep)?;
    filters::write(maps, &paths, &name_bits)?;
    let by_path = Detector::ALL.iter().filter(|detector| !is_upper(**detector));
    let by_path = by_path.fold(0, |bits, detector| bits | u64::from(detector.bit()));
    maps.watched.set(watched_slot::BY_PATH, by_path, 0)?;
    let inodes = maps.inodes.keys().count();
    let listing = Listing::default();
    Ok(Books { paths: paths.len(), names: names.len(), inodes, lacking, listing, _held: held })
}

/// A value of the watch tables as the map keeps it.
fn bytes(watch: Watch) -> [u8; size_of::<Watch>()] {
    bytemuck::cast(watch)
}

/// Replaces the table of paths, folders and devices.
fn write_paths(maps: &mut Maps, wanted: &[(Vec<u8>, Watch)]) -> Result<(), MapError> {
    let mut known: Vec<_> = maps.watch.keys().collect::<Result<_, _>>()?;
    let same = |left: &Key<PrefixData>, right: &Key<PrefixData>| {
        left.prefix_len() == right.prefix_len() && left.data() == right.data()
    };
    // Where both do not fit side by side, room is made first.
    let room = PATHS.saturating_sub(known.len());
    let is_wanted = |key: &Key<PrefixData>| wanted.iter().any(|(begins, _)| same(&key_of(begins), key));
    let new = wanted.iter().filter(|(begins, _)| !known.iter().any(|key| same(&key_of(begins), key))).count();
    if new > room {
        let stale: Vec<_> = known.extract_if(.., |key| !is_wanted(key)).collect();
        stale.iter().try_for_each(|key| maps.watch.remove(key))?;
    }
    for (begins, watch) in wanted {
        maps.watch.insert(&key_of(begins), bytes(*watch), 0)?;
    }
    known.iter().filter(|key| !is_wanted(key)).try_for_each(|key| maps.watch.remove(key))
}

/// Replaces the table of names.
fn write_names(maps: &mut Maps, wanted: &[(u32, Watch)]) -> Result<(), MapError> {
    for (hash, watch) in wanted {
        maps.names.insert(hash, bytes(*watch), 0)?;
    }
    let known: Vec<u32> = maps.names.keys().collect::<Result<_, _>>()?;
    let mut stale = known.iter().filter(|hash| !wanted.iter().any(|(kept, _)| kept == *hash));
    stale.try_for_each(|hash| maps.names.remove(hash))
}

/// The table of inodes.
type Inodes = HashMap<MapData, [u8; size_of::<FileId>()], [u8; size_of::<Watch>()]>;

/// Replaces the table of inodes. Those that the sensor has added meanwhile, and those whose path was taken by others, stay with
/// `keep` while there is room.
fn write_inodes(map: &mut Inodes, wanted: &[(FileId, Watch)], keep: bool) -> Result<(), MapError> {
    let known: Vec<_> = map.keys().collect::<Result<_, _>>()?;
    let is_wanted = |key: &[u8; 16]| wanted.iter().any(|(id, _)| bytemuck::bytes_of(id) == key);
    let stale: Vec<_> = known.iter().filter(|key| !is_wanted(key)).collect();
    if !keep || stale.len() + wanted.len() > CROWDED {
        stale.into_iter().try_for_each(|key| map.remove(key))?;
    }
    wanted.iter().try_for_each(|(id, watch)| map.insert(bytemuck::cast::<_, [u8; 16]>(*id), bytes(*watch), 0))
}

#[cfg(test)]
mod tests {
    use edge_abi::PREFIX_BYTES;

    use super::super::register::Plain;
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
        inherit(&mut tables.prefixes);
        let (_, watch) = tables.prefixes.iter().find(|(path, _)| path == b"/etc/x/keys").unwrap();
        assert_eq!(watch.detectors, [Detector::CredentialAccess as u8, Detector::Persistence as u8, 0]);
    }

    #[test]
    fn a_path_that_ends_is_no_prefix_of_longer_ones() {
        let mut tables = Tables::default();
        tables.add("/var/log/messages$", Detector::ImpairDefenses, reason::LOG_CLEARED, watch_access::REMOVE);
        let (path, _) = tables.prefixes.first().unwrap();
        assert_eq!(path, b"/var/log/messages\0");
        let key = key_of(path);
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

    /// A configuration under which every detector runs.
    fn everything() -> Config {
        let mut config = Config::default();
        for act in &mut config.detectors.acts {
            act.enabled = true;
        }
        config
    }

    #[test]
    fn every_built_in_path_fits_a_key_and_the_tables_fit_their_maps() {
        let tables = Tables::of(&everything(), |_| true, false);
        assert!(tables.prefixes.iter().all(|(path, _)| path.len() < PREFIX_BYTES && path.starts_with(b"/")));
        // Less what a configuration may add.
        assert!(tables.prefixes.len() <= PATHS - crate::config::WATCHED_COUNT, "{}", tables.prefixes.len());
        assert!(tables.names.len() <= NAMES - crate::config::WATCHED_COUNT, "{}", tables.names.len());
    }

    #[test]
    fn settings_that_a_cgroup_program_judges_are_known_by_their_paths() {
        let tables = Tables::of(&everything(), |_| false, true);
        let is_told = |path: &[u8]| tables.prefixes.iter().any(|(known, _)| known == path);
        assert!(is_told(b"/proc/sys/kernel/core_pattern"), "{:?}", tables.prefixes);
        assert!(
            tables.names.is_empty()
                && tables.prefixes.iter().all(|(path, _)| path.starts_with(b"/proc/sys/"))
        );
        assert_eq!(Tables::of(&everything(), |_| false, false), Tables::default());
    }

    #[test]
    fn every_built_in_path_can_be_registered_and_leaves_room() {
        let register = register(&mut Plain, &everything(), |_| true, |_| false);
        let text: Vec<_> = register.lacking.iter().map(|lacking| &lacking.why).collect();
        assert!(!text.iter().any(|why| why.contains("not watched")), "{:?}", register.lacking);
        // What a configuration adds takes one entry, or two where it is a folder that exists.
        assert!(register.keys.len() <= PATHS - crate::config::WATCHED_COUNT / 2, "{}", register.keys.len());
        assert!(register.keys.iter().all(|(key, _)| key.len() <= PREFIX_BYTES));
    }
}
