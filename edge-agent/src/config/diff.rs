//! What a reload changes, and whether it can change while the agent runs.

use super::programs::{self, SPAWN, TRUST};
use super::types::{Config, Watched};
use crate::decide::detectors::{SPECS, Spec};
use core::fmt;
use edge_abi::{Allow, Detector};
use heapless::Vec;

/// Keys of one detector of acts, at most.
const ACT_KEYS: usize = 7;
/// Most keys told apart that take effect at once: those listed in `diff`, and those that follow from [`SPECS`].
const LIVE_COUNT: usize = 35 + ACT_KEYS * SPECS.len();
/// Most keys told apart that only a restart changes.
const RESTART_COUNT: usize = 28;

/// The keys in which two configurations differ, in the order of the packaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that take effect at once: log, policy, detectors, limits.
    pub live: Vec<&'static str, LIVE_COUNT>,
    /// Keys that only a restart changes: device, mqtt, spool, agent, scope, load. They decide under which identity, over which
    /// connection, with which rights and on which cgroup and hooks the agent stands; a reload with any of them is refused as a whole.
    pub restart: Vec<&'static str, RESTART_COUNT>,
}

impl Changes {
    /// Whether both configurations are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.restart.is_empty()
    }

    /// Refuses what a running agent cannot take over.
    ///
    /// # Errors
    /// A key changed that only a restart changes.
    pub fn check_live(&self) -> Result<(), NeedsRestart<'_>> {
        if self.restart.is_empty() { Ok(()) } else { Err(NeedsRestart { keys: &self.restart }) }
    }
}

/// A reload that touches what only a restart changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsRestart<'c> {
    /// The keys concerned, at least one.
    pub keys: &'c [&'static str],
}

