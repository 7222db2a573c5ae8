//! What happened, in plain words. Everything an attacker chose passes through the escaping `Display` of `Bytes`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_wire::{
    Action, Bytes, Disposition, Evidence, FileTamper, Head, LateralScan, Reason, Subject, Verdict,
    VolatileExec,
};

use super::act;

/// One phrase of a verdict's evidence.
pub(crate) fn phrase(verdict: &Verdict) -> String {
    match &verdict.evidence {
        Evidence::Act(facts) => act::phrase(verdict.head.detector, facts),
        Evidence::FileTamper(facts) => file_tamper(facts),
        Evidence::LateralScan(facts) => lateral_scan(facts),
        Evidence::VolatileExec(facts) => volatile_exec(facts, &verdict.head.subject),
        Evidence::Unknown { length } => format!("{length} bytes of evidence of a newer detector"),
    }
}

/// Files harmed.
fn file_tamper(facts: &FileTamper) -> String {
    let what = match facts.reason {
        Reason::ENCRYPTED_CONTENT => "encrypted",
        Reason::NEW_ENDING => "renamed to a new ending",
        Reason::OVERWRITTEN => "overwritten",
        Reason::MASS_DELETE => "deleted",
        Reason::SPREAD_WORK => "harmed by many processes of one origin",
        Reason::SLOW => "harmed slowly, the last ones",
        _ => "harmed",
    };
    let count = if facts.reason == Reason::MASS_DELETE { facts.unlinks } else { facts.files };
    let last = if facts.path.is_empty() { String::new() } else { format!(", last {}", facts.path) };
    let whose = if facts.flags & FileTamper::ORIGIN == 0 { "" } else { " by its whole origin" };
    format!("{} {what}{whose} in {}{last}", counted(count, "file"), span(u64::from(facts.elapsed_ms)))
}

/// Hosts or logins tried.
fn lateral_scan(facts: &LateralScan) -> String {
    let time = span(u64::from(facts.elapsed_ms));
    let (hosts, tries) = (counted(facts.hosts, "host"), tries(facts.tries));
    let address =
        address(&facts.address).map_or_else(|| facts.address.to_string(), |address| address.to_string());
    let endpoint = endpoint(facts);
    match facts.reason {
        Reason::FAN_OUT => format!("{hosts} on several login ports in {time}, last {endpoint}"),
        Reason::LATERAL => format!("{hosts} on port {} in {time}, last {address}", facts.port),
        _ => format!("{tries} at {hosts} in {time}, last {endpoint}"),
    }
}

/// What was executed, and what became of it.
fn volatile_exec(facts: &VolatileExec, subject: &Subject) -> String {
    let cut = if facts.flags & VolatileExec::CUT == 0 { "" } else { "…" };
    let mut said = format!("ran {}{cut}", program(facts, subject));
    let unresolved =
        facts.flags & (VolatileExec::RELATIVE | VolatileExec::RESOLVED) == VolatileExec::RELATIVE;
    if unresolved && !facts.cwd.is_empty() {
        said = said + " in " + &facts.cwd.to_string();
    }
    said.push_str(match facts.reason {
        Reason::DROPPED_AND_RUN => ", which a relative had written",
        Reason::SELF_UNLINK => ", which deleted its own file",
        _ => "",
    });
    said
}

/// Path of what was executed: the subject's own where the sender left it out, as `SCHEMA.md` says.
pub(crate) fn program<'a>(facts: &'a VolatileExec, subject: &'a Subject) -> &'a Bytes<96> {
    if facts.path.is_empty() { &subject.exe } else { &facts.path }
}

/// An address; `None` if its length is neither 4 nor 16.
pub(crate) fn address(octets: &Bytes<16>) -> Option<IpAddr> {
    let bytes = octets.as_slice();
    let four = <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).map(IpAddr::V4);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from).map(IpAddr::V6)).ok()
}

/// Address and port of the last try.
fn endpoint(facts: &LateralScan) -> String {
    match address(&facts.address) {
        Some(address) => SocketAddr::new(address, facts.port).to_string(),
        None => format!("port {}", facts.port),
    }
}

