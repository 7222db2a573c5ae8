//! The session against a broker made of bytes, under a clock made of numbers.

use super::*;
use crate::publish::Refusal;
use crate::publish::options::{Broker, Message};
use proptest::prelude::*;
use rumqttc::mqttbytes::v4::PubAck;

const SECOND: Duration = Duration::from_secs(1);

fn options() -> Options {
    Options {
        brokers: vec![Broker { host: "broker".into(), port: 1883 }],
        client_id: "edge-1".into(),
        window: 4,
        verdict_topic: "v".into(),
        health_topic: "h".into(),
        reply_topic: "r".into(),
        command_topic: Some("c".into()),
        online: Message { topic: "s".into(), payload: b"on".to_vec() },
        lost: b"lost".to_vec(),
        keep_alive: 10 * SECOND,
        ..Options::default()
    }
}

/// A session, its clock and what it wrote.
struct Bench {
    session: Session,
    now: Instant,
    out: BytesMut,
    heard: Vec<String>,
}

impl Bench {
    /// Connected, CONNACK not yet received.
    fn greeting() -> Self {
        let now = Instant::now();
        let mut bench =
            Self { session: Session::new(&options(), now), now, out: BytesMut::new(), heard: Vec::new() };
        bench.reopen();
        bench
    }

    /// Connected and accepted.
    fn open() -> Self {
        let mut bench = Self::greeting();
        bench.accept(false);
        bench
    }

    fn reopen(&mut self) {
        self.session.open(&options(), self.now, &mut self.out).unwrap();
        assert!(matches!(self.written()[..], [Packet::Connect(_)]));
    }

    fn accept(&mut self, kept: bool) {
        self.feed(&[0x20, 2, u8::from(kept), 0]).unwrap();
        assert!(matches!(self.written()[..], [Packet::Subscribe(_)]));
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), PublishError> {
        let heard = &mut self.heard;
        self.session.receive(bytes, self.now, &mut self.out, &mut |fact| heard.push(format!("{fact:?}")))
    }

    fn written(&mut self) -> Vec<Packet> {
        let bytes = self.out.len();
        self.session.sent(bytes, self.now);
        std::iter::from_fn(|| Packet::read(&mut self.out, 4096).ok()).collect()
    }

    fn ids(&mut self) -> Vec<(u16, bool, u8)> {
        let publish = |packet| match packet {
            Packet::Publish(publish) => (publish.pkid, publish.dup, publish.payload[0]),
            other => panic!("{other:?}"),
        };
        self.written().into_iter().map(publish).collect()
    }

    fn publish(&mut self, sequence: u8) {
        assert!(self.session.can_publish());
        let entry = Entry::new(2, u32::from(sequence), &[sequence]).unwrap();
        self.session.publish("v", &entry, &mut self.out).unwrap();
    }

    fn ack(&mut self, id: u8) {
        self.feed(&[0x40, 2, 0, id]).unwrap();
    }

    fn pass(&mut self, span: Duration) -> Result<(), PublishError> {
        self.now += span;
        self.session.tick(self.now, &mut self.out)
    }

    fn resend_all(&mut self) {
        while self.session.resend(&mut self.out).unwrap() {}
    }
}

#[test]
fn connect_carries_session_will_and_keep_alive() {
    let mut bench = Bench::greeting();
    bench.session.open(&options(), bench.now, &mut bench.out).unwrap();
    let Packet::Connect(connect) = bench.written().remove(0) else { panic!() };
    let will = connect.last_will.unwrap();
    assert!(!connect.clean_session);
    assert_eq!((connect.keep_alive, &*connect.client_id), (10, "edge-1"));
    assert_eq!(
        (&*will.topic, &will.message[..], will.qos, will.retain),
        ("s", &b"lost"[..], QoS::AtLeastOnce, true)
    );
}

#[test]
fn each_refusal_is_told_apart() {
    let expected =
        [Refusal::Protocol, Refusal::ClientId, Refusal::Unavailable, Refusal::Login, Refusal::NotAuthorized];
    for (code, refusal) in (1u8..).zip(expected) {
        let outcome = Bench::greeting().feed(&[0x20, 2, 0, code]);
        assert_eq!(outcome, Err(PublishError::Refused(refusal)));
        assert!(refusal.to_string().contains(&format!("code {code}")));
    }
    assert_eq!(Bench::greeting().feed(&[0x20, 2, 0, 6]), Err(PublishError::Malformed));
}

