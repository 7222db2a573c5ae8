//! Getting the kernel side to run: probe, load in a process of its own, attach, hand over, tune.

mod acts;
mod attach;
mod bait;
mod cgroup;
mod classes;
mod declared;
mod devices;
mod digest;
mod egress;
mod entry;
mod facts;
mod features;
mod filters;
mod handover;
mod heritage;
mod hooks;
mod image;
mod kernel;
mod ladder;
mod layouts;
mod listed;
mod machine;
mod majors;
mod maps;
mod means;
mod numbers;
mod object;
mod packed;
mod pins;
mod prefixes;
mod program;
mod register;
mod report;
mod seed;
mod selftest;
mod setattr;
mod sight;
mod stands;
mod sys;
mod sys_acts;
mod tracefs;
mod tune;
mod watch;

use std::os::fd::OwnedFd;
use std::path::Path;

use aya::maps::{MapData, MapError, RingBuf};
use edge_abi::Detector;
use edge_wire::{Action, DetectorId, Rung};

pub use egress::keep;
pub use facts::Fact;
pub use features::{Features, Presence};
pub use heritage::{Heritage, detach};
pub use ladder::{can_deny, rung};
pub use layouts::{Origin, Standing};
pub use listed::Listing;
pub use maps::Maps;
pub use means::Means;
use object::describe;
pub use pins::{MARK_WORDS, Mark};
pub use program::{CgroupPoint, Hook, Program};
pub use register::Lacking;
pub use report::{Loading, MapCost, Reach, Reached, Report};
use seed::{repair, seed};
pub use selftest::Liveness;
pub use tune::{Refused, apply};
pub use watch::{Books, INODES, NAMES, PATHS};

use crate::config::{self, Config};
use crate::error::AgentError;
use crate::learn::Learnt;
use crate::sweep::Seen;
use cgroup::Cgroup;
use heritage::Keeping;
use object::Plan;

/// The kernel side, running. Dropping it detaches everything, but what is kept (`load.pins`).
pub struct Sensors {
    /// Descriptors that keep the programs attached. First, so that they are closed before the maps.
    _links: Vec<OwnedFd>,
    /// Records.
    pub events: RingBuf<MapData>,
    /// Maps to read and write.
    pub maps: Maps,
    /// What came of each program and map.
    pub report: Report,
    /// What earlier runs had learnt; nothing before [`Self::arm`].
    pub learnt: Learnt,
    /// What the self-test showed; nothing before [`Self::arm`].
    pub liveness: Liveness,
    /// What is watched, and what is not; nothing before [`Self::arm`].
    pub watched: Books,
    /// What an earlier agent left; complete only after [`Self::arm`].
    pub heritage: Heritage,
    /// What keeps all of this when the agent ends.
    keeping: Keeping,
}

/// What stays in the kernel when the agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// What `load.pins` says.
    AsConfigured,
    /// Nothing, and nothing is taken over: for a try.
    Nothing,
}

/// Why the kernel side does not run, and how far it came.
#[derive(Debug)]
pub struct Failed {
    /// What nothing can work without.
    pub error: AgentError,
    /// What came of each program and map; empty when none was tried.
    pub report: Box<Report>,
}

impl From<AgentError> for Failed {
    fn from(error: AgentError) -> Self {
        Self { error, report: Box::default() }
    }
}

impl Sensors {
    /// Loads and attaches what `config` enables, or takes it over from an earlier agent. Until a policy is written (see [`Self::arm`]) every detector is off.
    ///
    /// A detector whose programs cannot be attached is left out; the report says so and [`rung`] tells it is off.
    ///
    /// # Errors
    /// [`Failed`], also when no enabled detector could be attached.
    pub fn load(config: &Config, features: &Features, stay: Stay) -> Result<Self, Failed> {
        let machine = features.require_basics()?;
        let mut plan = Plan {
            detectors: enabled(config).collect(),
            excluded: Vec::new(),
            ceiling: config.load.rung,
            machine,
            cgroup: open_cgroup(config, features)?,
            scoped: !config.scope.cgroup.is_empty(),
            exec_filename: 0,
            fork_child: 0,
            signal_fields: [0; 4],
            sock_state: 0,
            offsets_file: offsets_file(config).map(Path::to_path_buf),
            listed: listed::room(config),
        };
        // A connection that is made to this machine belongs to no cgroup that could be told.
        if plan.scoped || (may_need(config, Program::SockState) && plan.read_sock_state().is_err()) {
            plan.excluded.push(Program::SockState);
        }
        if may_need(config, Program::Exec)
            && let Err(error) = plan.read_tracepoints()
        {
            if config.detectors.volatile_exec.enabled {
                return Err(missing_tracepoint(error).into());
            }
            // Nothing is judged by them then; lineage comes from /proc alone.
            plan.excluded.extend(Program::ALL.into_iter().filter(|program| program.needs_layouts()));
        }
        let mut keeping = match stay {
            Stay::AsConfigured => Keeping::begin(config, &plan, features)?,
            Stay::Nothing => Keeping::default(),
        };
        let (handover, heritage) = keeping.take_or_load(&plan)?;
        if !handover.report.failure.is_empty() {
            let source = handover.report.failure.as_str().into();
            return Err(AgentError::Load { name: "the object's maps".into(), source }.into());
        }
        if let Err(error) = require_one(config, &handover.report) {
            return Err(Failed { error, report: Box::new(handover.report) });
        }
        handover.report.standing.tell();
        let (events, maps) = Maps::take(&handover.report, handover.maps)?;
        Ok(Self {
            events,
            maps,
            report: handover.report,
            learnt: Learnt::default(),
            liveness: Liveness::default(),
            watched: Books::default(),
            heritage,
            keeping,
            _links: handover.links,
        })
    }