impl fmt::Display for NeedsRestart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only a restart changes ")?;
        for (index, key) in self.keys.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}`{key}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for NeedsRestart<'_> {}

/// Compares two configurations key by key.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mqtt = (&old.mqtt, &new.mqtt);
    let restart = [
        ("device.id", old.device.id != new.device.id),
        ("mqtt.brokers", mqtt.0.brokers != mqtt.1.brokers),
        ("mqtt.client_id", mqtt.0.client_id != mqtt.1.client_id),
        ("mqtt.username", mqtt.0.username != mqtt.1.username),
        ("mqtt.password_file", mqtt.0.password_file != mqtt.1.password_file),
        ("mqtt.keep_alive", mqtt.0.keep_alive != mqtt.1.keep_alive),
        ("mqtt.in_flight", mqtt.0.in_flight != mqtt.1.in_flight),
        ("mqtt.topic_prefix", mqtt.0.topic_prefix != mqtt.1.topic_prefix),
        ("mqtt.reconnect_min", mqtt.0.reconnect_min != mqtt.1.reconnect_min),
        ("mqtt.reconnect_max", mqtt.0.reconnect_max != mqtt.1.reconnect_max),
        ("mqtt.heartbeat", mqtt.0.heartbeat != mqtt.1.heartbeat),
        ("mqtt.insecure", mqtt.0.insecure != mqtt.1.insecure),
        ("mqtt.tls.ca", mqtt.0.tls.ca != mqtt.1.tls.ca),
        ("mqtt.tls.certificate", mqtt.0.tls.certificate != mqtt.1.tls.certificate),
        ("mqtt.tls.key", mqtt.0.tls.key != mqtt.1.tls.key),
        ("mqtt.tls.server_name", mqtt.0.tls.server_name != mqtt.1.tls.server_name),
        ("mqtt.tls.pin", mqtt.0.tls.pin != mqtt.1.tls.pin),
        ("mqtt.tls.alpn", mqtt.0.tls.alpn != mqtt.1.tls.alpn),
        ("spool.folder", old.spool.folder != new.spool.folder),
        ("spool.bytes", old.spool.bytes != new.spool.bytes),
        ("spool.daily_bytes", old.spool.daily_bytes != new.spool.daily_bytes),
        ("spool.delay", old.spool.delay != new.spool.delay),
        ("spool.replay", old.spool.replay != new.spool.replay),
        ("agent.confine", old.agent.confine != new.agent.confine),
        ("scope.cgroup", old.scope.cgroup != new.scope.cgroup),
        ("load.offsets", old.load.offsets != new.load.offsets),
        ("load.pins", old.load.pins != new.load.pins),
        ("load.rung", old.load.rung != new.load.rung),
    ];
    let tamper = (&old.detectors.file_tamper, &new.detectors.file_tamper);
    let scan = (&old.detectors.lateral_scan, &new.detectors.lateral_scan);
    let exec = (&old.detectors.volatile_exec, &new.detectors.volatile_exec);
    let mut live = Vec::new();
    note(
        &mut live,
        [
            ("log.level", old.log.level != new.log.level),
            ("policy.action", old.policy.action != new.policy.action),
            ("policy.trusted", role_differs(old, new, TRUST)),
            ("policy.spawners", role_differs(old, new, SPAWN)),
            ("detectors.file_tamper.enabled", tamper.0.enabled != tamper.1.enabled),
            ("detectors.file_tamper.action", tamper.0.action != tamper.1.action),
            ("detectors.file_tamper.threshold", tamper.0.threshold != tamper.1.threshold),
            ("detectors.file_tamper.window", tamper.0.window != tamper.1.window),
            (
                "detectors.file_tamper.unlink_threshold",
                tamper.0.unlink_threshold != tamper.1.unlink_threshold,
            ),
            (
                "detectors.file_tamper.origin_threshold",
                tamper.0.origin_threshold != tamper.1.origin_threshold,
            ),
            ("detectors.file_tamper.origin_window", tamper.0.origin_window != tamper.1.origin_window),
            ("detectors.file_tamper.suspicion", tamper.0.suspicion != tamper.1.suspicion),
            ("detectors.file_tamper.diversity", tamper.0.diversity != tamper.1.diversity),
            ("detectors.file_tamper.allow", allow_differs(old, new, Detector::FileTamper)),
            ("detectors.lateral_scan.enabled", scan.0.enabled != scan.1.enabled),
            ("detectors.lateral_scan.action", scan.0.action != scan.1.action),
            ("detectors.lateral_scan.hosts", scan.0.hosts != scan.1.hosts),
            ("detectors.lateral_scan.tries", scan.0.tries != scan.1.tries),
            ("detectors.lateral_scan.window", scan.0.window != scan.1.window),
            ("detectors.lateral_scan.ports", scan.0.ports != scan.1.ports),
            ("detectors.lateral_scan.allow", allow_differs(old, new, Detector::LateralScan)),
            ("detectors.volatile_exec.enabled", exec.0.enabled != exec.1.enabled),
            ("detectors.volatile_exec.action", exec.0.action != exec.1.action),
            ("detectors.volatile_exec.paths", exec.0.paths != exec.1.paths),
            ("detectors.volatile_exec.except", exec.0.except != exec.1.except),
            ("detectors.volatile_exec.allow", allow_differs(old, new, Detector::VolatileExec)),
        ],
    );
    for spec in SPECS {
        note(&mut live, act_rows(spec, old, new));
    }
    let egress = (&old.egress, &new.egress);
    note(
        &mut live,
        [
            ("detectors.new_egress.learn", egress.0.learn != egress.1.learn),
            ("detectors.new_egress.state", egress.0.state != egress.1.state),
            ("detectors.new_egress.loopback", egress.0.loopback != egress.1.loopback),
            ("detectors.new_egress.declare", egress.0.declare != egress.1.declare),
            ("detectors.new_egress.listen", egress.0.listen != egress.1.listen),
            ("detectors.foreign_exec.manifest", old.manifest != new.manifest),
        ],
    );
    let limits = (&old.limits, &new.limits);
    note(
        &mut live,
        [
            ("limits.repeats", limits.0.repeats != limits.1.repeats),
            ("limits.detector_rate", limits.0.detector_rate != limits.1.detector_rate),
            ("limits.device_rate", limits.0.device_rate != limits.1.device_rate),
        ],
    );
    let mut changes = Changes { live, restart: Vec::new() };
    note(&mut changes.restart, restart);
    changes
}

/// The keys of one detector of acts. Those that its [`Spec`] does not have cannot differ.
fn act_rows(spec: &Spec, old: &Config, new: &Config) -> [(&'static str, bool); ACT_KEYS] {
    let (before, after) = (old.act(spec.detector), new.act(spec.detector));
    [
        (spec.keys.enabled, before.enabled != after.enabled),
        (spec.keys.action, before.action != after.action),
        (spec.keys.threshold, before.threshold != after.threshold),
        (spec.keys.window, before.window != after.window),
        (spec.option.map_or("", |choice| choice.key), before.option != after.option),
        (spec.keys.allow, allow_differs(old, new, spec.detector)),
        (spec.keys.watch, !watched_by(old, spec.detector).eq(watched_by(new, spec.detector))),
    ]
}

/// Whether another set of programs has a role.
fn role_differs(old: &Config, new: &Config, role: Allow) -> bool {
    !programs::having(&old.programs, role).eq(programs::having(&new.programs, role))
}

/// Whether a detector lets other programs pass. Only hashes are kept, so that an entry written another way, with or without
/// `/usr`, is the same.
fn allow_differs(old: &Config, new: &Config, detector: Detector) -> bool {
    role_differs(old, new, programs::passes(detector, true))
}

/// What a detector watches besides its own paths.
fn watched_by(config: &Config, detector: Detector) -> impl Iterator<Item = &Watched> {
    config.watched.iter().filter(move |watched| watched.detector == detector as u8)
}

/// Adds the keys marked as changed.
fn note<const N: usize, const ROWS: usize>(
    keys: &mut Vec<&'static str, N>,
    rows: [(&'static str, bool); ROWS],
) {
    const { assert!(ROWS <= N, "more keys than a list of changes holds") };
    for (key, _) in rows.into_iter().filter(|(_, differs)| *differs) {
        // Never full: the capacity counts every row.
        let _ = keys.push(key);
    }
}
