//! From one agent to the next: what is taken over, what is replaced, and what was lost in between.

use std::error::Error;
use std::os::fd::OwnedFd;

use aya::maps::{HashMap, Map, MapData, PerCpuArray, RingBuf};

use super::features::Features;
use super::handover::{self, Handover};
use super::object::Plan;
use super::pins::{self, Draft, Former, Identity, Mark, Pins};
use super::report::{MapCost, Report};
use super::{Failed, Sensors, seed};
use crate::clock::Now;
use crate::config::Config;
use crate::error::AgentError;

/// What an earlier agent left, and what became of it.
#[derive(Default)]
pub enum Heritage {
    /// There was nothing.
    #[default]
    None,
    /// Its maps and programs are ours now, as they are.
    Taken {
        /// What it had told by its last heartbeat.
        mark: Box<Mark>,
    },
    /// It had the same object, loaded otherwise, or some of its programs had ended with it: ours stand beside what was left, which is gone
    /// now. Its records can be read.
    Replaced(Box<Replaced>),
    /// It had another object, whose records mean nothing to us.
    Lost {
        /// How many nobody has read.
        records: u64,
    },
}

/// What is left of a kernel side that is gone.
pub struct Replaced {
    /// Its ring, with what nobody has read.
    pub events: RingBuf<MapData>,
    /// Its counters.
    pub counters: PerCpuArray<MapData, u64>,
    /// What its agent had told by the last heartbeat.
    pub mark: Mark,
}

/// What is read of a kernel side that has ended.
const READ_LATER: [&str; 2] = ["EVENTS", "COUNTERS"];

/// Whether a map stays when the agent ends. Who runs, and what he is let pass for, is known by programs that follow every start and end: without
/// one of them the others would judge strangers, so that all stay or none. Then the maps through which programs jump must not stay either.
fn stays(report: &Report, map: &MapCost) -> bool {
    report.fleeting.is_empty() || READ_LATER.contains(&map.name.as_str())
}

/// What keeps the kernel side when the agent ends.
#[derive(Default)]
pub(super) struct Keeping {
    /// The folder; `None` where nothing is kept.
    pins: Option<Pins>,
    /// What we load.
    identity: Option<Identity>,
    /// What an earlier agent left and is still attached.
    former: Option<Former>,
    /// Our own, which does not count yet.
    draft: Option<Draft>,
    /// Where it is noted how much was told.
    mark: Option<OwnedFd>,
}

impl Keeping {
    /// Claims the folder and looks what is there.
    ///
    /// # Errors
    /// [`AgentError::Load`] when another agent has the folder.
    pub(super) fn begin(config: &Config, plan: &Plan, features: &Features) -> Result<Self, AgentError> {
        let pins = match Pins::open(config.load.pins.as_str())? {
            Ok(pins) => pins,
            Err(why) => {
                log::info!("load: nothing stays when the agent ends, {why}");
                return Ok(Self::default());
            }
        };
        let former = pins.former();
        let identity = Identity::of(plan, features);
        let judges = |former: &&Former| {
            former.header.identity.object == identity.object && former.report.fleeting.is_empty()
        };
        if let Some(former) = former.as_ref().filter(judges)
            && let Err(why) = introduce(former)
        {
            log::warn!("load: what an earlier agent left is not told who we are, {why}");
        }
        Ok(Self { pins: Some(pins), identity: Some(identity), former, draft: None, mark: None })
    }

    /// What an earlier agent left, if it is all that we would make; else what the loader makes.
    pub(super) fn take_or_load(&mut self, plan: &Plan) -> Result<(Handover, Heritage), Failed> {
        let same = |former: &mut Former| {
            Some(former.header.identity) == self.identity && former.report.fleeting.is_empty()
        };
        if let Some(former) = self.former.take_if(same) {
            match pins::read_mark(&former.mark) {
                Ok(mark) => {
                    let age_s = Now::read().boot_ns.saturating_sub(former.header.made_ns) / 1_000_000_000;
                    log::info!(
                        "load: taken over maps={} links={} age_s={age_s}",
                        former.header.maps,
                        former.header.links
                    );
                    let Former { report, links, maps, mark: kept, .. } = former;
                    self.mark = Some(kept);
                    let handover = Handover { report, links, maps };
                    return Ok((handover, Heritage::Taken { mark: Box::new(mark) }));
                }
                Err(error) => {
                    log::warn!("load: not taken over, the mark cannot be read: {error}");
                    self.former = Some(former);
                }
            }
        }
        let handover = handover::run(plan)
            .map_err(|source| AgentError::Runtime { what: "loading the kernel programs", source })?;
        self.draft(&handover);
        Ok((handover, Heritage::None))
    }

