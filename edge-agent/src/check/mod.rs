//! `edge-agent check`: what this kernel allows, told without changing anything. Programs are loaded and attached for a moment, under
//! observe whatever the policy says, and their sensors tested, so what is reported was tried, not guessed.

mod json;
mod text;

use std::path::Path;

use edge_wire::{Action, DetectorId, Rung};

use crate::config::Config;
use crate::error::AgentError;
use crate::load::{self, Books, Features, Liveness, Report, Sensors, Stay};

/// What was found.
pub struct Findings {
    /// What the kernel and our privileges offer.
    pub features: Features,
    /// One row per detector.
    pub detectors: Vec<Detector>,
    /// What came of loading; empty when it was not possible.
    pub report: Report,
    /// What is watched, and what is not; empty when loading was not possible.
    pub watched: Books,
    /// Why loading was not possible.
    pub failure: Option<AgentError>,
}

/// How one detector would run.
pub struct Detector {
    /// Which.
    pub id: DetectorId,
    /// Whether the configuration wants it.
    pub enabled: bool,
    /// Where it could be attached.
    pub rung: Rung,
    /// Why not higher, one reason per rung; empty on its highest.
    pub why: String,
    /// What it would be allowed to do.
    pub action: Action,
    /// Whether its sensor reacted to a harmless act of the agent's own.
    pub live: bool,
}

impl Detector {
    /// What the self-test says: `live`, `silent`, or nothing of one that does not run.
    #[must_use]
    pub fn sensor(&self) -> &'static str {
        match (self.enabled && self.rung != Rung::OFF, self.live) {
            (false, _) => "-",
            (true, false) => "silent",
            (true, true) => "live",
        }
    }
}

/// Tries everything the configuration wants.
///
/// # Errors
/// Only a configuration that cannot be used; anything the kernel lacks is part of the findings.
pub fn check(path: &Path) -> Result<Findings, AgentError> {
    let config = Config::load(path)?;
    let device = crate::config::device::of_this_machine(&config.device)?;
    // The files of the link: the agent would not start without them.
    crate::session::options(&config, &device)?;
    let features = Features::probe();
    // Armed for the moment of the self-test, and to observe only; nobody reads the records of that moment.
    let mut observing = config.clone();
    observing.policy.action = crate::config::Mode::Observe;
    let loaded = Sensors::load(&config, &features, Stay::Nothing).and_then(|mut sensors| {
        sensors.arm(&observing)?;
        Ok(sensors)
    });
    let (report, liveness, watched, failure) = match loaded {
        Ok(sensors) => (sensors.report, sensors.liveness, sensors.watched, None),
        Err(failed) => (*failed.report, Liveness::default(), Books::default(), Some(failed.error)),
    };
    let detector = |&id: &DetectorId| Detector {
        id,
        enabled: load::is_enabled(&config, id),
        rung: load::rung(&report, id),
        why: why(&config, &report, id),
        action: load::effective(&config, &report, id),
        live: edge_abi::Detector::from_raw(id.0).is_some_and(|known| liveness.is_live(known)),
    };
    let detectors = DetectorId::ALL.iter().map(detector).collect();
    Ok(Findings { features, detectors, report, watched, failure })
}

/// Why a detector does not stand higher, and what it cannot do there although it is told to.
fn why(config: &Config, report: &Report, id: DetectorId) -> String {
    let mut why = report.reach(id).map(|reach| reach.why.clone()).unwrap_or_default();
    if load::cannot_deny(config, report, id) {
        why.push_str(if why.is_empty() { "" } else { "; " });
        why.push_str("deny: only rung lsm can refuse, so that it observes");
    }
    why
}

impl Findings {
    /// As text for a person.
    #[must_use]
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// As one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        json::render(self)
    }

    /// What the exit code tells.
    ///
    /// # Errors
    /// Why `run` would not start, or would start with an enabled detector that sees nothing.
    pub fn verdict(self) -> Result<(), AgentError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let blind = self.detectors.iter().find(|detector| detector.enabled && detector.rung == Rung::OFF);
        let missing = |detector: &Detector| load::blindness(&self.report, detector.id);
        blind.and_then(missing).map_or(Ok(()), Err)
    }

    /// What is missing and how to get it, one line each.
    #[must_use]
    pub fn advice(&self) -> Vec<&'static str> {
        use crate::load::Presence::Absent;
        let mut advice = Vec::new();
        if let Some(failure) = &self.failure {
            advice.push(failure.fix());
        }
        if self.features.tracefs.is_none() {
            advice.push("tracefs: `mount -t tracefs none /sys/kernel/tracing` (CONFIG_FTRACE=y, CONFIG_FTRACE_SYSCALLS=y)");
        }
        if self.features.cgroup2.is_none() {
            advice.push(
                "cgroup2: `mount -t cgroup2 none /sys/fs/cgroup` (CONFIG_CGROUPS=y, CONFIG_CGROUP_BPF=y)",
            );
        }
        if self.features.jit == Absent {
            advice.push("jit: `sysctl net.core.bpf_jit_enable=1`; without it every watched event costs several times more");
        }
        advice
    }
}
