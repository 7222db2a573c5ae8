//! What a process did, in plain words: a phrase for every reason of the common evidence, and one for those of newer agents.

use std::net::SocketAddr;

use edge_wire::{Act, DetectorId, Reason};

use super::words::{address, counted, span};

/// The phrase of an act, with what it was counted over and whether it is certain.
pub(crate) fn phrase(detector: DetectorId, act: &Act) -> String {
    let said = counts(detector, act).or_else(|| single(detector, act).map(|said| said + &repeated(act)));
    let mut said = said.unwrap_or_else(|| generic(act));
    if act.flags & Act::VOLATILE != 0 {
        said.push_str(", from volatile storage");
    }
    if act.flags & Act::UNSIGNED != 0 {
        said.push_str(", unsigned");
    }
    if act.flags & Act::ORIGIN != 0 {
        said.push_str(", together with others of its origin");
    }
    if act.flags & Act::UNVERIFIED != 0 {
        said.push_str(", not verified: it was gone");
    }
    said
}

/// Rules that count: how many, and in which time.
fn counts(detector: DetectorId, act: &Act) -> Option<String> {
    let time = span(u64::from(act.elapsed_ms));
    let (endpoint, object) = (endpoint(act), object(act, "a device"));
    let last = |last: Option<String>| last.map_or_else(String::new, |last| format!(", last {last}"));
    Some(match (act.reason, detector) {
        (Reason::GUESSING, _) => {
            let source =
                address(&act.address).map_or_else(|| "one source".to_owned(), |from| from.to_string());
            format!("{} from {source} to port {} in {time}", counted(act.count, "connection"), act.port)
        }
        (Reason::REPEATED, _) => {
            format!("{} started in {time}{}", counted(act.count, "download"), last(named(act)))
        }
        (Reason::BEACON, _) => {
            let to = endpoint.map_or_else(String::new, |endpoint| format!(" to {endpoint}"));
            format!("{}{to}, one every {}", counted(act.count, "connection"), span(act.value))
        }
        (Reason::PACKETS, _) => format!("{} packets a second out{}", act.value, last(endpoint)),
        (Reason::BYTES, _) => format!("{} bytes a second out{}", act.value, last(endpoint)),
        (Reason::SOLE, DetectorId::MASS_KILL) => {
            let ended =
                if act.count == 1 { "1 process".to_owned() } else { format!("{} processes", act.count) };
            format!("sent {ended} signals that end them in {time}{}", last(target(act)))
        }
        (Reason::SOLE, DetectorId::BUS_FLOOD) => {
            format!("{} to {object} in {time}", counted(act.count, "write"))
        }
        (Reason::SOLE, DetectorId::RESOURCE_HIJACK) => {
            let window = span(u64::from(act.window_ms));
            format!("used the processor for {} of {window}", span(act.value))
        }
        _ => return None,
    })
}

/// Rules that a single act decides.
fn single(detector: DetectorId, act: &Act) -> Option<String> {
    sole(detector, act)
        .or_else(|| execution(act))
        .or_else(|| device(act))
        .or_else(|| file(act))
        .or_else(|| process(act))
        .or_else(|| network(act))
}

/// Detectors whose only reason goes without saying.
fn sole(detector: DetectorId, act: &Act) -> Option<String> {
    Some(match (act.reason, detector) {
        (Reason::SOLE, DetectorId::FOREIGN_EXEC) => {
            format!("ran {}, which is not part of the image", object(act, "a program"))
        }
        (Reason::SOLE, DetectorId::SYSCTL_TAMPER) => {
            format!("changed kernel setting {}", object(act, "of unknown name"))
        }
        (Reason::SOLE, DetectorId::URING_USE) => format!("set up io_uring with {} entries", act.value),
        _ => return None,
    })
}

