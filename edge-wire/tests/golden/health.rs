//! Every valid vector that is no verdict: heartbeats and statuses.

use edge_wire::{
    Action, AgentBooks, Bytes, DetectorHealth, DetectorId, Heartbeat, KernelBooks, MAX_DETECTORS, Message,
    Rung, State, Status,
};

use crate::cases::{Case, appended, case, full};
use crate::usual::{BOOT_ID, WALL_MS};

/// Heartbeats.
pub(crate) fn heartbeats() -> Vec<Case> {
    // Ten days in: 152 verdicts, two of them shed, three on their way.
    let usual = Heartbeat {
        boot_id: BOOT_ID,
        incarnation: 14,
        beat: 2_880,
        next_sequence: 152,
        uptime_s: 864_000,
        interval_s: 300,
        wall_ms: WALL_MS,
        version: Bytes::cut(b"0.1.0"),
        kernel: Bytes::cut(b"6.1.0-28-arm64"),
        kernel_books: KernelBooks {
            evidence: 48_120_733,
            findings: 260,
            submitted: 200,
            ring_full: 1,
            held: 59,
            map_full: 0,
        },
        agent_books: AgentBooks {
            received: 200,
            malformed: 0,
            dismissed: 7,
            folded: 41,
            decided: 152,
            acknowledged: 147,
            in_flight: 2,
            queued: 1,
            shed: 2,
        },
        rss_kib: 1_324,
        cpu_ms: 39_210,
        detectors: everything().collect(),
        // All but `volatile_exec`, which is off, and `sysctl_tamper`, which is attached and should have reacted.
        live: 0x07ff_fffe & !(1 << 3) & !(1 << 10),
    };
    let few = Heartbeat {
        detectors: [
            detector(DetectorId::FILE_TAMPER, Rung::TRACEPOINT, Action::KILL, 4),
            detector(DetectorId::LATERAL_SCAN, Rung::CGROUP, Action::OBSERVE, 190),
            detector(DetectorId::VOLATILE_EXEC, Rung::OFF, Action::OBSERVE, 7),
        ]
        .into_iter()
        .collect(),
        live: 1 << 1 | 1 << 2,
        ..usual.clone()
    };
    let min = "zeros and empty strings; a heartbeat of an agent that could attach nothing";
    let max = "every field at its largest, every place for a detector taken";
    let newer = "a newer agent appended fields: ignore them";
    vec![
        case(
            "heartbeat_usual",
            "every detector, one of them off, one attached but silent; balanced books",
            Message::Heartbeat(usual),
        ),
        case(
            "heartbeat_few",
            "an agent that is told to run three detectors; one of them is off",
            Message::Heartbeat(few.clone()),
        ),
        case("heartbeat_min", min, Message::Heartbeat(Heartbeat::default())),
        case("heartbeat_max", max, Message::Heartbeat(widest_heartbeat())),
        appended("heartbeat_appended", newer, Message::Heartbeat(few)),
    ]
}

/// One detector as it runs.
fn detector(detector: DetectorId, rung: Rung, action: Action, findings: u32) -> DetectorHealth {
    DetectorHealth { detector, rung, action, findings }
}

/// Every detector of this version, on the rung that a kernel with BTF but without BPF LSM offers.
fn everything() -> impl Iterator<Item = DetectorHealth> {
    DetectorId::ALL.iter().map(|&id| match id {
        DetectorId::FILE_TAMPER => detector(id, Rung::KPROBE, Action::KILL, 4),
        DetectorId::LATERAL_SCAN => detector(id, Rung::CGROUP, Action::OBSERVE, 190),
        DetectorId::VOLATILE_EXEC => detector(id, Rung::OFF, Action::OBSERVE, 7),
        DetectorId::LOGIN_GUESSING | DetectorId::NEW_EGRESS | DetectorId::FLOOD_OUT => {
            detector(id, Rung::CGROUP, Action::OBSERVE, 0)
        }
        DetectorId::DEVICE_TAMPER => detector(id, Rung::CGROUP, Action::DENY, 2),
        DetectorId::BUS_FLOOD | DetectorId::RESOURCE_HIJACK => {
            detector(id, Rung::TRACEPOINT, Action::OBSERVE, 0)
        }
        _ => detector(id, Rung::KPROBE, Action::OBSERVE, 0),
    })
}

fn widest_heartbeat() -> Heartbeat {
    let most = u64::MAX;
    let detector = DetectorHealth {
        detector: DetectorId(255),
        rung: Rung(255),
        action: Action(255),
        findings: u32::MAX,
    };
    Heartbeat {
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        beat: u32::MAX,
        next_sequence: u32::MAX,
        uptime_s: u32::MAX,
        interval_s: u32::MAX,
        wall_ms: most,
        version: full(),
        kernel: full(),
        kernel_books: KernelBooks {
            evidence: most,
            findings: most,
            submitted: most,
            ring_full: most,
            held: most,
            map_full: most,
        },
        agent_books: AgentBooks {
            received: most,
            malformed: most,
            dismissed: most,
            folded: most,
            decided: most,
            acknowledged: most,
            in_flight: most,
            queued: most,
            shed: most,
        },
        rss_kib: u32::MAX,
        cpu_ms: most,
        detectors: std::iter::repeat_n(detector, MAX_DETECTORS).collect(),
        live: u32::MAX,
    }
}

/// Statuses.
pub(crate) fn statuses() -> Vec<Case> {
    let status = |state, wall_ms| {
        let version = Bytes::cut(b"0.1.0");
        Message::Status(Status { state, boot_id: BOOT_ID, incarnation: 14, wall_ms, version })
    };
    let widest = Status {
        state: State(255),
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        wall_ms: u64::MAX,
        version: full(),
    };
    vec![
        case("status_online", "connected and watching", status(State::ONLINE, WALL_MS)),
        case("status_stopped", "ended on request", status(State::STOPPED, WALL_MS + 61_000)),
        case("status_lost", "the last will; its clock was not set when it connected", status(State::LOST, 0)),
        case("status_min", "zeros and an empty version", Message::Status(Status::default())),
        case("status_max", "every field at its largest", Message::Status(widest)),
        appended(
            "status_appended",
            "a newer agent appended fields: ignore them",
            status(State::ONLINE, WALL_MS),
        ),
    ]
}