    /// Gives what is to stay of what was loaded its names, which do not count yet.
    fn draft(&mut self, handover: &Handover) {
        let Some(pins) = &self.pins else { return };
        let Handover { report, links, maps } = handover;
        if !report.failure.is_empty() {
            return;
        }
        if !report.fleeting.is_empty() {
            let names: Vec<&str> = report.fleeting.iter().map(|program| program.name()).collect();
            log::info!(
                "load: only the ring stays when the agent ends, for want of links to perf events (Linux 5.15): {}",
                names.join(", ")
            );
        }
        let maps = report.maps.iter().zip(maps).filter(|(map, _)| stays(report, map)).map(|(_, map)| map);
        let links: &[OwnedFd] = if report.fleeting.is_empty() { links } else { &[] };
        match pins.keep(self.former.as_ref(), maps, links) {
            Ok(draft) => self.draft = Some(draft),
            Err(error) => log::error!("load: nothing stays when the agent ends, {error}"),
        }
    }

    /// Notes how much was told, for the agent after this one.
    pub(super) fn note(&self, mark: &Mark) {
        if let Some(kept) = &self.mark
            && let Err(error) = pins::write_mark(kept, mark)
        {
            log::warn!("load: what was told is not noted for the next agent, {error}");
        }
    }
}

impl Sensors {
    /// Has the kernel side stay when the agent ends, and ends that of an earlier one. Only once ours judges: so there is no moment in which
    /// nobody does.
    pub(super) fn settle(&mut self) {
        let keeping = &mut self.keeping;
        let Some((pins, identity)) = keeping.pins.as_ref().zip(keeping.identity) else { return };
        if let Some(draft) = keeping.draft.take() {
            let mut report = self.report.clone();
            report.maps.retain(|map| stays(&self.report, map));
            match pins.complete(draft, identity, &report, Now::read().boot_ns) {
                Ok(mark) => keeping.mark = Some(mark),
                Err(error) => log::error!("load: nothing stays when the agent ends, {error}"),
            }
        }
        let Some(former) = keeping.former.take() else { return };
        pins.release(&former);
        self.heritage = replaced(former, identity);
    }
}

/// Has what an earlier agent left let this one pass, and what it starts: to load programs and to try every sensor is what it would kill anybody
/// else for. Wherever this agent's file lies.
fn introduce(former: &Former) -> Result<(), Box<dyn Error>> {
    let at = former.report.maps.iter().position(|map| map.name == "TASKS");
    let tasks = at.and_then(|at| former.maps.get(at)).ok_or("it has no table of processes")?;
    let tasks = Map::LruHashMap(MapData::from_fd(tasks.try_clone()?)?);
    seed::introduce(&mut HashMap::try_from(tasks)?)
}

/// Detaches what an earlier agent left and takes out what it has not told.
fn replaced(former: Former, identity: Identity) -> Heritage {
    let same_object = former.header.identity.object == identity.object;
    let mark = pins::read_mark(&former.mark);
    let [events, counters] =
        READ_LATER.map(|name| former.report.maps.iter().position(|map| map.name == name));
    // The last descriptors of its links: from here on it judges nothing more.
    drop(former.links);
    let mut maps: Vec<Option<OwnedFd>> = former.maps.into_iter().map(Some).collect();
    let mut take = |at: Option<usize>| MapData::from_fd(maps.get_mut(at?)?.take()?).ok();
    let events = take(events).and_then(|map| RingBuf::try_from(Map::RingBuf(map)).ok());
    let counters = take(counters).and_then(|map| PerCpuArray::try_from(Map::PerCpuArray(map)).ok());
    let Some(mut events) = events else {
        log::error!("load: the ring of the former kernel side cannot be read, what was in it is lost");
        return Heritage::None;
    };
    if let (true, Some(counters), Ok(mark)) = (same_object, counters, mark) {
        log::info!("load: replaced what an earlier agent had left, its ring will be read");
        return Heritage::Replaced(Box::new(Replaced { events, counters, mark }));
    }
    let mut records = 0_u64;
    while events.next().is_some() {
        records += 1;
    }
    log::warn!("load: replaced what an agent of another version had left, records lost={records}");
    Heritage::Lost { records }
}

/// Ends what an earlier agent left in the kernel; how many names that were.
///
/// # Errors
/// [`AgentError::Load`] when an agent runs, or the folder cannot be emptied.
pub fn detach(config: &Config) -> Result<usize, AgentError> {
    let path = config.load.pins.as_str();
    let refused = |error: std::io::Error| AgentError::Load {
        name: format!("`load.pins` {path}"),
        source: error.into(),
    };
    match Pins::open(path)? {
        Ok(pins) => pins.release_all().map_err(refused),
        Err(pins::NotKept::Io(_, error)) => Err(refused(error)),
        Err(_) => Ok(0),
    }
}
