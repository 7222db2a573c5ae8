//! The agent's handles to the kernel's maps, made from the descriptors that were handed over.

use std::cell::Cell;
use std::error::Error;
use std::os::fd::OwnedFd;

use aya::maps::lpm_trie::LpmTrie;
use aya::maps::{Array, HashMap, Map, MapData, PerCpuArray, RingBuf};
use edge_abi::{
    Allow, Detector, EgressKey, EgressPolicy, FileId, FileTamperTuning, HISTORY_SLOTS, HistoryEntry, Known,
    LateralScanTuning, MAJOR_SLOTS, PrefixData, Role, Rule, Task, VolatileExecTuning, Watch,
};

use super::program::Program;
use super::report::Report;
use crate::error::AgentError;
use crate::learn::Learning;
use crate::manifest::Stamp;

/// Everything the agent reads or writes but the ring.
pub struct Maps {
    /// Counters.
    pub counters: PerCpuArray<MapData, u64>,
    /// Processes.
    pub tasks: HashMap<MapData, u32, [u8; size_of::<Task>()]>,
    /// What is not forgotten of processes while they live.
    pub roles: HashMap<MapData, u32, [u8; size_of::<Role>()]>,
    /// What happened lately.
    pub history: Array<MapData, [u8; size_of::<HistoryEntry>()]>,
    /// Login ports.
    pub login_ports: HashMap<MapData, u32, u8>,
    /// Volatile and exempt directories.
    pub prefixes: LpmTrie<MapData, PrefixData, u8>,
    /// Programs with a role.
    pub allow: HashMap<MapData, u64, [u8; size_of::<Allow>()]>,
    /// Watched paths by what they begin with.
    pub watch: LpmTrie<MapData, PrefixData, [u8; size_of::<Watch>()]>,
    /// Watched paths by the hash of their last components.
    pub names: HashMap<MapData, u32, [u8; size_of::<Watch>()]>,
    /// Watched files and trees by inode.
    pub inodes: HashMap<MapData, [u8; size_of::<FileId>()], [u8; size_of::<Watch>()]>,
    /// Filters of what is watched, and the request to the sensor, see `edge_abi::watched_slot`.
    pub watched: Array<MapData, u64>,
    /// What the image is made of, see `edge_abi::listed_kind`.
    pub listed: HashMap<MapData, u64, u8>,
    /// Entries that it has room for, besides the one that says what holds of it.
    pub room: u32,
    /// What its manifest was when it was read.
    pub manifest: Stamp,
    /// A program that the list does not have was found to be of the image.
    pub renewed: Cell<bool>,
    /// Rules of the detectors of acts.
    pub rules: Array<MapData, [u8; size_of::<Rule>()]>,
    /// The process that tests the sensors.
    pub probe: Array<MapData, u32>,
    /// Where programs go and on what they listen.
    pub known: HashMap<MapData, [u8; size_of::<EgressKey>()], [u8; size_of::<Known>()]>,
    /// Which devices matter.
    pub majors: Array<MapData, [u8; MAJOR_SLOTS]>,
    /// Detectors of which a cgroup program judges part ([`edge_abi::Detector::bit`]).
    pub in_cgroup: u32,
    /// Policy of `new_egress` besides its rule.
    pub egress: Array<MapData, [u8; size_of::<EgressPolicy>()]>,
    /// How far learning had come when this run began.
    pub learning: Learning,
    /// Tuning of `file_tamper`.
    pub file_tamper: Array<MapData, [u8; size_of::<FileTamperTuning>()]>,
    /// Tuning of `lateral_scan`.
    pub lateral_scan: Array<MapData, [u8; size_of::<LateralScanTuning>()]>,
    /// Tuning of `volatile_exec`.
    pub volatile_exec: Array<MapData, [u8; size_of::<VolatileExecTuning>()]>,
    /// What is neither read nor written but must stay open: the kernel empties a map of programs when its last descriptor is closed.
    _kept: Vec<OwnedFd>,
}

/// The handed-over map descriptors, by name.
struct Named<'r> {
    /// The report that names them.
    report: &'r Report,
    /// One per map of the report; taken out once.
    descriptors: Vec<Option<OwnedFd>>,
}

impl Named<'_> {
    /// The map called `name`, as `wrap` sees it.
    fn take<T>(&mut self, name: &'static str, wrap: fn(MapData) -> Map) -> Result<T, AgentError>
    where
        T: TryFrom<Map>,
        T::Error: Error + 'static,
    {
        let missing = |source: Box<dyn Error>| AgentError::Load { name: format!("map {name}"), source };
        let index = self.report.maps.iter().position(|map| map.name == name);
        let fd = index
            .and_then(|index| self.descriptors.get_mut(index))
            .and_then(Option::take)
            .ok_or_else(|| missing("it was not handed over".into()))?;
        let data = MapData::from_fd(fd).map_err(|error| missing(error.into()))?;
        T::try_from(wrap(data)).map_err(|error| missing(error.into()))
    }
}

/// Detectors whose cgroup program runs.
fn in_cgroup(report: &Report) -> u32 {
    let bit = |program, detector: Detector| if report.runs(program) { detector.bit() } else { 0 };
    bit(Program::Device, Detector::DeviceTamper) | bit(Program::Sysctl, Detector::SysctlTamper)
}

impl Maps {
    /// What happened lately, in no order. What cannot be read is left out.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryEntry> {
        let entry = |index| bytemuck::try_pod_read_unaligned(&self.history.get(&index, 0).ok()?).ok();
        (0..HISTORY_SLOTS).filter_map(entry).collect()
    }

    /// Makes handles of the maps' descriptors, the ring apart.
    ///
    /// # Errors
    /// [`AgentError::Load`] naming the map.
    pub fn take(report: &Report, maps: Vec<OwnedFd>) -> Result<(RingBuf<MapData>, Self), AgentError> {
        let mut named = Named { report, descriptors: maps.into_iter().map(Some).collect() };
        let events = named.take("EVENTS", Map::RingBuf)?;
        let maps = Self {
            counters: named.take("COUNTERS", Map::PerCpuArray)?,
            tasks: named.take("TASKS", Map::LruHashMap)?,
            roles: named.take("ROLES", Map::HashMap)?,
            history: named.take("HISTORY", Map::Array)?,
            login_ports: named.take("LOGIN_PORTS", Map::HashMap)?,
            prefixes: named.take("PREFIXES", Map::LpmTrie)?,
            allow: named.take("ALLOW", Map::HashMap)?,
            watch: named.take("WATCH", Map::LpmTrie)?,
            names: named.take("NAMES", Map::HashMap)?,
            inodes: named.take("INODES", Map::HashMap)?,
            watched: named.take("WATCHED", Map::Array)?,
            listed: named.take("LISTED", Map::HashMap)?,
            room: report.listed,
            manifest: Stamp::default(),
            renewed: Cell::new(false),
            rules: named.take("RULES", Map::Array)?,
            probe: named.take("PROBE", Map::Array)?,
            known: named.take("KNOWN", Map::HashMap)?,
            majors: named.take("MAJORS", Map::Array)?,
            in_cgroup: in_cgroup(report),
            egress: named.take("EGRESS", Map::Array)?,
            learning: Learning::default(),
            file_tamper: named.take("FILE_TAMPER", Map::Array)?,
            lateral_scan: named.take("LATERAL_SCAN", Map::Array)?,
            volatile_exec: named.take("VOLATILE_EXEC", Map::Array)?,
            _kept: named.descriptors.into_iter().flatten().collect(),
        };
        Ok((events, maps))
    }
}
