//! `shell_on_socket`: an interpreter that talks to a socket. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/shell_on_socket.rs`).

use edge_abi::{ActRecord, Detector, reason};
use edge_wire::{Act, Bytes, Reason, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;
use crate::enrich::look::{Peer, inode, reads_program};

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::ShellOnSocket,
    keys: keys!("shell_on_socket"),
    actions: &[Action::Kill],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: ALLOW,
    watch: &[],
    weigh,
    resolve: Some(resolve),
    look: None,
};

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::with_children("/usr/sbin/inetd"),
    Pass::with_children("/usr/sbin/xinetd"),
    Pass::with_children("/usr/bin/tcpsvd"),
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::RELAY => (Technique::new(1059, 4), Severity::HIGH),
        _ => (Technique::new(1059, 4), Severity::CRITICAL),
    }
}

/// Of the record's value: input and output are one descriptor.
const ONE: u64 = 8;

/// Notes the other end of a connection.
fn connect(act: &mut Act, peer: &Peer) {
    if peer.port == 0 {
        return;
    }
    (act.protocol, act.port) = (peer.protocol, peer.port);
    act.address = Bytes::cut(peer.address.get(..usize::from(peer.length)).unwrap_or_default());
}

/// Looks what the standard descriptors are.
fn resolve(act: &mut Act, record: &ActRecord, processes: &dyn Processes, _: &Config) -> Resolved {
    let tgid = record.header.tgid;
    let mut found = 0;
    let links = [0, 1, 2].map(|number| processes.descriptor(tgid, number));
    if links.iter().all(Option::is_none) {
        // Two pipes to a short-lived helper are everyday life; one descriptor for both seldom is.
        act.value = 0;
        return if record.value & ONE != 0 { Resolved::Unknown } else { Resolved::Harmless };
    }
    for (number, link) in links.iter().enumerate() {
        let inode = link.as_deref().and_then(|link| inode(link, "socket"));
        if let Some(peer) = inode.and_then(|inode| processes.socket(tgid, inode)) {
            found |= 1 << number;
            connect(act, &peer);
        }
    }
    act.value = found;
    if found & 0b11 != 0 {
        return Resolved::Certain;
    }
    let [input, output, _] = links.map(Option::unwrap_or_default);
    relay(act, [&input, &output], tgid, processes)
}

/// Looks whether an interpreter takes its program from its parent, which is connected to the network.
fn relay(act: &mut Act, ends: [&[u8]; 2], tgid: u32, processes: &dyn Processes) -> Resolved {
    let [input, _] = ends;
    let other_end = |end: &[u8], link: &[u8]| match (inode(end, "pipe"), inode(end, "socket")) {
        (Some(pipe), _) => inode(link, "pipe") == Some(pipe),
        // The two ends of a pair of sockets are made one after the other.
        (_, Some(end)) => inode(link, "socket").is_some_and(|other| other.abs_diff(end) == 1),
        _ => false,
    };
    // That of the input may be closed already, when everything has been said.
    let holds = |link: &[u8]| ends.iter().any(|end| other_end(end, link));
    if inode(input, "pipe").or_else(|| inode(input, "socket")).is_none()
        || !processes.cmdline(tgid).is_some_and(|words| reads_program(&words))
    {
        return Resolved::Harmless;
    }
    let Some(parent) = processes.stat(tgid).map(|stat| stat.parent) else { return Resolved::Harmless };
    let links = processes.descriptors(parent);
    if !links.iter().any(|link| holds(link)) {
        return Resolved::Harmless;
    }
    let sockets = links.iter().filter_map(|link| inode(link, "socket"));
    let connected = sockets.filter_map(|inode| processes.socket(parent, inode)).find(|peer| peer.port != 0);
    let Some(peer) = connected else { return Resolved::Harmless };
    connect(act, &peer);
    act.reason = Reason(reason::RELAY);
    (act.value, act.target, act.target_comm) = (1, parent, processes.comm(parent));
    Resolved::Certain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::detectors::staged::{Stage, judged};

    fn found(stage: &Stage, value: u64) -> Option<(Severity, Act)> {
        judged(&SPEC, reason::SOCKET_STDIO, "/bin/sh", value, stage)
    }

    fn on(stage: Stage, links: [&str; 3]) -> Stage {
        links.into_iter().zip(0..).fold(stage, |stage, (link, number)| stage.descriptor(7, number, link))
    }

    #[test]
    fn a_shell_on_a_connection_is_told_with_its_other_end() {
        let stage = on(Stage::default().socket(5, 4444), ["socket:[5]", "socket:[5]", "socket:[5]"]);
        let (severity, act) = found(&stage, ONE).unwrap();
        assert_eq!((severity, act.value, act.port), (Severity::CRITICAL, 7, 4444));
        assert_eq!(act.address.as_slice(), [192, 0, 2, 1]);
    }

    #[test]
    fn terminals_pipes_and_local_sockets_are_quiet() {
        for links in [
            ["/dev/pts/0", "/dev/pts/0", "/dev/pts/0"],
            ["pipe:[1]", "pipe:[2]", "/dev/null"],
            ["socket:[6]", "socket:[6]", "socket:[6]"],
            ["/dev/null", "/dev/null", "socket:[5]"],
        ] {
            assert_eq!(found(&on(Stage::default().socket(5, 4444), links), ONE), None, "{links:?}");
        }
    }

    #[test]
    fn a_shell_that_is_gone_is_unknown_if_no_pipe_can_have_been_there() {
        assert_eq!(found(&Stage::default(), 0), None);
        assert_eq!(found(&Stage::default(), ONE).map(|told| told.0), Some(Severity::LOW));
    }

    /// A shell whose parent holds the other end of its input, and a socket.
    fn relayed(input: &str, parents: &str, port: u16, words: &str) -> Stage {
        let stage = Stage::default().socket(5, port).child(7, 3, 0).cmdline(7, words);
        on(stage, [input, "pipe:[12]", "pipe:[12]"]).holds(3, &[parents, "socket:[5]"])
    }

    #[test]
    fn a_relay_is_a_parent_with_both() {
        let told = |stage: &Stage| found(stage, 0).map(|(_, act)| (act.reason.0, act.target, act.port));
        let expected = Some((reason::RELAY, 3, 4444));
        assert_eq!(told(&relayed("pipe:[11]", "pipe:[11]", 4444, "sh\0")), expected);
        assert_eq!(told(&relayed("socket:[31]", "socket:[30]", 4444, "sh\0")), expected);
        assert_eq!(told(&relayed("pipe:[11]", "pipe:[11]", 4444, "sh\0-c\0ls\0")), None, "a helper");
        assert_eq!(told(&relayed("pipe:[11]", "pipe:[19]", 4444, "sh\0")), None, "somebody else's pipe");
        assert_eq!(told(&relayed("pipe:[11]", "pipe:[11]", 0, "sh\0")), None, "nobody is connected");
    }
}