#[test]
fn the_window_closes_and_each_acknowledgement_opens_it() {
    let mut bench = Bench::open();
    for sequence in 0..4 {
        bench.publish(sequence);
    }
    assert!(!bench.session.can_publish());
    // Out of order: id 1 is still taken, and it is next.
    bench.ack(2);
    assert!(!bench.session.can_publish());
    bench.ack(1);
    bench.publish(4);
    let counters = bench.session.counters();
    assert_eq!((counters.published, counters.acknowledged, counters.in_flight), (5, 2, 3));
    assert_eq!(bench.ids(), [(1, false, 0), (2, false, 1), (3, false, 2), (4, false, 3), (1, false, 4)]);
}

#[test]
fn a_lost_connection_sends_the_window_again_in_order_before_anything_new() {
    let mut bench = Bench::open();
    for sequence in 0..4 {
        bench.publish(sequence);
    }
    bench.ack(1);
    bench.ack(2);
    bench.publish(4);
    bench.session.status("s", b"on", &mut bench.out).unwrap();
    bench.written();
    bench.session.close();
    assert!(!bench.session.can_publish());
    bench.reopen();
    bench.accept(true);
    assert!(!bench.session.can_publish(), "old ones first");
    bench.resend_all();
    assert_eq!(bench.ids(), [(3, true, 2), (4, true, 3), (1, true, 4)], "same ids, DUP, and no stale status");
    bench.publish(5);
    for id in [3, 4, 1, 2] {
        bench.ack(id);
    }
    let counters = bench.session.counters();
    assert_eq!((counters.published, counters.acknowledged, counters.in_flight), (6, 6, 0));
    assert_eq!((counters.resent, counters.strays), (3, 0));
    assert!(bench.session.is_settled());
}

#[test]
fn a_forgotten_session_gets_the_window_without_dup() {
    let mut bench = Bench::open();
    bench.publish(0);
    bench.written();
    bench.reopen();
    bench.accept(false);
    bench.resend_all();
    assert_eq!(bench.ids(), [(1, false, 0)]);
}

#[test]
fn a_connection_lost_while_sending_again_loses_and_reorders_nothing() {
    let mut bench = Bench::open();
    for sequence in 0..4 {
        bench.publish(sequence);
    }
    bench.written();
    bench.reopen();
    bench.accept(true);
    bench.session.resend(&mut bench.out).unwrap();
    bench.session.resend(&mut bench.out).unwrap();
    bench.written();
    bench.ack(1);
    bench.reopen();
    bench.accept(true);
    bench.resend_all();
    assert_eq!(bench.ids(), [(2, true, 1), (3, true, 2), (4, true, 3)]);
}

#[test]
fn surrendered_verdicts_come_newest_first() {
    let mut bench = Bench::open();
    for sequence in 0..3 {
        bench.publish(sequence);
    }
    bench.ack(1);
    let left: Vec<(u8, u32)> =
        bench.session.surrender().map(|entry| (entry.severity(), entry.sequence())).collect();
    assert_eq!(left, [(2, 2), (2, 1)]);
    assert_eq!(bench.session.counters().in_flight, 0);
    assert!(bench.session.is_settled());
}

#[test]
fn commands_are_heard_acknowledged_and_bounded() {
    let mut bench = Bench::open();
    // PUBLISH QoS 1, topic "c", id 9, payload "go", in two pieces.
    bench.feed(&[0x32, 7, 0, 1, b'c', 0]).unwrap();
    bench.feed(&[9, b'g', b'o', 0x30, 4, 0, 1, b'x', 1]).unwrap();
    assert_eq!(bench.heard[1..], ["Command([103, 111])"], "the other topic is not ours");
    assert_eq!(bench.written(), [Packet::PubAck(PubAck::new(9))]);
    let limit = options().incoming_bytes;
    assert_eq!(bench.feed(&[0x30, 0xff, 0x7f]), Err(PublishError::Oversize { bytes: 16_383, limit }));
}

#[test]
fn a_broker_that_does_what_it_may_not_is_named() {
    for (bytes, expected) in [
        (&[0xd0, 0][..], PublishError::Unexpected("PINGRESP")),
        (&[0x40, 2, 0, 1], PublishError::Unexpected("PUBACK")),
        (&[0x40, 1, 0], PublishError::Malformed),
    ] {
        assert_eq!(Bench::greeting().feed(bytes), Err(expected), "{bytes:?}");
    }
    for (bytes, expected) in [
        (&[0x20, 2, 0, 0][..], PublishError::Unexpected("CONNACK")),
        (&[0x50, 2, 0, 1], PublishError::Unexpected("PUBREC")),
        (&[0x34, 6, 0, 1, b'c', 0, 9, 1], PublishError::Unexpected("PUBLISH")),
        (&[0xff, 0], PublishError::Malformed),
        (&[0x30, 0xff, 0xff, 0xff, 0xff, 1], PublishError::Malformed),
    ] {
        let outcome = Bench::open().feed(bytes);
        assert_eq!(outcome, Err(expected), "{bytes:?}");
        assert_eq!(expected.fault(), crate::publish::Fault::Broker);
    }
}