    /// Writes the policy, then tests the sensors: from now on detectors judge, and act where it says so. Before the runtime
    /// starts, since the test forks.
    ///
    /// # Errors
    /// [`AgentError::Load`] with what the kernel says to a map update. A self-test that cannot be made is no error: nothing is
    /// live then, and that is told.
    pub fn arm(&mut self, config: &Config) -> Result<(), AgentError> {
        let refused = |error: Refused| AgentError::Load { name: "the policy".into(), source: error.into() };
        let taken = matches!(self.heritage, Heritage::Taken { .. });
        self.learnt =
            egress::restore(&mut self.maps, config, taken).map_err(|error| refused(error.into()))?;
        // What the kernel side has seen while nobody ran is worth more than what /proc shows.
        let told = if taken {
            repair(&mut self.maps, config, &self.learnt, &mut |_| {})
        } else {
            seed(&mut self.maps, config, &self.learnt)
        };
        told.map_err(|error| refused(error.into()))?;
        self.watched = apply(&mut self.maps, config, &self.report).map_err(refused)?;
        let judged = hooks::judged(&self.report);
        self.maps.probe.set(2, judged, 0).map_err(|error| refused(error.into()))?;
        self.settle();
        match selftest::run(&mut self.maps, config) {
            Ok(liveness) => self.liveness = liveness,
            Err(error) => log::error!("load: the sensors could not be tested, {error}"),
        }
        Ok(())
    }
}

