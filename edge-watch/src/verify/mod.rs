//! Completeness: which verdicts are missing, and which agents have fallen silent.
//!
//! Pure: deliveries and time go in, [`Notice`]s come out. A verdict is identified by (device, boot, incarnation, sequence);
//! numbers come out of order, since severe verdicts overtake mild ones, and more than once, since `QoS` 1 redelivers.
//!
//! # Guarantees
//! - A number is called missing only after a higher one, or a heartbeat that counts it, has been known for the grace.
//! - A late verdict is never swallowed: what this module no longer remembers counts as new.
//! - Memory is bounded: [`MAX_DEVICES`] devices, [`device::MAX_STREAMS`] incarnations each, [`stream::MAX_HOLES`] holes each.
//!
//! # Not promised
//! Numbers from before this program first heard an incarnation are not claimed to be missing. A beginning is taken from a
//! status that was published while we listened, about an incarnation not met before; where a broker forgot its retained
//! messages, a mere reconnect looks the same.

mod device;
mod notice;
#[cfg(test)]
mod properties;
mod stream;

use std::collections::HashMap;

use edge_wire::{Head, Heartbeat, Status};

use crate::moment::Moment;
use device::Device;
pub(crate) use notice::{Cause, Gap, Notice, Report};
pub(crate) use stream::Arrival;

/// Most devices remembered; the one not heard for longest makes room.
pub(crate) const MAX_DEVICES: usize = 1024;

/// Everything known about every agent.
#[derive(Debug)]
pub(crate) struct Completeness {
    /// How long a verdict may lag behind, in milliseconds.
    grace_ms: u64,
    /// Whether sequence numbers are judged; not when other subscribers get a part of them.
    sequences: bool,
    /// By device id.
    devices: HashMap<String, Device>,
    /// Verdicts that came again.
    duplicates: u64,
}

impl Completeness {
    /// Nothing known yet.
    pub(crate) fn new(grace_ms: u64, sequences: bool) -> Self {
        Self { grace_ms, sequences, devices: HashMap::new(), duplicates: 0 }
    }

    /// Verdicts that came again, and were not shown again.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Takes note of a verdict; says whether it is one to show.
    pub(crate) fn verdict(
        &mut self,
        device: &str,
        head: &Head,
        now: Moment,
        out: &mut Vec<Report>,
    ) -> Arrival {
        let sequences = self.sequences;
        let arrival = self.device(device, now, out).verdict(head, now, out);
        if !sequences {
            return Arrival::New;
        }
        self.duplicates += u64::from(arrival == Arrival::Duplicate);
        arrival
    }

    /// Takes note of a heartbeat.
    pub(crate) fn heartbeat(
        &mut self,
        device: &str,
        heartbeat: &Heartbeat,
        now: Moment,
        out: &mut Vec<Report>,
    ) {
        self.device(device, now, out).heartbeat(heartbeat, now, out);
    }

    /// Takes note of a status; `retained` if it is from before we subscribed.
    pub(crate) fn status(
        &mut self,
        device: &str,
        status: &Status,
        retained: bool,
        now: Moment,
        out: &mut Vec<Report>,
    ) {
        self.device(device, now, out).status(status, retained, now, out);
    }

    /// Our own connection was interrupted: nobody's silence meanwhile counts.
    pub(crate) fn reconnected(&mut self, now: Moment) {
        for device in self.devices.values_mut() {
            device.reconnected(now);
        }
    }

    /// What has become due with time. To be called about once a second.
    pub(crate) fn tick(&mut self, now: Moment, out: &mut Vec<Report>) {
        for device in self.devices.values_mut() {
            device.tick(now, self.grace_ms, self.sequences, out);
        }
    }

    /// The entry of a device, made if need be.
    fn device(&mut self, name: &str, now: Moment, out: &mut Vec<Report>) -> &mut Device {
        if !self.devices.contains_key(name) && self.devices.len() >= MAX_DEVICES {
            let oldest =
                self.devices.iter().min_by_key(|(_, device)| device.heard_ms()).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.devices.remove(&oldest);
                out.push(Report { device: oldest, notice: Notice::Forgotten { limit: MAX_DEVICES } });
            }
        }
        self.devices.entry(name.to_owned()).or_insert_with(|| Device::new(name, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_forgetting_the_stalest() {
        let mut completeness = Completeness::new(1000, true);
        let mut out = Vec::new();
        for index in 0..=MAX_DEVICES as u64 {
            let now = Moment { steady_ms: index, wall_ms: index };
            completeness.verdict(&format!("gw-{index}"), &Head::default(), now, &mut out);
        }
        assert_eq!(completeness.devices.len(), MAX_DEVICES);
        let forgotten =
            Report { device: "gw-0".to_owned(), notice: Notice::Forgotten { limit: MAX_DEVICES } };
        assert_eq!(out, [forgotten]);
    }

    #[test]
    fn shared_verdicts_are_never_duplicates_nor_missing() {
        let mut completeness = Completeness::new(1000, false);
        let mut out = Vec::new();
        for sequence in [1, 9, 9] {
            let head = Head { sequence, ..Head::default() };
            assert_eq!(completeness.verdict("gw", &head, Moment::default(), &mut out), Arrival::New);
        }
        completeness.tick(Moment { steady_ms: 60_000, wall_ms: 0 }, &mut out);
        assert_eq!(out, []);
    }
}
