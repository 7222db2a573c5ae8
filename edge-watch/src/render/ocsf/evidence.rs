//! The facts of a verdict: OCSF's objects where it has some, all counts under `data` by their names in the wire schema.

use std::net::IpAddr;

use edge_wire::{
    Act, Bytes, DetectorId, Evidence, FileTamper, LateralScan, Reason, Subject, Verdict, VolatileExec,
};
use serde_json::{Value, json};

use super::without_nulls;
use crate::render::words;

/// The evidence of a verdict.
pub(super) fn evidence(verdict: &Verdict) -> Value {
    match &verdict.evidence {
        Evidence::Act(facts) => act(verdict.head.detector, facts),
        Evidence::FileTamper(facts) => file_tamper(facts),
        Evidence::LateralScan(facts) => lateral_scan(facts),
        Evidence::Unknown { length } => json!({"data": {"unknown_bytes": length}}),
        Evidence::VolatileExec(facts) => volatile_exec(facts, &verdict.head.subject),
    }
}

/// From the first counted operation to the decision, in milliseconds.
pub(super) fn elapsed_ms(evidence: &Evidence) -> u64 {
    match evidence {
        Evidence::Act(facts) => u64::from(facts.elapsed_ms),
        Evidence::FileTamper(facts) => u64::from(facts.elapsed_ms),
        Evidence::LateralScan(facts) => u64::from(facts.elapsed_ms),
        Evidence::Unknown { .. } | Evidence::VolatileExec(_) => 0,
    }
}

/// A file by its path.
pub(super) fn file(path: &str) -> Value {
    file_of(path, 1, "Regular File")
}

/// A file of a type.
fn file_of(path: &str, type_id: u8, type_name: &str) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    json!({"name": name, "path": path, "type_id": type_id, "type": type_name})
}

fn file_tamper(facts: &FileTamper) -> Value {
    json!({
        "file": file(&facts.path.to_string()),
        "data": {
            "reason": facts.reason.to_string(), "files": facts.files, "renames": facts.renames,
            "unlinks": facts.unlinks, "overwrites": facts.overwrites, "samples_high": facts.samples_high,
            "samples_flat": facts.samples_flat, "samples": facts.samples, "window_ms": facts.window_ms,
            "elapsed_ms": facts.elapsed_ms,
        },
    })
}

fn lateral_scan(facts: &LateralScan) -> Value {
    let (direction_id, direction) = OUTBOUND;
    json!({
        "dst_endpoint": endpoint(&facts.address, facts.port),
        "connection_info": without_nulls(json!({
            "direction_id": direction_id, "direction": direction, "protocol_num": facts.protocol,
            "protocol_name": protocol(facts.protocol), "protocol_ver_id": facts.family,
        })),
        "data": {
            "reason": facts.reason.to_string(), "hosts": facts.hosts, "tries": facts.tries,
            "window_ms": facts.window_ms, "elapsed_ms": facts.elapsed_ms,
        },
    })
}

fn volatile_exec(facts: &VolatileExec, subject: &Subject) -> Value {
    json!({
        "file": file(&words::program(facts, subject).to_string()),
        "data": {"reason": facts.reason.to_string(), "flags": facts.flags, "cwd": facts.cwd.to_string()},
    })
}

/// An act: the object as a file if it is one, the other process, and the end of the connection that is not ours.
fn act(detector: DetectorId, facts: &Act) -> Value {
    let mut shown = json!({
        "data": {
            "reason": facts.reason.to_string(), "flags": facts.flags, "count": facts.count,
            "window_ms": facts.window_ms, "elapsed_ms": facts.elapsed_ms, "value": facts.value,
            "target": facts.target, "target_comm": facts.target_comm.to_string(),
            "object": facts.object.to_string(), "protocol": facts.protocol, "port": facts.port,
            "address": words::address(&facts.address).map(|address| address.to_string()),
        },
    });
    let Some(fields) = shown.as_object_mut() else { return shown };
    if facts.target != 0 {
        let process = json!({"pid": facts.target, "name": facts.target_comm.to_string()});
        fields.insert("process".to_owned(), process);
    }
    if let Some((type_id, type_name)) = file_type(detector, facts.reason)
        && !facts.object.is_empty()
    {
        fields.insert("file".to_owned(), file_of(&facts.object.to_string(), type_id, type_name));
    }
    if facts.port != 0 || !facts.address.is_empty() {
        let (direction_id, direction) = direction(detector, facts.reason);
        if detector == DetectorId::LOGIN_GUESSING {
            // The address is the other side's, the port is ours.
            fields.insert("src_endpoint".to_owned(), endpoint(&facts.address, 0));
            fields.insert("dst_endpoint".to_owned(), endpoint(&Bytes::new(), facts.port));
        } else {
            fields.insert("dst_endpoint".to_owned(), endpoint(&facts.address, facts.port));
        }
        let family = words::address(&facts.address).map(|address| if address.is_ipv4() { 4 } else { 6 });
        let info = without_nulls(json!({
            "direction_id": direction_id, "direction": direction, "protocol_num": facts.protocol,
            "protocol_name": protocol(facts.protocol), "protocol_ver_id": family,
        }));
        fields.insert("connection_info".to_owned(), info);
    }
    shown
}

