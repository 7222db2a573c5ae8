//! Verdicts as OCSF 1.8.0 Detection Findings (class 2004), with the profiles `host` and `security_control`.
//!
//! Names and numbers are those of <https://schema.ocsf.io/1.8.0/classes/detection_finding>; what OCSF has no place for
//! stands under `unmapped` by the names of our own schema. Kernel names are bytes; here they are text with control
//! characters, backslashes and invalid bytes written as `\xNN`.

mod activity;
mod evidence;

use edge_wire::{Ancestor, Disposition, Head, Severity, Subject, Technique};
use serde_json::{Value, json};

use self::evidence::file;
use super::text::boot;
use super::{Received, attack, words};

/// The version of OCSF spoken.
const OCSF: &str = "1.8.0";

/// The object of a verdict.
pub(crate) fn finding(received: Received<'_>) -> Value {
    let head = &received.verdict.head;
    let uid = format!("{}/{}/{}/{}", received.device, boot(&head.boot_id), head.incarnation, head.sequence);
    let wall_ms = if head.wall_ms == 0 { received.now.wall_ms } else { head.wall_ms };
    let (severity_id, severity) = severity(head.severity);
    let (action_id, action, disposition_id, disposition) = outcome(head.disposition);
    json!({
        "activity_id": 1, "activity_name": "Create",
        "category_uid": 2, "category_name": "Findings",
        "class_uid": 2004, "class_name": "Detection Finding",
        "type_uid": 200_401, "type_name": "Detection Finding: Create",
        "time": wall_ms,
        "severity_id": severity_id, "severity": severity,
        "status_id": 1, "status": "New",
        "message": words::phrase(received.verdict),
        "count": u64::from(head.repeats) + 1,
        "is_alert": head.severity >= Severity::MEDIUM,
        "action_id": action_id, "action": action,
        "disposition_id": disposition_id, "disposition": disposition,
        "finding_info": without_nulls(json!({
            "uid": uid,
            "title": title(head),
            "analytic": analytic(head),
            "attacks": [technique(head.technique)],
            "created_time": wall_ms,
            "first_seen_time": wall_ms.saturating_sub(evidence::elapsed_ms(&received.verdict.evidence)),
            "last_seen_time": wall_ms,
            "related_events": activity::related(received.verdict, &uid).map(|event| vec![event]),
        })),
        "device": {"uid": received.device, "type_id": 7, "type": "IOT", "boot_uid": boot(&head.boot_id)},
        "actor": {"process": process(head, wall_ms), "user": {"uid": head.subject.uid.to_string()}},
        "evidences": [evidence::evidence(received.verdict)],
        "metadata": {
            "version": OCSF,
            "profiles": ["host", "security_control"],
            "product": product(received),
            "log_name": "verdict",
            "sequence": head.sequence,
            "uid": uid,
            "logged_time": received.now.wall_ms,
        },
        "unmapped": {
            "detector": head.detector.to_string(), "technique": head.technique.to_string(),
            "severity": head.severity.to_string(), "action": head.action.to_string(),
            "disposition": head.disposition.to_string(), "rung": head.rung.to_string(),
            "boot_id": boot(&head.boot_id), "incarnation": head.incarnation, "sequence": head.sequence,
            "event_us": head.event_us, "wall_ms": head.wall_ms, "repeats": head.repeats,
            "start_ms": head.subject.start_ms, "late": received.late,
        },
    })
}

/// The program that found it; its version only if told.
fn product(received: Received<'_>) -> Value {
    let mut product = json!({"name": "edge-agent", "vendor_name": "edge-agent"});
    if let (Some(fields), Some(version)) = (product.as_object_mut(), received.version) {
        fields.insert("version".to_owned(), version.to_string().into());
    }
    product
}

/// Ours to OCSF's, which has one more at either end.
fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::INFO => (1, "Informational"),
        Severity::LOW => (2, "Low"),
        Severity::MEDIUM => (3, "Medium"),
        Severity::HIGH => (4, "High"),
        Severity::CRITICAL => (5, "Critical"),
        _ => (99, "Other"),
    }
}

/// Action and disposition. OCSF has no word for a killed process: it is blocked; `unmapped.disposition` tells which.
fn outcome(disposition: Disposition) -> (u8, &'static str, u8, &'static str) {
    match disposition {
        Disposition::REPORTED => (3, "Observed", 15, "Detected"),
        Disposition::KILLED | Disposition::DENIED => (2, "Denied", 2, "Blocked"),
        Disposition::FAILED => (3, "Observed", 27, "Error"),
        _ => (0, "Unknown", 0, "Unknown"),
    }
}

/// A headline.
fn title(head: &Head) -> String {
    let what = attack::name(head.technique).map_or_else(|| head.technique.to_string(), str::to_owned);
    format!("{what} by {}", words::subject(&head.subject))
}

/// The detector, which judges behaviour.
fn analytic(head: &Head) -> Value {
    json!({"name": head.detector.to_string(), "uid": head.detector.0.to_string(), "type_id": 2, "type": "Behavioral"})
}

/// Technique, sub-technique and tactics, with the names this program knows.
fn technique(technique: Technique) -> Value {
    let entity = |found: Technique| match attack::name(found) {
        Some(name) => json!({"uid": found.to_string(), "name": name}),
        None => json!({"uid": found.to_string()}),
    };
    let mut shown = json!({"version": attack::VERSION, "technique": entity(technique.parent())});
    if let Some(fields) = shown.as_object_mut() {
        if technique.sub != 0 {
            fields.insert("sub_technique".to_owned(), entity(technique));
        }
        if let Some((uid, name)) = attack::tactic(technique) {
            fields.insert("tactic".to_owned(), json!({"uid": uid, "name": name}));
        }
    }
    shown
}