#[test]
fn a_stray_acknowledgement_is_counted_and_harmless() {
    let mut bench = Bench::open();
    bench.publish(0);
    bench.ack(3);
    bench.ack(200);
    bench.ack(0);
    assert_eq!(bench.session.counters().strays, 3);
    bench.ack(1);
    assert!(bench.session.is_settled());
}

#[test]
fn pings_only_when_idle_and_a_dead_broker_is_noticed_in_one_and_a_half() {
    let mut bench = Bench::open();
    bench.pass(9 * SECOND).unwrap();
    assert!(bench.written().is_empty());
    assert_eq!(bench.session.deadline() - bench.now, SECOND);
    bench.pass(SECOND).unwrap();
    assert_eq!(bench.written(), [Packet::PingReq]);
    bench.feed(&[0xd0, 0]).unwrap();
    // We speak, it does not: only the ping can tell that it is dead.
    for _ in 0..9 {
        bench.pass(SECOND).unwrap();
        bench.session.health("h", b"x", &mut bench.out).unwrap();
        assert_eq!(bench.written().len(), 1);
    }
    bench.pass(SECOND).unwrap();
    assert_eq!(bench.written(), [Packet::PingReq]);
    bench.pass(Duration::from_millis(4_999)).unwrap();
    assert_eq!(bench.pass(Duration::from_millis(1)), Err(PublishError::Silent { limit_ms: 5000 }));
}

#[test]
fn a_broker_that_accepts_tcp_and_says_nothing_is_left() {
    let mut bench = Bench::greeting();
    bench.pass(Duration::from_millis(9_999)).unwrap();
    assert_eq!(bench.pass(Duration::from_millis(1)), Err(PublishError::NoAnswer { limit_ms: 10_000 }));
}

#[test]
fn a_connection_stands_from_its_acceptance_to_its_end() {
    let mut bench = Bench::greeting();
    bench.pass(9 * SECOND).unwrap();
    assert_eq!(bench.session.stood(bench.now), Duration::ZERO, "waiting for the CONNACK");
    bench.accept(true);
    bench.pass(5 * SECOND).unwrap();
    assert_eq!(bench.session.stood(bench.now), 5 * SECOND);
    bench.session.close();
    assert_eq!(bench.session.stood(bench.now), Duration::ZERO);
}

proptest! {
    /// Whatever arrives, in whatever pieces: no panic, no unbounded buffer, and the books hold.
    #[test]
    fn garbage_does_no_harm(
        mut stream in prop::collection::vec(any::<u8>(), 0..600),
        piece in 1usize..64,
        greeted in any::<bool>(),
        in_flight in 0u8..4,
    ) {
        let mut bench = if greeted { Bench::open() } else { Bench::greeting() };
        if greeted {
            (0..in_flight).for_each(|sequence| bench.publish(sequence));
        }
        // Half of the streams begin with something valid, or they would all end at the first byte.
        if stream.len() % 2 == 0 {
            stream.splice(..0, [0xd0, 0, 0x40, 2, 0, 1, 0x32, 7, 0, 1, b'c', 0, 9, 1, 2]);
        }
        for bytes in stream.chunks(piece) {
            let outcome = bench.feed(bytes);
            prop_assert!(bench.session.incoming.len() <= options().incoming_bytes + 5 + piece);
            if outcome.is_err() {
                break;
            }
        }
        let counters = bench.session.counters();
        prop_assert_eq!(counters.published, counters.acknowledged + counters.in_flight);
        let left = bench.session.surrender().count() as u32;
        prop_assert_eq!(left, counters.in_flight);
    }

    /// Every valid packet, cut off anywhere: wait for the rest, or refuse, but never invent.
    #[test]
    fn a_truncated_packet_is_not_a_packet(payload in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..1000) {
        let mut whole = BytesMut::new();
        let mut publish = message("c", &payload, QoS::AtLeastOnce, 7);
        publish.dup = true;
        Packet::Publish(publish).write(&mut whole, 4096).unwrap();
        let cut = whole.len() * cut / 1000;
        let mut bench = Bench::open();
        bench.feed(&whole[..cut]).unwrap();
        prop_assert_eq!(bench.heard.len(), 1, "only the acceptance");
        bench.feed(&whole[cut..]).unwrap();
        prop_assert_eq!(bench.heard.len(), 2);
    }
}
