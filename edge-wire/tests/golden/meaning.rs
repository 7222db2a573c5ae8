//! Messages as `golden.json` shows them: the field names and the order of `SCHEMA.md`, numbers beside their names, byte
//! strings as digits beside their text.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "one signature for every field lets one macro list them"
)]

use std::net::IpAddr;

use edge_wire::{
    Act, AgentBooks, Ancestor, Bytes, DetectorHealth, Evidence, FileTamper, Heartbeat, KernelBooks,
    LateralScan, Message, Status, Subject, Technique, Verdict, VolatileExec, WireError,
};

use crate::json::{Json, hex};

/// A struct's fields, each under its own name.
macro_rules! fields {
    ($value:expr => $($field:ident $how:path),+ $(,)?) => {
        vec![$((stringify!($field), $how(&$value.$field))),+]
    };
}

/// Declares how one vocabulary is shown: its number, and its name or null.
macro_rules! named {
    ($($function:ident $vocabulary:ident),+ $(,)?) => {
        $(fn $function(value: &edge_wire::$vocabulary) -> Json {
            Json::Map(vec![
                ("number", Json::number(value.0)),
                ("name", value.name().map_or(Json::Null, Json::text)),
            ])
        })+
    };
}

named! {
    action Action,
    detector DetectorId,
    disposition Disposition,
    reason Reason,
    rung Rung,
    severity Severity,
    state State,
}

/// Name of the message's kind.
pub(crate) fn kind(message: &Message) -> &'static str {
    match message {
        Message::Heartbeat(_) => "heartbeat",
        Message::Status(_) => "status",
        Message::Verdict(_) => "verdict",
    }
}

/// Name of an error, as in the table "Refusing a payload" of `SCHEMA.md`.
pub(crate) fn error(error: WireError) -> &'static str {
    match error {
        WireError::Body { .. } => "body",
        WireError::Empty => "empty",
        WireError::Kind(_) => "kind",
        WireError::Oversize { .. } => "oversize",
        WireError::Version { .. } => "version",
        WireError::Evidence(_) | WireError::Full { .. } => unreachable!("only the encoder says so"),
    }
}

/// Any message.
pub(crate) fn message(message: &Message) -> Json {
    match message {
        Message::Heartbeat(heartbeat) => self::heartbeat(heartbeat),
        Message::Status(status) => self::status(status),
        Message::Verdict(verdict) => self::verdict(verdict),
    }
}

/// An unsigned number.
fn number<T: Copy + TryInto<u64>>(value: &T) -> Json {
    Json::number(*value)
}

/// A byte string: its bytes, and the text a person may safely be shown.
fn bytes<const N: usize>(value: &Bytes<N>) -> Json {
    Json::Map(vec![("hex", Json::text(hex(value.as_slice()))), ("text", Json::text(value.to_string()))])
}

/// A boot id: its bytes, and the form `/proc/sys/kernel/random/boot_id` has.
fn boot_id(value: &[u8; 16]) -> Json {
    let digits = hex(value);
    let text: Vec<&str> =
        [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().filter_map(|range| digits.get(range)).collect();
    Json::Map(vec![("hex", Json::text(digits.as_str())), ("text", Json::text(text.join("-")))])
}

/// An address: its bytes, and its usual text when there are 4 or 16 of them.
fn address(value: &Bytes<16>) -> Json {
    let octets = value.as_slice();
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(octets).map(IpAddr::from);
    let text = four.or(sixteen).map_or(Json::Null, |address| Json::text(address.to_string()));
    Json::Map(vec![("hex", Json::text(hex(octets))), ("text", text)])
}

/// An ATT&CK technique.
fn technique(value: &Technique) -> Json {
    let mut shown = fields!(value => number number, sub number);
    shown.push(("text", Json::text(value.to_string())));
    Json::Map(shown)
}

fn subject(value: &Subject) -> Json {
    Json::Map(fields!(value => tgid number, start_ms number, uid number, comm bytes, exe bytes))
}

fn lineage(value: &impl AsRef<[Ancestor]>) -> Json {
    let ancestor = |value: &Ancestor| Json::Map(fields!(value => tgid number, start_ms number, comm bytes));
    Json::List(value.as_ref().iter().map(ancestor).collect())
}

fn verdict(value: &Verdict) -> Json {
    let mut shown = fields!(value.head =>
        boot_id boot_id, incarnation number, sequence number, event_us number, wall_ms number,
        detector detector, technique technique, severity severity, action action,
        disposition disposition, rung rung, subject subject, lineage lineage, repeats number,
    );
    shown.push(("evidence", evidence(&value.evidence)));
    Json::Map(shown)
}

fn evidence(value: &Evidence) -> Json {
    match value {
        Evidence::Act(value) => act(value),
        Evidence::FileTamper(value) => file_tamper(value),
        Evidence::LateralScan(value) => lateral_scan(value),
        Evidence::Unknown { length } => Json::Map(vec![("unknown_length", Json::number(*length))]),
        Evidence::VolatileExec(value) => volatile_exec(value),
    }
}

fn act(value: &Act) -> Json {
    Json::Map(fields!(value =>
        reason reason, flags number, count number, window_ms number, elapsed_ms number, value number,
        target number, target_comm bytes, object bytes, protocol number, port number, address address,
    ))
}

fn file_tamper(value: &FileTamper) -> Json {
    Json::Map(fields!(value =>
        reason reason, files number, renames number, unlinks number, overwrites number,
        samples_high number, samples_flat number, samples number, window_ms number,
        elapsed_ms number, path bytes, flags number,
    ))
}

fn lateral_scan(value: &LateralScan) -> Json {
    Json::Map(fields!(value =>
        reason reason, family number, protocol number, port number, address address,
        hosts number, tries number, window_ms number, elapsed_ms number,
    ))
}

fn volatile_exec(value: &VolatileExec) -> Json {
    Json::Map(fields!(value => flags number, path bytes, cwd bytes, reason reason))
}

fn heartbeat(value: &Heartbeat) -> Json {
    Json::Map(fields!(value =>
        boot_id boot_id, incarnation number, beat number, next_sequence number, uptime_s number,
        interval_s number, wall_ms number, version bytes, kernel bytes, kernel_books kernel_books,
        agent_books agent_books, rss_kib number, cpu_ms number, detectors detectors, live number,
    ))
}

fn kernel_books(value: &KernelBooks) -> Json {
    Json::Map(fields!(value =>
        evidence number, findings number, submitted number, ring_full number, held number, map_full number,
    ))
}

fn agent_books(value: &AgentBooks) -> Json {
    Json::Map(fields!(value =>
        received number, malformed number, dismissed number, folded number, decided number,
        acknowledged number, in_flight number, queued number, shed number,
    ))
}

fn detectors(value: &impl AsRef<[DetectorHealth]>) -> Json {
    let health = |value: &DetectorHealth| {
        Json::Map(fields!(value => detector detector, rung rung, action action, findings number))
    };
    Json::List(value.as_ref().iter().map(health).collect())
}

fn status(value: &Status) -> Json {
    Json::Map(
        fields!(value => state state, boot_id boot_id, incarnation number, wall_ms number, version bytes),
    )
}
