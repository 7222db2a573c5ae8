//! Another configuration while the agent runs.

use edge_wire::DetectorId;

use super::Agent;
use crate::config::{Config, diff};
use crate::confine;
use crate::coverage;
use crate::load::{self, Sensors};

impl Agent<'_> {
    /// Reads the configuration again. A bad one, or one that needs a restart, changes nothing and is said.
    pub(super) fn reload(&self) {
        match self.try_reload() {
            Ok(0) => log::info!("config: reloaded, nothing changed"),
            Ok(changed) => log::info!("config: reloaded changed={changed}"),
            Err(why) => log::error!("config: reload refused, the old one stays in force: {why}"),
        }
    }

    /// How many keys changed, or why nothing did.
    fn try_reload(&self) -> Result<usize, String> {
        let new = Config::load(self.path).map_err(|error| error.to_string())?;
        let changes = diff(&self.config.borrow(), &new);
        changes.check_live().map_err(|error| error.to_string())?;
        let mut sensors = self.sensors.borrow_mut();
        let blind = DetectorId::ALL.iter().find(|detector| {
            load::is_enabled(&new, **detector)
                && !load::is_enabled(&self.config.borrow(), **detector)
                && load::rung(&sensors.report, **detector) == edge_wire::Rung::OFF
        });
        if let Some(detector) = blind {
            return Err(format!("{detector} was not loaded at start; enabling it needs a restart"));
        }
        if confine::wants_writes(&new) && !self.confined.writes {
            return Err("no file can be written since `new_egress` kept none at start; `detectors.new_egress.state` needs a restart".to_owned());
        }
        let Sensors { maps, report, watched, .. } = &mut *sensors;
        *watched =
            load::apply(maps, &new, report).map_err(|error| format!("the policy was refused: {error}"))?;
        coverage::tell_lacking(watched);
        log::set_max_level(self.log_level.unwrap_or(new.log.level));
        *self.config.borrow_mut() = new;
        Ok(changes.live.len())
    }
}
