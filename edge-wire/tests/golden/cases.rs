//! Every valid vector: usual messages, the smallest and the largest, and what a reader must take in its stride.

use edge_wire::{
    Act, Action, Ancestor, Bytes, DetectorId, Disposition, Evidence, FileTamper, Head, LateralScan,
    MAX_LINEAGE, Message, Payload, Reason, Rung, Severity, Subject, Technique, Verdict, VolatileExec,
    encode_heartbeat, encode_status, encode_verdict,
};

use crate::health;
use crate::usual::{self, BOOT_ID};

/// One valid vector.
pub(crate) struct Case {
    /// Name of its file, without the ending.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// The bytes.
    pub(crate) payload: Vec<u8>,
    /// What they mean.
    pub(crate) message: Message,
    /// How many bytes at the end stand for fields of a newer agent.
    pub(crate) trailing: usize,
    /// Whether its length counts as usual.
    pub(crate) usual: bool,
}

/// What a newer agent might have appended.
const NEWER: &[u8] = b"\x01\x02newer";

/// Every valid vector.
pub(crate) fn all() -> Vec<Case> {
    let mut all: Vec<Case> = usual::all()
        .into_iter()
        .map(|(name, about, verdict)| Case { usual: true, ..case(name, about, Message::Verdict(verdict)) })
        .collect();
    all.extend(verdicts());
    all.extend(health::heartbeats());
    all.extend(health::statuses());
    all
}

/// A vector that is exactly what the encoder makes of `message`.
pub(crate) fn case(name: &'static str, about: &'static str, message: Message) -> Case {
    let payload = encode(&message).to_vec();
    Case { name, about, payload, message, trailing: 0, usual: false }
}

/// The same message from an agent that knows more fields.
pub(crate) fn appended(name: &'static str, about: &'static str, message: Message) -> Case {
    let mut case = case(name, about, message);
    case.payload.extend_from_slice(NEWER);
    Case { trailing: NEWER.len(), ..case }
}

/// The bytes of a message; nothing here is too long.
fn encode(message: &Message) -> Payload {
    let encoded = match message {
        Message::Heartbeat(heartbeat) => encode_heartbeat(heartbeat),
        Message::Status(status) => encode_status(status),
        Message::Verdict(verdict) => encode_verdict(verdict),
    };
    encoded.unwrap_or_else(|error| panic!("{message:?}: {error}"))
}

/// A byte string as long as it may be, all ones.
pub(crate) fn full<const N: usize>() -> Bytes<N> {
    Bytes::cut(&[0xff; 128])
}

/// Verdicts without and with everything, of every detector, and those that look odd.
fn verdicts() -> Vec<Case> {
    let empty = [
        ("verdict_file_tamper_min", DetectorId::FILE_TAMPER, Evidence::FileTamper(FileTamper::default())),
        ("verdict_lateral_scan_min", DetectorId::LATERAL_SCAN, Evidence::LateralScan(LateralScan::default())),
        (
            "verdict_volatile_exec_min",
            DetectorId::VOLATILE_EXEC,
            Evidence::VolatileExec(VolatileExec::default()),
        ),
        ("verdict_act_min", DetectorId::FILELESS_EXEC, Evidence::Act(Act::default())),
    ];
    let mut all: Vec<Case> = Vec::new();
    for (name, detector, evidence) in empty {
        let head = Head { detector, ..Head::default() };
        all.push(case(name, "zeros and empty strings", Message::Verdict(Verdict { head, evidence })));
    }
    let widest = [
        ("verdict_file_tamper_max", DetectorId::FILE_TAMPER, Evidence::FileTamper(widest_file_tamper())),
        ("verdict_lateral_scan_max", DetectorId::LATERAL_SCAN, Evidence::LateralScan(widest_lateral_scan())),
        (
            "verdict_volatile_exec_max",
            DetectorId::VOLATILE_EXEC,
            Evidence::VolatileExec(widest_volatile_exec()),
        ),
        ("verdict_act_max", DetectorId::BUS_FLOOD, Evidence::Act(widest_act())),
    ];
    for (name, detector, evidence) in widest {
        let about = "every field at its largest; unknown numbers, strings that are not text";
        all.push(case(name, about, Message::Verdict(Verdict { head: widest_head(detector), evidence })));
    }
    all.push(case(
        "verdict_hostile_names",
        "names that would move a cursor, forge a line, turn text around or break a decoder of UTF-8",
        Message::Verdict(hostile()),
    ));
    all.push(case(
        "verdict_hostile_object",
        "the same in the common evidence, with flags of a newer agent and an address that is none",
        Message::Verdict(hostile_object()),
    ));
    let miner = || {
        let mut miners = usual::all().into_iter().map(|(_, _, verdict)| verdict);
        miners.find(|verdict| verdict.head.detector == DetectorId::VOLATILE_EXEC).unwrap_or_else(hostile)
    };
    all.push(appended(
        "verdict_appended",
        "a newer agent appended fields to the evidence: ignore them",
        Message::Verdict(miner()),
    ));
    let newest = DetectorId(DetectorId::BUS_FLOOD.0 + 1);
    all.push(unknown_detector("verdict_unknown_next", newest, miner()));
    all.push(unknown_detector("verdict_unknown_detector", DetectorId(200), miner()));
    all
}