/// Programs that were run, and what they are connected to.
fn execution(act: &Act) -> Option<String> {
    let program = object(act, "a program");
    let to = endpoint(act).map_or_else(String::new, |endpoint| format!(" to {endpoint}"));
    Some(match act.reason {
        Reason::MEMFD => format!("ran {program}, which exists in memory only"),
        Reason::DELETED_FILE => format!("ran {program}, which was deleted before"),
        Reason::DESCRIPTOR => format!("ran {program} by a descriptor, not by a path"),
        Reason::DROPPED_AND_RUN => format!("ran {program}, which a relative had written"),
        Reason::SELF_UNLINK => format!("deleted {program}, which it runs from"),
        Reason::SOCKET_STDIO => format!("an interpreter whose input or output is a connection{to}"),
        Reason::RELAY => {
            format!("an interpreter piped to {}, which holds a connection{to}", other(act))
        }
        Reason::PIPED => {
            format!("a download piped into {}", target(act).as_deref().unwrap_or("an interpreter"))
        }
        Reason::KERNEL_NAME => format!("calls itself {}, like a kernel thread", object(act, "something")),
        Reason::DECEPTIVE_NAME => format!("calls itself {}, made to be misread", object(act, "something")),
        Reason::FOREIGN_NAME => format!("calls itself {}, which it is not", object(act, "something")),
        Reason::HIDDEN_PROC => {
            format!("hid {} by a mount over {}", other(act), object(act, "its folder in /proc"))
        }
        _ => return None,
    })
}

/// Devices, kernel code and kernel settings.
fn device(act: &Act) -> Option<String> {
    let device = object(act, "a device");
    Some(match act.reason {
        Reason::FLASH => format!("opened flash {device} for writing, or erased it"),
        Reason::DISK => format!("opened disk {device} for writing"),
        Reason::MEMORY_DEVICE => format!("opened the machine's memory, {device}"),
        Reason::WATCHDOG => format!("opened the watchdog {device}, which another program feeds"),
        Reason::WATCHDOG_DISABLED => format!("told the watchdog {device} to stop"),
        Reason::MODULE => format!("loaded kernel module {}", object(act, "of unknown name")),
        Reason::BPF_PROGRAM => format!("loaded BPF program {}", object(act, "of unknown name")),
        Reason::KEXEC => format!("loaded another kernel, {}", object(act, "of unknown name")),
        Reason::HOST_HOOK => format!("wrote {}, which makes the kernel run a program", object(act, "a file")),
        Reason::UNSHARE => "left its namespaces".to_owned(),
        Reason::SETNS => format!("entered the namespaces of {}", other(act)),
        Reason::MOUNT => format!("mounted a file system on {}", object(act, "a folder")),
        Reason::PIVOT_ROOT => format!("made {} the root of its files", object(act, "a folder")),
        _ => return None,
    })
}

/// Files written or read.
fn file(act: &Act) -> Option<String> {
    let file = object(act, "a file");
    Some(match act.reason {
        Reason::INIT_SCRIPT => format!("wrote {file}, which is run at start-up"),
        Reason::CRON => format!("wrote timer table {file}"),
        Reason::AUTHORIZED_KEYS => format!("wrote {file}, the keys that may log in"),
        Reason::PROFILE => format!("wrote {file}, which shells or logins run"),
        Reason::PRELOAD => format!("wrote {file}, which every program loads"),
        Reason::EVENT_HOOK => format!("wrote {file}, which is run on events"),
        Reason::ACCOUNT => format!("wrote {file}, which holds accounts or their rights"),
        Reason::PASSWORD_FILE => format!("read password hashes from {file}"),
        Reason::PRIVATE_KEY => format!("read private key {file}"),
        Reason::TOKEN => format!("read token or password {file}"),
        Reason::OWN_SECRET => format!("read the agent's own {file}"),
        Reason::SETUID_FILE => format!("made {file} set-uid or set-gid"),
        Reason::LOG_CLEARED => format!("emptied, deleted or replaced log {file}"),
        Reason::OWN_FILE => format!("changed the agent's own {file}"),
        _ => return None,
    })
}

