//! What a reload changes, and whether it can change while the agent runs.

use super::types::Config;
use core::fmt;
use heapless::Vec;

/// Most keys told apart; the schema has fewer, which a test shows.
const KEY_COUNT: usize = 40;

/// The keys in which two configurations differ, in the order of the packaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that take effect at once: log, policy, detectors, limits.
    pub live: Vec<&'static str, KEY_COUNT>,
    /// Keys that only a restart changes: device, mqtt, scope. They decide under which identity, over which connection
    /// and on which cgroup the agent stands; a reload with any of them is refused as a whole.
    pub restart: Vec<&'static str, KEY_COUNT>,
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
        ("scope.cgroup", old.scope.cgroup != new.scope.cgroup),
    ];
    let tamper = (&old.detectors.file_tamper, &new.detectors.file_tamper);
    let scan = (&old.detectors.lateral_scan, &new.detectors.lateral_scan);
    let exec = (&old.detectors.volatile_exec, &new.detectors.volatile_exec);
    let live = [
        ("log.level", old.log.level != new.log.level),
        ("policy.action", old.policy.action != new.policy.action),
        ("policy.trusted", old.policy.trusted != new.policy.trusted),
        ("detectors.file_tamper.enabled", tamper.0.enabled != tamper.1.enabled),
        ("detectors.file_tamper.action", tamper.0.action != tamper.1.action),
        ("detectors.file_tamper.threshold", tamper.0.threshold != tamper.1.threshold),
        ("detectors.file_tamper.window", tamper.0.window != tamper.1.window),
        ("detectors.file_tamper.unlink_threshold", tamper.0.unlink_threshold != tamper.1.unlink_threshold),
        ("detectors.file_tamper.suspicion", tamper.0.suspicion != tamper.1.suspicion),
        ("detectors.file_tamper.diversity", tamper.0.diversity != tamper.1.diversity),
        ("detectors.lateral_scan.enabled", scan.0.enabled != scan.1.enabled),
        ("detectors.lateral_scan.action", scan.0.action != scan.1.action),
        ("detectors.lateral_scan.hosts", scan.0.hosts != scan.1.hosts),
        ("detectors.lateral_scan.tries", scan.0.tries != scan.1.tries),
        ("detectors.lateral_scan.window", scan.0.window != scan.1.window),
        ("detectors.lateral_scan.ports", scan.0.ports != scan.1.ports),
        ("detectors.volatile_exec.enabled", exec.0.enabled != exec.1.enabled),
        ("detectors.volatile_exec.action", exec.0.action != exec.1.action),
        ("detectors.volatile_exec.paths", exec.0.paths != exec.1.paths),
        ("detectors.volatile_exec.except", exec.0.except != exec.1.except),
        ("limits.repeats", old.limits.repeats != new.limits.repeats),
    ];
    Changes { live: changed(&live), restart: changed(&restart) }
}

/// The keys marked as changed.
fn changed<const N: usize>(keys: &[(&'static str, bool); N]) -> Vec<&'static str, KEY_COUNT> {
    const { assert!(N <= KEY_COUNT, "more keys than a list of changes holds") };
    keys.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect()
}
