//! Putting a heartbeat together.

use std::time::Duration;

use edge_wire::{AgentBooks, Bytes, DetectorHealth, Heartbeat};
use heapless::Vec;

use super::{Meter, Totals};
use crate::clock::Now;
use crate::decide::Identity;
use crate::publish;
use crate::queue;

/// What the pipeline counted before the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Records taken from the ring.
    pub received: u64,
    /// Records that did not decode.
    pub malformed: u64,
    /// Candidates that turned out harmless.
    pub dismissed: u64,
    /// Findings folded into earlier ones.
    pub folded: u64,
    /// Verdicts told; the next sequence number is this, modulo 2^32.
    pub decided: u64,
    /// Heartbeats sent.
    pub beats: u32,
}

/// Everything a heartbeat is made of.
pub struct Parts<'a> {
    /// Who speaks.
    pub identity: Identity,
    /// When.
    pub now: Now,
    /// Time between heartbeats.
    pub interval: Duration,
    /// The kernel's release.
    pub kernel: &'a str,
    /// The kernel side's counters.
    pub totals: Totals,
    /// The pipeline's.
    pub vitals: Vitals,
    /// The queue's.
    pub queue: queue::Books,
    /// The link's.
    pub link: publish::Counters,
    /// The spool's.
    #[cfg(feature = "spool")]
    pub kept: crate::spool::Books,
    /// What the agent costs.
    pub meter: Meter,
    /// How each detector stands, findings not yet filled in.
    pub detectors: &'a [DetectorHealth],
    /// Detectors whose sensors reacted to the self-test, by number.
    pub live: u32,
}

/// The heartbeat of these parts.
#[must_use]
pub fn heartbeat(parts: &Parts<'_>) -> Heartbeat {
    let (vitals, queue, link) = (&parts.vitals, &parts.queue, &parts.link);
    // Verdicts of this run that went to flash wait there, were delivered from there, or are gone.
    #[cfg(feature = "spool")]
    let [held, delivered, gone] = [
        parts.kept.lanes.held - parts.kept.lanes.old,
        parts.kept.lanes.delivered_own,
        parts.kept.lanes.gone_own,
    ]
    .map(u64::from);
    #[cfg(not(feature = "spool"))]
    let [held, delivered, gone] = [0_u64; 3];
    let mut detectors = Vec::new();
    for detector in parts.detectors {
        let index = super::kernel::DETECTORS.iter().position(|known| *known as u8 == detector.detector.0);
        let findings = index.and_then(|index| parts.totals.findings.get(index)).copied().unwrap_or(0);
        // More detectors than a heartbeat lists do not exist; see the table in `edge-wire`.
        let _ = detectors.push(DetectorHealth { findings: findings as u32, ..*detector });
    }
    let started_ns = u64::from(parts.identity.incarnation).saturating_mul(1_000_000_000);
    Heartbeat {
        boot_id: parts.identity.boot_id,
        incarnation: parts.identity.incarnation,
        beat: vitals.beats,
        next_sequence: vitals.decided as u32,
        uptime_s: (parts.now.boot_ns.saturating_sub(started_ns) / 1_000_000_000) as u32,
        interval_s: parts.interval.as_secs() as u32,
        wall_ms: parts.now.wall_ms,
        version: Bytes::cut(env!("CARGO_PKG_VERSION").as_bytes()),
        kernel: Bytes::cut(parts.kernel.as_bytes()),
        kernel_books: parts.totals.books,
        agent_books: AgentBooks {
            received: vitals.received,
            malformed: vitals.malformed,
            dismissed: vitals.dismissed,
            folded: vitals.folded,
            decided: vitals.decided,
            acknowledged: u64::from(link.acknowledged) + delivered,
            in_flight: u64::from(link.in_flight),
            queued: u64::from(queue.queued) + held,
            shed: u64::from(queue.shed_total()) + gone,
        },
        rss_kib: parts.meter.rss_kib,
        cpu_ms: parts.meter.cpu_ms,
        detectors,
        live: parts.live,
    }
}

