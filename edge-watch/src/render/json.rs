//! Notices as JSON: everything but findings. Each object names its `kind`; README.md lists them.

use edge_wire::{DetectorHealth, Heartbeat, State};
use serde_json::{Value, json};

use super::text::boot;
use super::{Item, LinkNews};
use crate::moment::Moment;
use crate::verify::{Cause, Gap, Notice};

/// The object of anything but a verdict.
pub(crate) fn notice(item: Item<'_>, now: Moment) -> Value {
    let time = now.wall_ms;
    match item {
        Item::Heartbeat(device, beat) => heartbeat(device, beat, time),
        Item::Invalid { device, channel, length, error } => json!({
            "kind": "invalid", "time": time, "device": device, "channel": channel.name(), "length": length,
            "error": error.map(|error| error.to_string()),
        }),
        Item::Link(LinkNews::Down { broker, reason, wait_ms }) => json!({
            "kind": "link", "time": time, "state": "down", "broker": broker, "reason": reason, "wait_ms": wait_ms,
        }),
        Item::Link(LinkNews::Up { broker, resumed }) => json!({
            "kind": "link", "time": time, "state": "up", "broker": broker, "resumed": resumed,
        }),
        Item::Report(report) => {
            let mut value = of(&report.notice);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("time".to_owned(), time.into());
                fields.insert("device".to_owned(), report.device.as_str().into());
            }
            value
        }
        Item::Status(device, status, retained) => json!({
            "kind": "status", "time": time, "device": device, "state": status.state.to_string(), "retained": retained,
            "boot_id": boot(&status.boot_id), "incarnation": status.incarnation, "wall_ms": status.wall_ms,
            "version": status.version.to_string(),
        }),
        Item::Summary(summary) => json!({
            "kind": "summary", "time": time, "shown": summary.shown, "filtered": summary.filtered,
            "duplicates": summary.duplicates, "missing": summary.missing, "invalid": summary.invalid,
        }),
        // Findings are not notices; `Style::show` sends them elsewhere.
        Item::Verdict(_) => Value::Null,
    }
}

/// A notice of the completeness check, without time and device.
fn of(notice: &Notice) -> Value {
    match notice {
        Notice::Books { ring_full, map_full } => {
            json!({"kind": "overload", "ring_full": ring_full, "map_full": map_full})
        }
        Notice::Explained { incarnation, cause: why } => {
            json!({"kind": "gap_explained", "incarnation": incarnation, "cause": cause(*why)})
        }
        Notice::Forgotten { limit } => json!({"kind": "forgotten", "limit": limit}),
        Notice::Gap(missing) => gap(missing),
        Notice::Healed { incarnation, count, missing } => {
            json!({"kind": "gap_healed", "incarnation": incarnation, "count": count, "missing": missing})
        }
        Notice::Heard { silent_ms } => json!({"kind": "heard", "silent_ms": silent_ms}),
        Notice::Offline { state, seen_ms } => {
            let how = if *state == State::STOPPED { "stopped" } else { "lost" };
            json!({"kind": "offline", "state": how, "seen_ms": seen_ms})
        }
        Notice::Online { version, incarnation, retained } => {
            let version = version.to_string();
            json!({"kind": "online", "version": version, "incarnation": incarnation, "retained": retained})
        }
        Notice::Silent { silent_ms, interval_s, seen_ms } => {
            json!({"kind": "silent", "silent_ms": silent_ms, "interval_s": interval_s, "seen_ms": seen_ms})
        }
    }
}

/// A gap.
fn gap(gap: &Gap) -> Value {
    let ranges: Vec<Value> = gap.ranges.iter().map(|(from, to)| json!([from, to])).collect();
    json!({
        "kind": "gap", "count": gap.count, "boot_id": boot(&gap.boot_id), "incarnation": gap.incarnation,
        "ranges": ranges, "after_ms": gap.after_ms, "before_ms": gap.before_ms, "cause": cause(gap.cause),
    })
}

/// Where missing verdicts went.
fn cause(cause: Cause) -> Value {
    json!({"shed": cause.shed, "on_the_way": cause.on_the_way, "unknown": cause.unknown})
}