/// `1 file`, `30 files`.
pub(crate) fn counted(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// `1 try`, `40 tries`.
fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

/// A duration as people say it.
pub(crate) fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{seconds}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Who did it: `python3[21877]`.
pub(crate) fn subject(subject: &Subject) -> String {
    format!("{}[{}]", subject.comm, subject.tgid)
}

/// What was done about it. Loud if something was.
pub(crate) fn disposition(head: &Head) -> String {
    match (head.disposition, head.action) {
        (Disposition::KILLED, _) => "KILLED".to_owned(),
        (Disposition::DENIED, _) => "DENIED".to_owned(),
        (Disposition::FAILED, Action::KILL) => "KILL FAILED".to_owned(),
        (Disposition::FAILED, Action::DENY) => "DENY FAILED".to_owned(),
        (Disposition::FAILED, action) => format!("{action} FAILED"),
        (other, _) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phrase of an evidence, by a subject that runs `/tmp/exe`.
    fn phrase(evidence: &Evidence) -> String {
        let subject = Subject { exe: Bytes::cut(b"/tmp/exe"), ..Subject::default() };
        super::phrase(&Verdict { head: Head { subject, ..Head::default() }, evidence: evidence.clone() })
    }

    fn scan(reason: Reason, address: &[u8]) -> Evidence {
        Evidence::LateralScan(LateralScan {
            reason,
            port: 23,
            address: Bytes::cut(address),
            hosts: 14,
            tries: 40,
            elapsed_ms: 2140,
            ..LateralScan::default()
        })
    }

    #[test]
    fn file_tampering_says_how_many_how_fast_and_which_last() {
        let mut facts = FileTamper {
            reason: Reason::ENCRYPTED_CONTENT,
            files: 30,
            elapsed_ms: 412,
            path: Bytes::cut(b"/data/x.locked"),
            ..FileTamper::default()
        };
        let say = |facts: &FileTamper| phrase(&Evidence::FileTamper(facts.clone()));
        assert_eq!(say(&facts), "30 files encrypted in 412 ms, last /data/x.locked");
        facts.path = Bytes::new();
        (facts.reason, facts.unlinks) = (Reason::MASS_DELETE, 1);
        assert_eq!(say(&facts), "1 file deleted in 412 ms");
        facts.reason = Reason::SPREAD_WORK;
        assert_eq!(say(&facts), "30 files harmed by many processes of one origin in 412 ms");
        facts.reason = Reason(77);
        assert_eq!(say(&facts), "30 files harmed in 412 ms");
        facts.flags = FileTamper::ORIGIN;
        assert_eq!(say(&facts), "30 files harmed by its whole origin in 412 ms");
    }

    #[test]
    fn scans_say_where_to() {
        let four = [10, 0, 0, 9];
        assert_eq!(phrase(&scan(Reason::LATERAL, &four)), "14 hosts on port 23 in 2.1 s, last 10.0.0.9");
        let fan_out = phrase(&scan(Reason::FAN_OUT, &Ipv6Addr::LOCALHOST.octets()));
        assert_eq!(fan_out, "14 hosts on several login ports in 2.1 s, last [::1]:23");
        assert_eq!(phrase(&scan(Reason::GUESSING, &four)), "40 tries at 14 hosts in 2.1 s, last 10.0.0.9:23");
        assert_eq!(phrase(&scan(Reason::GUESSING, b"\x1b[2")), "40 tries at 14 hosts in 2.1 s, last port 23");
    }

    #[test]
    fn executions_say_what_and_from_where() {
        let mut facts = VolatileExec {
            path: Bytes::cut(b"./x"),
            cwd: Bytes::cut(b"/tmp"),
            flags: 1,
            reason: Reason::SOLE,
        };
        let say = |facts: &VolatileExec| phrase(&Evidence::VolatileExec(facts.clone()));
        assert_eq!(say(&facts), "ran ./x in /tmp");
        facts.flags = VolatileExec::RELATIVE | VolatileExec::RESOLVED | VolatileExec::CUT;
        facts.path = Bytes::cut(b"/tmp/x");
        assert_eq!(say(&facts), "ran /tmp/x…");
        facts = VolatileExec { reason: Reason::SELF_UNLINK, ..VolatileExec::default() };
        assert_eq!(say(&facts), "ran /tmp/exe, which deleted its own file");
    }

    #[test]
    fn spans_are_rounded_down_to_what_people_say() {
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(59_999), "59.9 s");
        assert_eq!(span(61_000), "1 min 1 s");
        assert_eq!(span(7_260_000), "2 h 1 min");
    }

    #[test]
    fn failure_says_what_failed() {
        let head = Head { action: Action::KILL, disposition: Disposition::FAILED, ..Head::default() };
        assert_eq!(disposition(&head), "KILL FAILED");
    }
}