#[cfg(test)]
mod tests {
    use edge_wire::{Action, DetectorId, Rung, encode_heartbeat};

    use super::*;

    #[test]
    fn carries_the_books_and_fits() {
        let detector = |detector| DetectorHealth {
            detector,
            rung: Rung::TRACEPOINT,
            action: Action::OBSERVE,
            findings: 0,
        };
        let detectors = [detector(DetectorId::FILE_TAMPER), detector(DetectorId::VOLATILE_EXEC)];
        let mut totals =
            Totals { findings: core::array::from_fn(|index| index as u64 + 3), ..Totals::default() };
        totals.books.findings = 12;
        let parts = Parts {
            identity: Identity { boot_id: [1; 16], incarnation: 10, files: Rung::TRACEPOINT },
            now: Now { boot_ns: 70_500_000_000, wall_ms: 0 },
            interval: Duration::from_secs(300),
            kernel: "6.12.0-arm64",
            totals,
            vitals: Vitals { received: 20, folded: 3, decided: 17, ..Vitals::default() },
            queue: queue::Books { queued: 2, shed: [1, 0, 0, 0, 0], ..queue::Books::default() },
            link: publish::Counters { acknowledged: 12, in_flight: 2, ..publish::Counters::default() },
            #[cfg(feature = "spool")]
            kept: crate::spool::Books::default(),
            meter: Meter { rss_kib: 900, cpu_ms: 7 },
            detectors: &detectors,
            live: 0b1010,
        };
        let beat = heartbeat(&parts);
        assert_eq!((beat.uptime_s, beat.next_sequence, beat.interval_s), (60, 17, 300));
        assert_eq!(beat.detectors.iter().map(|one| one.findings).collect::<std::vec::Vec<_>>(), [3, 5]);
        let books = beat.agent_books;
        assert_eq!(books.decided, books.acknowledged + books.in_flight + books.queued + books.shed);
        assert!(encode_heartbeat(&beat).is_ok());
    }

    /// MQTT alone; TCP/IP adds 40 bytes and an acknowledgement to each packet, TLS some 22.
    #[test]
    fn an_idle_day_has_less_than_100_kb_of_mqtt() {
        let (config, day) = (crate::config::Config::default(), 24 * 3_600);
        let health = |detector: &DetectorId| DetectorHealth {
            detector: *detector,
            rung: Rung::LSM,
            action: Action::OBSERVE,
            findings: 300,
        };
        // Two years in, on a device that has seen a good deal.
        let beat = Heartbeat {
            boot_id: [0xa5; 16],
            incarnation: 63_000_000,
            beat: 200_000,
            next_sequence: 20_000,
            uptime_s: 63_000_000,
            interval_s: 300,
            wall_ms: 1_800_000_000_000,
            version: Bytes::cut(b"0.10.10"),
            kernel: Bytes::cut(b"6.12.95-yocto-standard-gateway"),
            kernel_books: edge_wire::KernelBooks { evidence: u64::from(u32::MAX), ..Default::default() },
            agent_books: AgentBooks {
                received: 90_000,
                decided: 20_000,
                acknowledged: 20_000,
                ..Default::default()
            },
            rss_kib: 1_200,
            cpu_ms: 100_000_000,
            detectors: DetectorId::ALL.iter().map(health).collect(),
            live: u32::MAX,
        };
        let payload = encode_heartbeat(&beat).unwrap().len() as u64;
        let topic = "edge/v1/gateway-000000000001/health".len() as u64;
        // Fixed header of three bytes, length of the topic of two; a ping and its answer have two bytes each.
        let beats = (3 + 2 + topic + payload) * day / config.mqtt.heartbeat.as_secs();
        let pings = 4 * day / config.mqtt.keep_alive.as_secs();
        assert!(beats + pings < 100_000, "{beats} bytes of heartbeats of {payload}, {pings} of pings");
        assert!(beats > 50_000, "an estimate that low is wrong: {beats}");
    }
}