/// Other processes, and the process's own rights.
fn process(act: &Act) -> Option<String> {
    let other = other(act);
    Some(match act.reason {
        Reason::PTRACE => format!("attached to {other}"),
        Reason::REMOTE_WRITE => format!("wrote {} bytes into the memory of {other}", act.value),
        Reason::PROC_MEM => format!("opened the memory of {other} for writing"),
        Reason::ROOT_GAINED => {
            format!("became root from user {} without a set-uid program or login", act.value)
        }
        Reason::CAPABILITY_GAINED if !act.object.is_empty() => {
            format!("gave a file capabilities {:#x}", act.value)
        }
        Reason::CAPABILITY_GAINED => format!("gained capabilities {:#x} that nothing granted", act.value),
        Reason::GUARD_SIGNALLED => format!("sent signal {} to {other}, which guards the device", act.value),
        _ => return None,
    })
}

/// Sockets, connections and firewall rules.
fn network(act: &Act) -> Option<String> {
    let endpoint = endpoint(act).unwrap_or_else(|| "an unknown place".to_owned());
    Some(match act.reason {
        Reason::RAW => format!("opened a raw socket for IP protocol {}", act.value),
        Reason::PACKET => "opened a packet socket".to_owned(),
        Reason::SOCKET_FILTER => format!("attached a filter of {} instructions to a socket", act.value),
        Reason::DESTINATION => format!("spoke to {endpoint}, for the first time"),
        Reason::LISTENER => format!("listens on port {}, for the first time", act.port),
        Reason::RULES_REMOVED => format!("removed firewall rules of {}", object(act, "an unnamed table")),
        Reason::RULES_REPLACED => format!("replaced firewall rules of {}", object(act, "an unnamed table")),
        Reason::ROUTE_REMOVED => "removed the default route".to_owned(),
        Reason::DROPS_ALL => "made the firewall drop everything".to_owned(),
        Reason::REDIRECTS => "made the firewall lead packets elsewhere".to_owned(),
        _ => return None,
    })
}

/// Detectors with one reason, and what a newer agent sends: the reason and every fact there is.
fn generic(act: &Act) -> String {
    let mut said = act.reason.to_string();
    for (before, fact) in [(": ", named(act)), (", of ", target(act)), (", at ", endpoint(act))] {
        if let Some(fact) = fact {
            said.push_str(before);
            said.push_str(&fact);
        }
    }
    said + &repeated(act)
}

/// How often, where that is more than once.
fn repeated(act: &Act) -> String {
    match act.count {
        0 | 1 => String::new(),
        count => format!(", {count} times in {}", span(u64::from(act.elapsed_ms))),
    }
}

/// The object's name, if it has one; an ellipsis marks one that was cut.
fn named(act: &Act) -> Option<String> {
    let cut = if act.flags & Act::CUT == 0 { "" } else { "…" };
    (!act.object.is_empty()).then(|| format!("{}{cut}", act.object))
}

/// The object's name, or what it is.
fn object(act: &Act, otherwise: &str) -> String {
    named(act).unwrap_or_else(|| otherwise.to_owned())
}

/// The other process, `lighttpd[612]`, if there is one.
pub(crate) fn target(act: &Act) -> Option<String> {
    (act.target != 0 || !act.target_comm.is_empty()).then(|| format!("{}[{}]", act.target_comm, act.target))
}

/// The other process, or that there is one.
fn other(act: &Act) -> String {
    target(act).unwrap_or_else(|| "another process".to_owned())
}

/// Address and port, or what is known of them; `None` if nothing is.
pub(crate) fn endpoint(act: &Act) -> Option<String> {
    match (address(&act.address), act.port) {
        (Some(address), 0) => Some(address.to_string()),
        (Some(address), port) => Some(SocketAddr::new(address, port).to_string()),
        (None, 0) => None,
        (None, port) => Some(format!("port {port}")),
    }
}

#[cfg(test)]
mod tests {
    use edge_wire::Bytes;

    use super::*;

