//! What the log and the service manager are told of the detectors: which stand where, and which do not.

use edge_wire::{DetectorId, Rung};

use crate::config::Config;
use crate::load::{self, Sensors};

/// Says which detector stands where, loudly where it does not.
pub fn tell(config: &Config, sensors: &Sensors) {
    for &detector in DetectorId::ALL {
        let rung = load::rung(&sensors.report, detector);
        if !load::is_enabled(config, detector) {
            log::info!("load: detector={detector} state=disabled");
        } else if rung == Rung::OFF {
            log::error!("load: detector={detector} state=blind, see `edge-agent check`");
        } else {
            if let Some(why) =
                sensors.report.reach(detector).map(|reach| &reach.why).filter(|why| !why.is_empty())
            {
                // No warning: `deny` that is not to be had is told below, and most gateways lack a rung.
                log::info!("load: detector={detector} rung={rung}, not higher: {why}");
            }
            let live =
                edge_abi::Detector::from_raw(detector.0).is_some_and(|known| sensors.liveness.is_live(known));
            let action = load::effective(config, &sensors.report, detector);
            if load::cannot_deny(config, &sensors.report, detector) {
                log::error!(
                    "load: detector={detector} rung={rung} action=deny state=observes, only rung lsm can refuse"
                );
            }
            if live {
                log::info!("load: detector={detector} rung={rung} action={action} state=live");
            } else {
                log::warn!("load: detector={detector} rung={rung} action={action} state=silent");
            }
        }
    }
    tell_lacking(&sensors.watched);
    for (program, reached) in &sensors.report.programs {
        if let load::Reached::Loaded(why) | load::Reached::Refused(why) = reached {
            log::warn!("load: program={} state=missing why=\"{why}\"", program.name());
        }
    }
    for note in &sensors.report.notes {
        log::warn!("load: {note}");
    }
}

/// Says what the manifest lists, and which watched paths are not, or not wholly, watched.
pub fn tell_lacking(watched: &load::Books) {
    let load::Listing { entries, files, paths, differing, by_file, took_ms, .. } = watched.listing;
    if entries != 0 {
        log::info!(
            "load: manifest entries={entries} files={files} paths={paths} differing={differing} by_file={by_file} took_ms={took_ms}"
        );
    }
    for lacking in &watched.lacking {
        log::warn!("load: watched={} state=lacking why=\"{}\"", lacking.path, lacking.why);
    }
}

/// How many detectors have a rung to stand on, and how many are wanted.
#[must_use]
pub fn watching(config: &Config, sensors: &Sensors) -> (usize, usize) {
    let wanted = || DetectorId::ALL.iter().filter(|detector| load::is_enabled(config, **detector));
    let stands = |detector: &&DetectorId| load::rung(&sensors.report, **detector) != Rung::OFF;
    (wanted().filter(stands).count(), wanted().count())
}