impl Sensors {
    /// Repairs what the kernel side has forgotten of the processes there are; how many entries that were. Each process is shown to `visit`.
    ///
    /// # Errors
    /// [`AgentError::Load`] with what the kernel says to a map update.
    pub fn mend(&mut self, config: &Config, visit: &mut dyn FnMut(&Seen<'_>)) -> Result<usize, AgentError> {
        let refused = |error: MapError| AgentError::Load {
            name: "the table of processes".into(),
            source: error.into(),
        };
        majors::write(&mut self.maps).map_err(refused)?;
        repair(&mut self.maps, config, &self.learnt, visit).map_err(refused)
    }

    /// Notes how much was told, for the agent after this one.
    pub fn note(&self, mark: &Mark) {
        self.keeping.note(mark);
    }

    /// Registers what is watched once more: what was made or mounted meanwhile is then known by its inode as well.
    ///
    /// # Errors
    /// [`Refused`]; what was registered before stays.
    pub fn register(&mut self, config: &Config) -> Result<(), Refused> {
        let report = &self.report;
        let maps = &mut self.maps;
        let mut watched = watch::write(maps, config, |detector| is_upper(report, detector), true)?;
        watched.listing = listed::write(maps, config, report.means.offsets, &mut watched.lacking)?;
        self.watched = watched;
        Ok(())
    }

    /// Whether the manifest, or what stands under its paths, is another than what the kernel's list was made of.
    #[must_use]
    pub fn is_list_stale(&self, config: &Config) -> bool {
        self.maps.renewed.get() || self.watched.listing.is_stale(config)
    }
}

/// Whether a detector stands where files are known by what they are.
#[must_use]
pub fn is_upper(report: &Report, detector: Detector) -> bool {
    ladder::knows_files(report, DetectorId(detector as u8))
}

/// What a detector does where it stands: one that cannot refuse there observes.
#[must_use]
pub fn effective(config: &Config, report: &Report, detector: DetectorId) -> Action {
    if cannot_deny(config, report, detector) { Action::OBSERVE } else { action(config, detector) }
}

/// Whether a detector is told to refuse and stands where it cannot: it then observes.
#[must_use]
pub fn cannot_deny(config: &Config, report: &Report, detector: DetectorId) -> bool {
    action(config, detector) == Action::DENY && !can_deny(report, detector)
}

/// The cgroup that is watched, or to which network programs are attached; `None` when neither is wanted. Without cgroup2 only what
/// has nothing else to stand on cannot be.
fn open_cgroup(config: &Config, features: &Features) -> Result<Option<Cgroup>, AgentError> {
    let path = config.scope.cgroup.as_str();
    let required = !path.is_empty() || config.detectors.lateral_scan.enabled;
    let useful = Program::ALL.into_iter().any(|program| program.needs_cgroup() && may_need(config, program));
    if !required && !useful {
        return Ok(None);
    }
    let Some(mount) = features.cgroup2.as_ref() else {
        let missing = AgentError::MissingCgroup2 { path: "/proc/self/mounts".into() };
        return if required { Err(missing) } else { Ok(None) };
    };
    let cgroup = Cgroup::open(mount, path);
    cgroup.map(Some).map_err(|error| AgentError::MissingCgroup2 { path: format!("{path}: {error}") })
}

/// The offsets file, if the configuration names one.
fn offsets_file(config: &Config) -> Option<&Path> {
    let path = config.load.offsets.as_str();
    (!path.is_empty()).then(|| Path::new(path))
}

/// tracefs is not there, or not as it should be.
fn missing_tracepoint(error: tracefs::TracefsError) -> AgentError {
    let path = match error {
        tracefs::TracefsError::Missing => "/sys/kernel/tracing",
        tracefs::TracefsError::Tracepoint => "/sys/kernel/tracing/events/sched",
        tracefs::TracefsError::Field => "/sys/kernel/tracing/events/sched/sched_process_exec/format",
    };
    AgentError::MissingTracefs { path: path.into() }
}

/// Refuses to run as an agent that sees nothing although it should.
fn require_one(config: &Config, report: &Report) -> Result<(), AgentError> {
    if enabled(config).next().is_none() || enabled(config).any(|detector| rung(report, detector) != Rung::OFF)
    {
        return Ok(());
    }
    let failed = report.programs.iter().find_map(|(program, _)| failure(*program, report));
    Err(failed.unwrap_or_else(|| AgentError::Load {
        name: "every program".into(),
        source: "none was tried".into(),
    }))
}

/// Why a program does not run, as an error.
fn failure(program: Program, report: &Report) -> Option<AgentError> {
    match report.programs.iter().find(|(known, _)| *known == program).map(|(_, reached)| reached)? {
        Reached::Attached => None,
        Reached::Loaded(why) => {
            let source = why.as_str().into();
            Some(AgentError::Attach { program: program.name(), hook: program.place(report.means), source })
        }
        Reached::Refused(why) => Some(AgentError::Load {
            name: format!("program {}", program.name()),
            source: why.as_str().into(),
        }),
    }
}

/// Why a detector that is to run sees nothing.
#[must_use]
pub fn blindness(report: &Report, detector: DetectorId) -> Option<AgentError> {
    failure(report.reach(detector)?.first?, report)
}

/// The detectors that are to run.
fn enabled(config: &Config) -> impl Iterator<Item = DetectorId> {
    DetectorId::ALL.iter().copied().filter(|detector| is_enabled(config, *detector))
}

/// Whether a detector that is to run may come to need `program`.
fn may_need(config: &Config, program: Program) -> bool {
    enabled(config).any(|detector| ladder::may_need(detector, program))
}

/// Whether a detector is to run.
#[must_use]
pub fn is_enabled(config: &Config, detector: DetectorId) -> bool {
    match detector {
        DetectorId::FILE_TAMPER => config.detectors.file_tamper.enabled,
        DetectorId::LATERAL_SCAN => config.detectors.lateral_scan.enabled,
        DetectorId::VOLATILE_EXEC => config.detectors.volatile_exec.enabled,
        other => Detector::from_raw(other.0).is_some_and(|detector| config.act(detector).enabled),
    }
}

/// What a detector may do under the policy in force.
#[must_use]
pub fn action(config: &Config, detector: DetectorId) -> Action {
    let wanted = match detector {
        DetectorId::FILE_TAMPER => config.detectors.file_tamper.action,
        DetectorId::LATERAL_SCAN => config.detectors.lateral_scan.action,
        DetectorId::VOLATILE_EXEC => config.detectors.volatile_exec.action,
        other => Detector::from_raw(other.0)
            .map_or(config::Action::Observe, |detector| config.act(detector).action),
    };
    match config.permitted(wanted) {
        config::Action::Deny => Action::DENY,
        config::Action::Kill => Action::KILL,
        config::Action::Observe => Action::OBSERVE,
    }
}

#[cfg(test)]
mod tests;
