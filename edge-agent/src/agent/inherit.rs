//! What an earlier agent left unread in the kernel.

use std::cell::RefCell;

use aya::maps::{MapData, RingBuf};

use super::Agent;
use crate::budget::RECORDS_PER_TURN;
use crate::health::{Carried, Totals, totals};
use crate::load::{Heritage, Sensors};
use crate::pipeline::KernelProcesses;

/// What was left, and how far it is read.
pub(super) struct Inherited {
    /// The ring of a kernel side that is gone; `None` once it is read.
    ring: RefCell<Option<RingBuf<MapData>>>,
    /// What of the counters is not ours.
    carried: RefCell<Carried>,
}

impl Inherited {
    /// Takes it out of what was loaded.
    pub(super) fn of(sensors: &mut Sensors) -> Self {
        let (ring, carried) = match core::mem::take(&mut sensors.heritage) {
            Heritage::None => (None, Carried::default()),
            Heritage::Taken { mark } => (None, Carried::taken(&mark)),
            Heritage::Replaced(former) => {
                let carried = Carried::replaced(&totals(&former.counters), &former.mark);
                (Some(former.events), carried)
            }
            Heritage::Lost { records } => (None, Carried::lost(records)),
        };
        Self { ring: RefCell::new(ring), carried: RefCell::new(carried) }
    }
}

impl Agent<'_> {
    /// Takes records of a kernel side that is gone, at most [`RECORDS_PER_TURN`]; whether there may be more.
    pub(super) fn take_inherited(&self) -> bool {
        let mut held = self.inherited.ring.borrow_mut();
        let Some(ring) = held.as_mut() else { return false };
        let sensors = self.sensors.borrow();
        let config = self.config.borrow();
        let mut pipeline = self.pipeline.borrow_mut();
        for _ in 0..RECORDS_PER_TURN {
            let Some(record) = ring.next() else {
                *held = None;
                return false;
            };
            let Some(event) = pipeline.decode(&record) else { continue };
            drop(record);
            pipeline.handle(&event, &KernelProcesses(&sensors.maps), &config, self.identity, self.port);
        }
        true
    }

    /// Once nothing is left to be read, it is known how many records were somebody else's. Whether that is settled.
    pub(super) fn settle_books(&self) -> bool {
        if !self.inherited.carried.borrow().is_unsettled() {
            return true;
        }
        let now = totals(&self.sensors.borrow().maps.counters);
        if self.take_records() != 0 {
            // It came while the counters were read, so that nobody knows whether they have it.
            return false;
        }
        let received = self.received();
        self.inherited.carried.borrow_mut().settle(&now, received);
        log::info!("agent: what was waiting is read, records={received}");
        true
    }

    /// Records taken from rings.
    fn received(&self) -> u64 {
        let looked: u64 = self.sweep.borrow().counts().iter().map(|count| u64::from(*count)).sum();
        self.pipeline.borrow().vitals.received.saturating_sub(looked)
    }

    /// The kernel side's counters, as they are told.
    pub(super) fn totals(&self) -> Totals {
        let now = totals(&self.sensors.borrow().maps.counters);
        let received = self.received();
        self.inherited.carried.borrow().told(&now, received)
    }

    /// Notes for the agent after this one that everything by now was told.
    pub(super) fn note_told(&self) {
        let sensors = self.sensors.borrow();
        sensors.note(&totals(&sensors.maps.counters).to_mark());
    }
}