    fn act(reason: Reason) -> Act {
        Act { reason, count: 1, ..Act::default() }
    }

    #[test]
    fn every_reason_of_an_act_has_a_phrase_of_its_own() {
        let mut said = Vec::new();
        // These two are said by detectors that have an evidence of their own.
        let own = [Reason::SPREAD_WORK, Reason::SLOW];
        let reasons =
            Reason::ALL.iter().filter(|&reason| *reason >= Reason::GUESSING && !own.contains(reason));
        for &reason in reasons {
            said.push(phrase(DetectorId(200), &act(reason)));
            assert_ne!(said.last(), Some(&reason.to_string()));
        }
        for &detector in DetectorId::ALL.iter().filter(|detector| detector.has_act()) {
            let alone = phrase(detector, &act(Reason::SOLE));
            if alone != "sole" {
                said.push(alone);
            }
        }
        let count = said.len();
        said.sort();
        said.dedup();
        assert_eq!((said.len(), count), (60 + 6, 60 + 6));
    }

    #[test]
    fn facts_stand_where_a_reader_looks_for_them() {
        let full = |reason| Act {
            reason,
            count: 30,
            window_ms: 60_000,
            elapsed_ms: 41_210,
            value: 9,
            target: 431,
            target_comm: Bytes::cut(b"syslogd"),
            object: Bytes::cut(b"/dev/mtd3"),
            protocol: 6,
            port: 22,
            address: Bytes::cut(&[10, 0, 0, 9]),
            ..Act::default()
        };
        for (detector, reason, expected) in [
            (
                DetectorId::LOGIN_GUESSING,
                Reason::GUESSING,
                "30 connections from 10.0.0.9 to port 22 in 41.2 s",
            ),
            (DetectorId::FLOOD_OUT, Reason::PACKETS, "9 packets a second out, last 10.0.0.9:22"),
            (DetectorId::NEW_EGRESS, Reason::BEACON, "30 connections to 10.0.0.9:22, one every 9 ms"),
            (DetectorId::FETCH_LOOP, Reason::REPEATED, "30 downloads started in 41.2 s, last /dev/mtd3"),
            (
                DetectorId::MASS_KILL,
                Reason::SOLE,
                "sent 30 processes signals that end them in 41.2 s, last syslogd[431]",
            ),
            (DetectorId::RESOURCE_HIJACK, Reason::SOLE, "used the processor for 9 ms of 1 min 0 s"),
            (DetectorId::BUS_FLOOD, Reason::SOLE, "30 writes to /dev/mtd3 in 41.2 s"),
            (
                DetectorId::IMPAIR_DEFENSES,
                Reason::GUARD_SIGNALLED,
                "sent signal 9 to syslogd[431], which guards the device, 30 times in 41.2 s",
            ),
            (
                DetectorId(99),
                Reason(222),
                "unknown-222: /dev/mtd3, of syslogd[431], at 10.0.0.9:22, 30 times in 41.2 s",
            ),
        ] {
            assert_eq!(phrase(detector, &full(reason)), expected);
        }
    }

    #[test]
    fn what_is_missing_cut_shared_or_unsure_is_said() {
        let mut flash = act(Reason::FLASH);
        let say = |act: &Act| phrase(DetectorId::DEVICE_TAMPER, act);
        assert_eq!(say(&flash), "opened flash a device for writing, or erased it");
        (flash.object, flash.flags) = (Bytes::cut(b"/dev/\x1b[2J"), Act::CUT | Act::ORIGIN | Act::UNVERIFIED);
        assert_eq!(
            say(&flash),
            "opened flash /dev/\\x1b[2J… for writing, or erased it, together with others of its origin, not verified: it \
             was gone"
        );
        let shell = Act { port: 80, address: Bytes::cut(b"\x1b[2"), ..act(Reason::SOCKET_STDIO) };
        let said = phrase(DetectorId::SHELL_ON_SOCKET, &shell);
        assert_eq!(said, "an interpreter whose input or output is a connection to port 80");
    }
}