/// OCSF's type of the file that the object of an act is; `None` where it is no file.
fn file_type(detector: DetectorId, reason: Reason) -> Option<(u8, &'static str)> {
    match (detector, reason) {
        (DetectorId::MASQUERADE | DetectorId::NET_TAMPER, _) | (_, Reason::BPF_PROGRAM) => None,
        (DetectorId::BUS_FLOOD, _)
        | (_, Reason::MEMORY_DEVICE | Reason::WATCHDOG | Reason::WATCHDOG_DISABLED) => {
            Some((3, "Character Device"))
        }
        (_, Reason::DISK) => Some((4, "Block Device")),
        (_, Reason::MOUNT | Reason::PIVOT_ROOT) => Some((2, "Folder")),
        // Flash has devices of either type.
        (_, Reason::FLASH) => Some((0, "Unknown")),
        _ => Some((1, "Regular File")),
    }
}

/// Id and caption of a direction.
type Direction = (u8, &'static str);
/// From this device.
const OUTBOUND: Direction = (2, "Outbound");

/// The direction of an act's connection.
fn direction(detector: DetectorId, reason: Reason) -> Direction {
    match (detector, reason) {
        (DetectorId::LOGIN_GUESSING, _) | (_, Reason::LISTENER) => (1, "Inbound"),
        // Of a shell on a socket nobody knows who called whom.
        (DetectorId::SHELL_ON_SOCKET, _) => (0, "Unknown"),
        _ => OUTBOUND,
    }
}

/// An address, if it is one, and a port, if there is one.
fn endpoint(address: &Bytes<16>, port: u16) -> Value {
    let ip = words::address(address).as_ref().map(IpAddr::to_string);
    without_nulls(json!({"ip": ip, "port": (port != 0).then_some(port)}))
}

/// Name of an IP protocol that detectors look at.
fn protocol(number: u8) -> Option<&'static str> {
    match number {
        1 => Some("icmp"),
        6 => Some("tcp"),
        17 => Some("udp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use edge_wire::Head;

    use super::*;

    fn of(detector: DetectorId, evidence: Evidence) -> Value {
        let subject = Subject { exe: Bytes::cut(b"/tmp/exe"), ..Subject::default() };
        super::evidence(&Verdict { head: Head { detector, subject, ..Head::default() }, evidence })
    }

    #[test]
    fn a_scan_names_its_destination() {
        let mut scan = LateralScan {
            family: 4,
            protocol: 6,
            port: 23,
            address: Bytes::cut(&[10, 0, 0, 9]),
            hosts: 14,
            ..LateralScan::default()
        };
        let shown = of(DetectorId::LATERAL_SCAN, Evidence::LateralScan(scan.clone()));
        assert_eq!(shown["dst_endpoint"], json!({"ip": "10.0.0.9", "port": 23}));
        assert_eq!(shown["connection_info"]["protocol_name"], "tcp");
        assert_eq!(shown["data"]["hosts"], 14);
        scan.address = Bytes::new();
        let shown = of(DetectorId::LATERAL_SCAN, Evidence::LateralScan(scan));
        assert_eq!(shown["dst_endpoint"], json!({"port": 23}));
    }

    #[test]
    fn an_execution_whose_path_was_left_out_names_the_subject_s() {
        let facts = VolatileExec { reason: Reason::DROPPED_AND_RUN, ..VolatileExec::default() };
        let shown = of(DetectorId::VOLATILE_EXEC, Evidence::VolatileExec(facts));
        assert_eq!(shown["file"]["path"], "/tmp/exe");
        assert_eq!(shown["data"]["reason"], "dropped_and_run");
    }

    #[test]
    fn an_act_has_the_objects_it_touched_and_no_others() {
        let facts = Act {
            reason: Reason::WATCHDOG,
            count: 1,
            value: 0x00a0_0082,
            object: Bytes::cut(b"/dev/watchdog\n"),
            ..Act::default()
        };
        let shown = of(DetectorId::DEVICE_TAMPER, Evidence::Act(facts));
        assert_eq!(shown["file"]["path"], "/dev/watchdog\\x0a");
        assert_eq!(shown["file"]["type_id"], 3);
        assert_eq!(shown["data"]["value"], 0x00a0_0082);
        let others = ["process", "dst_endpoint", "src_endpoint", "connection_info"];
        assert!(others.iter().all(|other| shown.get(other).is_none()), "{shown}");

        let facts = Act { target: 612, target_comm: Bytes::cut(b"lighttpd"), ..Act::default() };
        let shown = of(DetectorId::PROCESS_INJECTION, Evidence::Act(facts));
        assert_eq!(shown["process"], json!({"pid": 612, "name": "lighttpd"}));
        assert_eq!(shown.get("file"), None);
    }

    #[test]
    fn guessed_logins_come_from_the_source_to_our_port() {
        let facts = Act {
            reason: Reason::GUESSING,
            count: 30,
            protocol: 6,
            port: 22,
            address: Bytes::cut(&[10, 0, 0, 9]),
            ..Act::default()
        };
        let shown = of(DetectorId::LOGIN_GUESSING, Evidence::Act(facts));
        assert_eq!(shown["src_endpoint"], json!({"ip": "10.0.0.9"}));
        assert_eq!(shown["dst_endpoint"], json!({"port": 22}));
        assert_eq!(shown["connection_info"]["direction"], "Inbound");
        assert_eq!(shown["connection_info"]["protocol_ver_id"], 4);
    }
}
