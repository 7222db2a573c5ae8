use edge_abi::{Declared, EPHEMERAL_PORT, egress_kind, exe_hash, program_id};

use super::*;
use crate::detectors::login_guessing::Change;

const SECOND: u64 = 1_000_000_000;

fn ipv4(address: [u8; 4], port: u16) -> Endpoint {
    Endpoint { family: 4, protocol: TCP, port, address: [u32::from_ne_bytes(address), 0, 0, 0] }
}

fn ipv6(words: [u32; 4], port: u16) -> Endpoint {
    Endpoint { family: 6, protocol: TCP, port, address: words.map(u32::to_be) }
}

#[test]
fn a_network_is_known_and_its_neighbour_is_not() {
    let key = |endpoint: Endpoint| endpoint.key(7, false);
    assert_eq!(key(ipv4([10, 1, 2, 3], 443)), key(ipv4([10, 1, 2, 250], 443)));
    assert_ne!(key(ipv4([10, 1, 2, 3], 443)), key(ipv4([10, 1, 3, 3], 443)));
    assert_ne!(key(ipv4([10, 1, 2, 3], 443)), key(ipv4([10, 1, 2, 3], 8443)));
    assert_ne!(ipv4([10, 1, 2, 3], 443).key(7, false), ipv4([10, 1, 2, 3], 443).key(8, false));
    let (near, far) =
        (ipv6([0x2001_0db8, 0x1111_0001, 0, 1], 443), ipv6([0x2001_0db8, 0x1111_0002, 9, 9], 443));
    assert_eq!(key(near), key(far), "one /48");
    assert_ne!(key(near), key(ipv6([0x2001_0db8, 0x1112_0001, 0, 1], 443)));
}

#[test]
fn ports_of_the_kernels_choice_are_one() {
    let key = |port| ipv4([0; 4], port).key(7, true);
    assert_eq!(key(EPHEMERAL_PORT), key(60_999));
    assert_ne!(key(4444), key(4445));
    assert_eq!(key(4444).kind, egress_kind::LISTENER);
    assert_eq!(key(4444).network, [0; 6], "wherever it listens");
}

#[test]
fn loopback_is_told_apart() {
    assert!(ipv4([127, 9, 9, 9], 1).is_local(false) && ipv4([127, 0, 0, 1], 1).is_local(true));
    assert!(ipv6([0, 0, 0, 1], 1).is_local(false));
    // Connecting to no address leads here; listening on it leads everywhere.
    assert!(ipv4([0; 4], 1).is_local(false) && !ipv4([0; 4], 1).is_local(true));
    assert!(!ipv4([10, 0, 0, 1], 1).is_local(false) && !ipv6([0xfe80_0000, 0, 0, 1], 1).is_local(false));
}

#[test]
fn asking_for_an_own_address_is_no_destination() {
    let udp = |port| Endpoint { protocol: UDP, ..ipv4([10, 0, 0, 1], port) };
    assert!(udp(0).is_nowhere() && udp(65_535).is_nowhere() && !udp(53).is_nowhere());
    assert!(!ipv4([10, 0, 0, 1], 65_535).is_nowhere());
    let twin = twin(&udp(443).key(7, false)).unwrap();
    assert_eq!(twin, ipv4([10, 0, 0, 1], 443).key(7, false));
    assert_eq!(super::twin(&twin), None);
    assert_eq!(super::twin(&udp(443).key(7, true)), None, "a listener has none");
}

#[test]
fn everything_of_a_kind_has_one_key() {
    let a = anywhere(&ipv4([10, 0, 0, 1], 123).key(7, false));
    assert_eq!(a, anywhere(&ipv6([0x2001_0db8, 0, 0, 1], 123).key(7, false)));
    assert_eq!((a.kind, a.port), (egress_kind::ANYWHERE, 123));
    let b = anywhere(&ipv4([0; 4], 4444).key(7, true));
    assert_eq!(b, anywhere(&ipv4([0; 4], 5555).key(7, true)));
    assert_eq!((b.kind, b.port), (egress_kind::ANY_LISTENER, 0));
}