/// The process and, nested, those it descends from.
fn process(head: &Head, wall_ms: u64) -> Value {
    let Subject { tgid, start_ms, uid, comm, exe } = &head.subject;
    let boot_ms = wall_ms.saturating_sub(head.event_us / 1000);
    let mut process = entity(*tgid, *start_ms, &comm.to_string(), boot_ms);
    if let Some(fields) = process.as_object_mut() {
        fields.insert("user".to_owned(), json!({"uid": uid.to_string()}));
        if !exe.is_empty() {
            fields.insert("file".to_owned(), file(&exe.to_string()));
        }
        let parent =
            head.lineage.iter().rev().fold(None, |parent, ancestor| Some(nest(ancestor, parent, boot_ms)));
        if let Some(parent) = parent {
            fields.insert("parent_process".to_owned(), parent);
        }
    }
    process
}

/// An ancestor with its own parent in it.
fn nest(ancestor: &Ancestor, parent: Option<Value>, boot_ms: u64) -> Value {
    let mut process = entity(ancestor.tgid, ancestor.start_ms, &ancestor.comm.to_string(), boot_ms);
    if let (Some(fields), Some(parent)) = (process.as_object_mut(), parent) {
        fields.insert("parent_process".to_owned(), parent);
    }
    process
}

/// What is known of any process.
fn entity(tgid: u32, start_ms: u64, comm: &str, boot_ms: u64) -> Value {
    let mut process = json!({"pid": tgid, "name": comm});
    if let Some(fields) = process.as_object_mut()
        && start_ms != 0
    {
        fields.insert("created_time".to_owned(), boot_ms.saturating_add(start_ms).into());
    }
    process
}

/// An object without the attributes that are not known: OCSF leaves them out.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use edge_wire::{Bytes, DetectorId, Evidence, Verdict};

    use super::*;
    use crate::moment::Moment;
    use crate::render::samples::killed;

    fn of(verdict: &Verdict) -> Value {
        let version = Bytes::cut(b"0.1.0");
        let now = Moment { steady_ms: 0, wall_ms: 1_780_000_000_009 };
        finding(Received { device: "gw-7", verdict, now, version: Some(&version), late: false })
    }

    #[test]
    fn the_required_attributes_are_there() {
        let value = of(&killed());
        for (path, expected) in [
            ("/activity_id", json!(1)),
            ("/category_uid", json!(2)),
            ("/class_uid", json!(2004)),
            ("/type_uid", json!(200_401)),
            ("/time", json!(1_780_000_000_000_u64)),
            ("/severity_id", json!(5)),
            ("/disposition_id", json!(2)),
            ("/action_id", json!(2)),
            ("/count", json!(3)),
            ("/finding_info/uid", json!("gw-7/abababab-abab-abab-abab-abababababab/14/9")),
            ("/finding_info/analytic/name", json!("file_tamper")),
            ("/finding_info/attacks/0/technique/uid", json!("T1486")),
            ("/finding_info/attacks/0/tactic/uid", json!("TA0040")),
            ("/finding_info/first_seen_time", json!(1_779_999_999_588_u64)),
            ("/metadata/version", json!("1.8.0")),
            ("/metadata/product/version", json!("0.1.0")),
            ("/metadata/sequence", json!(9)),
            ("/device/uid", json!("gw-7")),
            ("/finding_info/related_events/0/type_uid", json!(100_110)),
            ("/finding_info/related_events/0/type", json!("File System Activity: Encrypt")),
            ("/evidences/0/data/files", json!(30)),
            ("/evidences/0/file/path", json!("/data/a.db\\x0a")),
            ("/unmapped/disposition", json!("killed")),
        ] {
            assert_eq!(value.pointer(path), Some(&expected), "{path}");
        }
    }

    #[test]
    fn lineage_is_nested_and_times_are_wall_times() {
        let value = of(&killed());
        let process = &value["actor"]["process"];
        assert_eq!(process["name"], "kworker\\x1b[2J");
        assert_eq!(process["created_time"], 1_779_999_999_000_u64);
        assert_eq!(process["file"]["name"], ".x (deleted)");
        assert_eq!(process["parent_process"]["pid"], 70);
        assert_eq!(process["parent_process"]["parent_process"]["name"], "init");
        assert_eq!(process["parent_process"]["parent_process"]["parent_process"], Value::Null);
    }

    #[test]
    fn an_unset_clock_lends_ours() {
        let mut verdict = killed();
        verdict.head.wall_ms = 0;
        let value = of(&verdict);
        assert_eq!(value["time"], 1_780_000_000_009_u64);
        assert_eq!(value["unmapped"]["wall_ms"], 0);
    }

    #[test]
    fn what_is_newer_than_this_program_still_has_a_shape() {
        let mut verdict = killed();
        verdict.head.detector = DetectorId(99);
        verdict.head.technique = Technique::new(1059, 4);
        verdict.head.severity = Severity(9);
        verdict.head.disposition = Disposition(9);
        verdict.evidence = Evidence::Unknown { length: 12 };
        let value = of(&verdict);
        assert_eq!((&value["severity_id"], &value["action_id"]), (&json!(99), &json!(0)));
        assert_eq!(value["finding_info"]["analytic"]["name"], "unknown-99");
        assert_eq!(value["finding_info"]["attacks"][0]["sub_technique"]["uid"], "T1059.004");
        assert_eq!(
            value["finding_info"]["attacks"][0]["technique"]["name"],
            "Command and Scripting Interpreter"
        );
        assert_eq!(value["finding_info"].get("related_events"), None);
        assert_eq!(value["evidences"][0]["data"]["unknown_bytes"], 12);
    }
}