/// A heartbeat, all of it.
fn heartbeat(device: &str, beat: &Heartbeat, time: u64) -> Value {
    let (kernel, agent) = (&beat.kernel_books, &beat.agent_books);
    let detectors: Vec<Value> =
        beat.detectors.iter().map(|&health| detector(health, beat.is_live(health.detector))).collect();
    let silent: Vec<String> = beat.silent().map(|health| health.detector.to_string()).collect();
    json!({
        "kind": "heartbeat", "time": time, "device": device, "boot_id": boot(&beat.boot_id),
        "incarnation": beat.incarnation, "beat": beat.beat, "next_sequence": beat.next_sequence,
        "uptime_s": beat.uptime_s, "interval_s": beat.interval_s, "wall_ms": beat.wall_ms,
        "version": beat.version.to_string(), "kernel": beat.kernel.to_string(),
        "kernel_books": {
            "evidence": kernel.evidence, "findings": kernel.findings, "submitted": kernel.submitted,
            "ring_full": kernel.ring_full, "held": kernel.held, "map_full": kernel.map_full,
        },
        "agent_books": {
            "received": agent.received, "malformed": agent.malformed, "dismissed": agent.dismissed,
            "folded": agent.folded, "decided": agent.decided, "acknowledged": agent.acknowledged,
            "in_flight": agent.in_flight, "queued": agent.queued, "shed": agent.shed,
        },
        "rss_kib": beat.rss_kib, "cpu_ms": beat.cpu_ms, "detectors": detectors, "live": beat.live,
        "silent": silent,
    })
}

/// A detector as it runs, and whether it was seen to work; null if the agent could not say.
fn detector(health: DetectorHealth, live: Option<bool>) -> Value {
    json!({
        "detector": health.detector.to_string(), "rung": health.rung.to_string(),
        "action": health.action.to_string(), "findings": health.findings, "live": live,
    })
}

#[cfg(test)]
mod tests {
    use edge_wire::{DetectorId, Rung};

    use super::*;
    use crate::verify::Report;

    #[test]
    fn a_gap_names_kind_device_and_runs() {
        let cause = Cause { shed: 0, on_the_way: 3, unknown: 0 };
        let ranges = vec![(1, 2), (9, 9)];
        let gap =
            Gap { boot_id: [1; 16], incarnation: 4, ranges, count: 3, after_ms: 10, before_ms: 20, cause };
        let report = Report { device: "gw".to_owned(), notice: Notice::Gap(gap) };
        let value = notice(Item::Report(&report), Moment { steady_ms: 0, wall_ms: 30 });
        assert_eq!(value["kind"], "gap");
        assert_eq!(
            (&value["device"], &value["time"], &value["count"]),
            (&json!("gw"), &json!(30), &json!(3))
        );
        assert_eq!(value["ranges"], json!([[1, 2], [9, 9]]));
        assert_eq!(value["cause"]["on_the_way"], 3);
    }

    #[test]
    fn a_heartbeat_keeps_all_books() {
        let mut beat = Heartbeat { beat: 5, next_sequence: 8, ..Heartbeat::default() };
        beat.agent_books.shed = 2;
        let health = |detector, rung| DetectorHealth { detector, rung, ..DetectorHealth::default() };
        for (detector, rung) in [(1, Rung::OFF), (2, Rung::LSM), (3, Rung::CGROUP), (99, Rung::LSM)] {
            beat.detectors.push(health(DetectorId(detector), rung)).unwrap();
        }
        beat.live = 1 << 2;
        let value = notice(Item::Heartbeat("gw", &beat), Moment::default());
        assert_eq!(value["kind"], "heartbeat");
        assert_eq!(value["agent_books"]["shed"], 2);
        assert_eq!(value["detectors"][0]["rung"], "off");
        let live: Vec<&Value> =
            value["detectors"].as_array().unwrap().iter().map(|one| &one["live"]).collect();
        assert_eq!(live, [&json!(false), &json!(true), &json!(false), &Value::Null]);
        assert_eq!((&value["live"], &value["silent"]), (&json!(4), &json!(["volatile_exec"])));
    }
}