#[test]
fn declarations_hold_for_what_they_name() {
    let ntpd = program_id(exe_hash(b"/usr/sbin/ntpd"));
    let broker = Declared {
        port: 8883,
        protocol: TCP,
        kind: egress_kind::IPV4,
        network: [u32::from_ne_bytes([10, 0, 0, 0]), 0, 0, 0],
        mask: [u32::from_ne_bytes([255, 0, 0, 0]), 0, 0, 0],
        ..Declared::default()
    };
    let holds = |endpoint: &Endpoint| declares(&broker, ntpd, false, endpoint);
    assert!(holds(&ipv4([10, 9, 8, 7], 8883)));
    assert!(!holds(&ipv4([11, 9, 8, 7], 8883)) && !holds(&ipv4([10, 9, 8, 7], 1883)));
    assert!(!holds(&Endpoint { protocol: UDP, ..ipv4([10, 9, 8, 7], 8883) }));
    assert!(!holds(&ipv6([0, 0, 0, 1], 8883)), "another family");
    assert!(!declares(&broker, ntpd, true, &ipv4([10, 9, 8, 7], 8883)), "no permission to listen");

    let time = Declared {
        program: ntpd,
        port: 123,
        protocol: UDP,
        kind: egress_kind::ANYWHERE,
        ..Declared::default()
    };
    for server in [ipv4([203, 0, 113, 9], 123), ipv6([0x2001_0db8, 0, 0, 9], 123)] {
        let server = Endpoint { protocol: UDP, ..server };
        assert!(declares(&time, ntpd, false, &server));
        assert!(!declares(&time, ntpd ^ 1, false, &server), "another program");
    }
    let nothing = Declared::default();
    assert!(!declares(&nothing, ntpd, false, &ipv4([10, 0, 0, 1], 1)), "an entry of zeros");
    assert!(!declares(&nothing, ntpd, true, &ipv4([10, 0, 0, 1], 1)));
}

#[test]
fn a_socket_that_begins_to_listen_is_told_by_its_port() {
    let change =
        Change { old_state: 7, new_state: 10, local_port: 4444, family: 2, protocol: 6, ..Change::default() };
    let endpoint = listening(&change).unwrap();
    assert_eq!((endpoint.family, endpoint.port, endpoint.is_local(true)), (4, 4444, false));
    assert_eq!(listening(&Change { new_state: 1, ..change }), None, "established");
    let six = listening(&Change { family: 10, local_v6: [0, 0, 0, 1_u32.to_be()], ..change }).unwrap();
    assert!(six.family == 6 && six.is_local(true));
}

/// When the beacons of connections at these moments are told.
fn told(times: impl Iterator<Item = u64>, wanted: u32) -> std::vec::Vec<Beat> {
    let mut contact = Contact::new();
    times.filter_map(|time| contact.beat(time, wanted)).collect()
}

#[test]
fn a_steady_interval_is_told_at_the_wanted_number_and_at_doublings() {
    let beats = told((1..=45).map(|n| n * 60 * SECOND), 10);
    let counts: std::vec::Vec<u32> = beats.iter().map(|beat| beat.connections).collect();
    assert_eq!(counts, [10, 20, 40]);
    assert!(beats.iter().all(|beat| beat.period_ns == 60 * SECOND));
}

#[test]
fn some_jitter_does_not_hide_it() {
    // A tenth to and fro.
    let mut now = SECOND;
    let times = (0..30_u64).map(|n| {
        now += 10 * SECOND + if n % 2 == 0 { SECOND } else { 0 } - SECOND / 2;
        now
    });
    assert_eq!(told(times, 10).first().map(|beat| beat.connections), Some(10));
}

#[test]
fn irregular_connections_are_none() {
    // Intervals of 1 to 19 in an order without rhythm.
    let mut now = SECOND;
    let times = (0..400_u64).map(|n| {
        now += SECOND + (n * 7_919 % 19) * SECOND;
        now
    });
    assert_eq!(told(times, 10), []);
}

#[test]
fn a_burst_is_one_call_and_a_number_of_0_asks_for_none() {
    let bursts = (1..=12_u64).flat_map(|n| (0..5).map(move |m| n * 60 * SECOND + m * 1_000_000));
    assert_eq!(told(bursts, 10).first().map(|beat| beat.connections), Some(10));
    assert_eq!(told((1..=100).map(|n| n * 60 * SECOND), 0), []);
}
