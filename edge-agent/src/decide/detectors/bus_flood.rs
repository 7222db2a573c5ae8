//! `bus_flood`: more fieldbus or serial writes than the ceiling. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/bus_flood.rs`).

use edge_abi::{Detector, reason, watch_access};
use edge_wire::{Severity, Technique};

use super::spec::{Bounds, Span, Spec, WatchPath, keys};
use crate::config::Action;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::BusFlood,
    keys: keys!("bus_flood"),
    actions: &[Action::Kill],
    threshold: Some(Bounds { default: 2_000, least: 10, most: 1_000_000 }),
    origin_factor: 3,
    window: Some(Span::seconds(1, 1, 60)),
    option: None,
    enabled: true,
    allow: &[],
    watch: WATCH,
    weigh,
    resolve: None,
    look: None,
};

/// What is watched: serial lines by the names that their drivers give them (`/dev/tty` alone is whatever terminal a session has), and
/// buses.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "/dev/ttyS", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyAMA", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyO", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyPS", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyUSB", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyACM", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttymxc", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyLP", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttySTM", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttymv", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttySC", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyMSM", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyTHS", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/ttyRS485", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/serial/", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/rs485", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/spidev", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/i2c-", reason: reason::SOLE, access: watch_access::WRITE },
    WatchPath { path: "/dev/can", reason: reason::SOLE, access: watch_access::WRITE },
];

/// Names the technique and weighs it.
fn weigh(_reason: u8) -> (Technique, Severity) {
    (Technique::new(814, 0), Severity::HIGH)
}