/// A verdict of a detector this version has never heard of: the same bytes, another number.
fn unknown_detector(name: &'static str, detector: DetectorId, mut verdict: Verdict) -> Case {
    let mut payload = encode(&Message::Verdict(verdict.clone())).to_vec();
    let head = &mut verdict.head;
    let before: usize = [u64::from(head.incarnation), u64::from(head.sequence), head.event_us, head.wall_ms]
        .into_iter()
        .map(varint_length)
        .sum();
    payload[2 + 16 + before] = detector.0;
    head.detector = detector;
    // flags, a path and a directory that are both empty, the reason
    let length = 1 + 1 + 1 + 1;
    verdict.evidence = Evidence::Unknown { length };
    Case {
        name,
        about: "evidence of an unknown detector: the head is as readable as ever",
        payload,
        message: Message::Verdict(verdict),
        trailing: 0,
        usual: false,
    }
}

/// Bytes a varint takes.
fn varint_length(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

fn hostile() -> Verdict {
    let head = Head {
        boot_id: BOOT_ID,
        sequence: 1,
        event_us: 61_000_000,
        detector: DetectorId::VOLATILE_EXEC,
        technique: Technique::new(1059, 4),
        severity: Severity(200),
        rung: Rung::TRACEPOINT,
        subject: Subject {
            tgid: 812,
            start_ms: 60_990,
            uid: u32::MAX,
            comm: Bytes::cut(b"\x1b[2Jsshd\0\x7f\xff"),
            exe: Bytes::cut("/tmp/\u{202e}fdp.exe".as_bytes()),
        },
        ..Head::default()
    };
    let evidence = VolatileExec {
        flags: VolatileExec::RELATIVE | VolatileExec::CUT | 0x80,
        path: Bytes::cut(b"./a\nINFO all is well\\\x80\xfe\"\t"),
        cwd: Bytes::cut("/tmp/härte".as_bytes()),
        reason: Reason(200),
    };
    Verdict { head, evidence: Evidence::VolatileExec(evidence) }
}

fn hostile_object() -> Verdict {
    let detector = DetectorId::MASQUERADE;
    let head = Head { detector, technique: Technique::T1036_004, ..hostile().head };
    let evidence = Act {
        reason: Reason::KERNEL_NAME,
        flags: Act::CUT | 0xf0,
        count: 1,
        target: 1,
        target_comm: Bytes::cut(b"[kworker/0:1]\r\x1b"),
        object: Bytes::cut("/proc/self/../\u{2066}a\n\\".as_bytes()),
        address: Bytes::cut(b"\x00\x01\x02"),
        ..Act::default()
    };
    Verdict { head, evidence: Evidence::Act(evidence) }
}

fn widest_head(detector: DetectorId) -> Head {
    let ancestor = Ancestor { tgid: u32::MAX, start_ms: u64::MAX, comm: full() };
    Head {
        boot_id: [0xff; 16],
        incarnation: u32::MAX,
        sequence: u32::MAX,
        event_us: u64::MAX,
        wall_ms: u64::MAX,
        detector,
        technique: Technique { number: u16::MAX, sub: u8::MAX },
        severity: Severity(u8::MAX),
        action: Action(u8::MAX),
        disposition: Disposition(u8::MAX),
        rung: Rung(u8::MAX),
        subject: Subject { tgid: u32::MAX, start_ms: u64::MAX, uid: u32::MAX, comm: full(), exe: full() },
        lineage: std::iter::repeat_n(ancestor, MAX_LINEAGE).collect(),
        repeats: u32::MAX,
    }
}

fn widest_file_tamper() -> FileTamper {
    FileTamper {
        reason: Reason(u8::MAX),
        files: u32::MAX,
        renames: u32::MAX,
        unlinks: u32::MAX,
        overwrites: u32::MAX,
        samples_high: u32::MAX,
        samples_flat: u32::MAX,
        samples: u32::MAX,
        window_ms: u32::MAX,
        elapsed_ms: u32::MAX,
        path: full(),
        flags: u8::MAX,
    }
}

fn widest_lateral_scan() -> LateralScan {
    LateralScan {
        reason: Reason(u8::MAX),
        family: u8::MAX,
        protocol: u8::MAX,
        port: u16::MAX,
        address: full(),
        hosts: u32::MAX,
        tries: u32::MAX,
        window_ms: u32::MAX,
        elapsed_ms: u32::MAX,
    }
}

fn widest_volatile_exec() -> VolatileExec {
    VolatileExec { flags: u8::MAX, path: full(), cwd: full(), reason: Reason(u8::MAX) }
}

fn widest_act() -> Act {
    Act {
        reason: Reason(u8::MAX),
        flags: u8::MAX,
        count: u32::MAX,
        window_ms: u32::MAX,
        elapsed_ms: u32::MAX,
        value: u64::MAX,
        target: u32::MAX,
        target_comm: full(),
        object: full(),
        protocol: u8::MAX,
        port: u16::MAX,
        address: full(),
    }
}
