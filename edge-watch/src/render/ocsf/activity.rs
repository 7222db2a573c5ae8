//! The OCSF class and activity of the act behind a verdict, so that a finding stands beside the events of other sources.
//!
//! Numbers and captions are those of the classes of OCSF 1.8.0 in the categories System Activity and Network Activity.

use edge_wire::{DetectorId, Evidence, Reason, Verdict};
use serde_json::{Value, json};

/// A class and one of its activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Activity {
    /// `class_uid` and the class's caption.
    class: (u32, &'static str),
    /// `activity_id` within the class and its caption.
    does: (u32, &'static str),
}

/// File System Activity with one of its activities.
const fn file(id: u32, caption: &'static str) -> Activity {
    Activity { class: (1001, "File System Activity"), does: (id, caption) }
}

/// Kernel Activity with one of its activities.
const fn kernel(id: u32, caption: &'static str) -> Activity {
    Activity { class: (1003, "Kernel Activity"), does: (id, caption) }
}

/// Process Activity with one of its activities.
const fn process(id: u32, caption: &'static str) -> Activity {
    Activity { class: (1007, "Process Activity"), does: (id, caption) }
}

/// Network Activity with one of its activities.
const fn network(id: u32, caption: &'static str) -> Activity {
    Activity { class: (4001, "Network Activity"), does: (id, caption) }
}

/// A file written.
const UPDATE: Activity = file(3, "Update");
/// A program started.
const LAUNCH: Activity = process(1, "Launch");
/// A connection made or taken.
const OPEN: Activity = network(1, "Open");
/// Something other than a file made in the kernel: a socket, a ring, a namespace, a rule.
const KERNEL_CREATE: Activity = kernel(1, "Create");
/// Something other than a file removed from the kernel.
const KERNEL_DELETE: Activity = kernel(3, "Delete");
/// Code brought into the kernel.
const EXTENSION: Activity = Activity { class: (1002, "Kernel Extension Activity"), does: (1, "Load") };
/// Another process's memory written.
const MEMORY_WRITE: Activity = Activity { class: (1004, "Memory Activity"), does: (8, "Write") };
/// A timer table written.
const SCHEDULE: Activity = Activity { class: (1006, "Scheduled Job Activity"), does: (2, "Update") };
/// A log emptied, deleted or replaced.
const LOG_CLEAR: Activity = Activity { class: (1008, "Event Log Activity"), does: (1, "Clear") };

/// The act behind a verdict as a related event; `None` where OCSF has no class that fits, or the detector is newer than this
/// program. The act has no record of its own, so its id is the verdict's.
pub(super) fn related(verdict: &Verdict, uid: &str) -> Option<Value> {
    let Activity { class: (class_uid, class), does: (activity_id, does) } = activity(verdict)?;
    Some(json!({"uid": uid, "type_uid": class_uid * 100 + activity_id, "type": format!("{class}: {does}")}))
}

/// Class and activity of what was judged.
fn activity(verdict: &Verdict) -> Option<Activity> {
    match &verdict.evidence {
        Evidence::Act(facts) => {
            by_reason(facts.reason).or_else(|| by_detector(verdict.head.detector, facts.reason))
        }
        Evidence::FileTamper(facts) => Some(match facts.reason {
            Reason::ENCRYPTED_CONTENT => file(10, "Encrypt"),
            Reason::NEW_ENDING => file(5, "Rename"),
            Reason::MASS_DELETE => file(4, "Delete"),
            _ => UPDATE,
        }),
        Evidence::LateralScan(_) => Some(OPEN),
        Evidence::Unknown { .. } => None,
        Evidence::VolatileExec(facts) if facts.reason == Reason::SELF_UNLINK => Some(file(4, "Delete")),
        Evidence::VolatileExec(_) => Some(LAUNCH),
    }
}

/// Where the reason alone tells.
fn by_reason(reason: Reason) -> Option<Activity> {
    Some(match reason {
        Reason::MEMFD
        | Reason::DELETED_FILE
        | Reason::DESCRIPTOR
        | Reason::DROPPED_AND_RUN
        | Reason::SOCKET_STDIO
        | Reason::RELAY
        | Reason::REPEATED
        | Reason::PIPED => LAUNCH,
        Reason::SELF_UNLINK => file(4, "Delete"),
        Reason::RAW
        | Reason::PACKET
        | Reason::SOCKET_FILTER
        | Reason::UNSHARE
        | Reason::RULES_REPLACED
        | Reason::DROPS_ALL
        | Reason::REDIRECTS => KERNEL_CREATE,
        Reason::RULES_REMOVED | Reason::ROUTE_REMOVED => KERNEL_DELETE,
        Reason::WATCHDOG_DISABLED | Reason::KEXEC | Reason::SETNS => kernel(4, "Invoke"),
        Reason::MODULE | Reason::BPF_PROGRAM => EXTENSION,
        Reason::FLASH | Reason::DISK | Reason::MEMORY_DEVICE | Reason::WATCHDOG => file(14, "Open"),
        Reason::INIT_SCRIPT
        | Reason::AUTHORIZED_KEYS
        | Reason::PROFILE
        | Reason::PRELOAD
        | Reason::EVENT_HOOK
        | Reason::ACCOUNT
        | Reason::OWN_FILE
        | Reason::HOST_HOOK => UPDATE,
        Reason::CRON => SCHEDULE,
        Reason::PASSWORD_FILE | Reason::PRIVATE_KEY | Reason::TOKEN | Reason::OWN_SECRET => file(2, "Read"),
        Reason::SETUID_FILE => file(7, "Set Security"),
        Reason::HIDDEN_PROC | Reason::MOUNT | Reason::PIVOT_ROOT => file(12, "Mount"),
        Reason::LOG_CLEARED => LOG_CLEAR,
        Reason::PTRACE => process(4, "Inject"),
        Reason::REMOTE_WRITE | Reason::PROC_MEM => MEMORY_WRITE,
        Reason::ROOT_GAINED => process(5, "Set User ID"),
        Reason::GUARD_SIGNALLED => process(2, "Terminate"),
        Reason::GUESSING | Reason::DESTINATION | Reason::BEACON => OPEN,
        Reason::LISTENER => network(7, "Listen"),
        Reason::PACKETS | Reason::BYTES => network(6, "Traffic"),
        // Names and capabilities are no activity of any class.
        _ => return None,
    })
}

/// Where a detector has one reason only.
fn by_detector(detector: DetectorId, reason: Reason) -> Option<Activity> {
    if reason != Reason::SOLE {
        return None;
    }
    Some(match detector {
        DetectorId::FOREIGN_EXEC => LAUNCH,
        DetectorId::SYSCTL_TAMPER | DetectorId::BUS_FLOOD => UPDATE,
        DetectorId::MASS_KILL => process(2, "Terminate"),
        DetectorId::URING_USE => KERNEL_CREATE,
        // Use of the processor is no activity of any class.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use edge_wire::{Act, Head, VolatileExec};

    use super::*;

    fn of(detector: DetectorId, reason: Reason) -> Option<Value> {
        let evidence = Evidence::Act(Act { reason, ..Act::default() });
        related(&Verdict { head: Head { detector, ..Head::default() }, evidence }, "gw/7")
    }

    #[test]
    fn an_act_has_the_class_that_other_sources_file_it_under() {
        for (detector, reason, type_uid, name) in [
            (DetectorId::KERNEL_CODE, Reason::MODULE, 100_201, "Kernel Extension Activity: Load"),
            (DetectorId::PROCESS_INJECTION, Reason::PTRACE, 100_704, "Process Activity: Inject"),
            (DetectorId::PROCESS_INJECTION, Reason::PROC_MEM, 100_408, "Memory Activity: Write"),
            (DetectorId::CREDENTIAL_ACCESS, Reason::TOKEN, 100_102, "File System Activity: Read"),
            (DetectorId::NEW_EGRESS, Reason::LISTENER, 400_107, "Network Activity: Listen"),
            (DetectorId::MASS_KILL, Reason::SOLE, 100_702, "Process Activity: Terminate"),
            (DetectorId::PERSISTENCE, Reason::CRON, 100_602, "Scheduled Job Activity: Update"),
            (DetectorId::IMPAIR_DEFENSES, Reason::LOG_CLEARED, 100_801, "Event Log Activity: Clear"),
        ] {
            let expected = json!({"uid": "gw/7", "type_uid": type_uid, "type": name});
            assert_eq!(of(detector, reason), Some(expected), "{detector} {reason}");
        }
        let deleted = VolatileExec { reason: Reason::SELF_UNLINK, ..VolatileExec::default() };
        let verdict = Verdict { head: Head::default(), evidence: Evidence::VolatileExec(deleted) };
        assert_eq!(related(&verdict, "x").map(|event| event["type_uid"].clone()), Some(json!(100_104)));
    }

    #[test]
    fn what_has_no_class_has_none() {
        assert_eq!(of(DetectorId::RESOURCE_HIJACK, Reason::SOLE), None);
        assert_eq!(of(DetectorId::MASQUERADE, Reason::KERNEL_NAME), None);
        assert_eq!(of(DetectorId::BUS_FLOOD, Reason(222)), None, "a newer reason is not guessed at");
        let none =
            [Reason::CAPABILITY_GAINED, Reason::KERNEL_NAME, Reason::DECEPTIVE_NAME, Reason::FOREIGN_NAME];
        for &reason in
            Reason::ALL.iter().filter(|&reason| (Reason::MEMFD..Reason::SPREAD_WORK).contains(reason))
        {
            assert_eq!(by_reason(reason).is_none(), none.contains(&reason), "{reason}");
        }
    }
}
