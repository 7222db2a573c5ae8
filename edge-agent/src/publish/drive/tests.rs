//! The loop over streams that misbehave in ways no real broker does on request.

use super::*;
use crate::publish::options::{Broker, Message};
use crate::queue::Entry;
use crate::rt::block_on;
use rumqttc::mqttbytes::v4::Packet;
use std::collections::VecDeque;

/// CONNACK, accepted, session new.
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

/// A PUBLISH at `QoS` 1 that wants an answer: topic "c", id 9, no payload.
const WANTS_ANSWER: [u8; 7] = [0x32, 5, 0, 1, b'c', 0, 9];

/// A peer in memory.
#[derive(Default)]
struct Peer {
    /// What it says first.
    says: VecDeque<u8>,
    /// What it then says without end; nothing means silence.
    repeats: &'static [u8],
    /// Does not read, so that writing blocks.
    deaf: bool,
    /// What it was told.
    told: BytesMut,
    /// Bytes taken from it.
    taken: usize,
}

impl Peer {
    /// Names of the packets it was told.
    fn names(&mut self) -> Vec<String> {
        let packets = std::iter::from_fn(|| Packet::read(&mut self.told, 4096).ok());
        packets.map(|packet| format!("{packet:?}").split('(').next().unwrap_or_default().to_owned()).collect()
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.says.is_empty() {
            let more = self.repeats;
            self.says.extend(more);
        }
        let count = buffer.len().min(self.says.len());
        if count == 0 {
            return Poll::Pending;
        }
        for (to, from) in buffer.iter_mut().zip(self.says.drain(..count)) {
            *to = from;
        }
        self.taken += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Pending;
        }
        // One byte less than offered, so that the loop must cope with partial writes.
        let count = buffer.len().saturating_sub(1).max(1);
        self.told.extend_from_slice(&buffer[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn options() -> Options {
    Options {
        brokers: vec![Broker { host: "peer".into(), port: 1 }],
        client_id: "edge-1".into(),
        verdict_topic: "v".into(),
        health_topic: "h".into(),
        reply_topic: "r".into(),
        online: Message { topic: "s".into(), payload: b"on".to_vec() },
        offline: b"off".to_vec(),
        keep_alive: Duration::from_secs(1),
        stop_limit: Duration::from_millis(50),
        ..Options::default()
    }
}

fn drive(port: &Port<64>, options: &Options, peer: &mut Peer) -> (Result<(), PublishError>, usize) {
    let mut driver = Driver::new(port, options);
    let result = block_on(driver.drive(peer, "peer", &mut |_| {})).unwrap();
    driver.close(result.err());
    driver.surrender();
    (result, driver.out.capacity())
}

#[test]
fn a_broker_that_talks_but_does_not_listen_cannot_fill_our_memory() {
    let mut peer = Peer { says: ACCEPTED.into(), repeats: &WANTS_ANSWER, deaf: true, ..Peer::default() };
    let (result, capacity) = drive(&Port::new(), &options(), &mut peer);
    assert_eq!(result, Err(PublishError::Silent { limit_ms: 500 }));
    assert!(capacity <= 2 * OUT_HIGH_BYTES, "{capacity} bytes");
    // Each seven bytes read make four bytes of answer.
    assert!(peer.taken <= (OUT_HIGH_BYTES + CHUNK_BYTES) * 7 / 4, "{} bytes", peer.taken);
}

#[test]
fn a_broker_that_never_pauses_leaves_the_others_their_turn() {
    let (port, options) = (Port::<64>::new(), options());
    // PINGRESP after PINGRESP, a mebibyte of them, all there at once.
    let says = ACCEPTED.into_iter().chain([0xd0, 0].repeat(1 << 19)).collect();
    let mut peer = Peer { says, ..Peer::default() };
    let mut driver = Driver::new(&port, &options);
    let mut on_command = |_: &[u8]| {};
    let link = async {
        let _ = driver.drive(&mut peer, "peer", &mut on_command).await;
        "the link"
    };
    let others = async {
        yield_now().await;
        yield_now().await;
        "the others"
    };
    assert_eq!(block_on(futures_lite::future::or(link, others)).unwrap(), "the others");
    assert!(peer.taken <= 3 * usize::from(STEPS_IN_A_ROW) * CHUNK_BYTES, "{} bytes", peer.taken);
}

#[test]
fn a_stop_before_the_broker_answers_sends_nothing() {
    let port = Port::<64>::new();
    port.admit(&Entry::new(3, 1, b"verdict").unwrap());
    port.stop();
    let mut peer = Peer { says: ACCEPTED.into(), ..Peer::default() };
    assert_eq!(drive(&port, &options(), &mut peer).0, Ok(()));
    assert_eq!((port.books().queued, peer.told.len()), (1, 0));
}

#[test]
fn a_stop_is_not_held_up_by_a_broker_that_never_acknowledges() {
    let port = Port::<64>::new();
    let options = options();
    port.admit(&Entry::new(3, 1, b"verdict").unwrap());
    let mut peer = Peer { says: ACCEPTED.into(), ..Peer::default() };
    let mut driver = Driver::new(&port, &options);
    let begun = Instant::now();
    let stop = async {
        crate::rt::sleep(Duration::from_millis(50)).await.unwrap();
        port.stop();
        std::future::pending().await
    };
    let mut on_command = |_: &[u8]| {};
    let work = driver.drive(&mut peer, "peer", &mut on_command);
    assert_eq!(block_on(futures_lite::future::or(work, stop)).unwrap(), Ok(()));
    assert!(begun.elapsed() < Duration::from_millis(50 + 50 + 500));
    driver.close(None);
    driver.surrender();
    // The first status was never acknowledged, so the last one may not use its id. Without a DISCONNECT the broker
    // publishes the last will instead, so subscribers do not go on believing that we are online.
    assert_eq!(peer.names(), ["Connect", "Publish", "Publish"]);
    let books = port.books();
    assert_eq!((books.seen, books.popped, books.requeued, books.queued), (1, 1, 1, 1));
}

#[test]
fn the_end_of_the_stream_is_an_error() {
    struct Ended;
    impl AsyncRead for Ended {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
    }
    impl AsyncWrite for Ended {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let (port, options) = (Port::<64>::new(), options());
    let mut driver = Driver::new(&port, &options);
    let ended = block_on(driver.drive(&mut Ended, "peer", &mut |_| {})).unwrap();
    assert_eq!(ended, Err(PublishError::Closed));
}

/// A stream that takes everything at once and sends it only when it is flushed, in two steps, as an encrypted one whose socket is full.
#[derive(Default)]
struct Keeps {
    /// Taken, not sent.
    kept: BytesMut,
    /// Sent.
    sent: BytesMut,
    /// The first step was made.
    begun: bool,
    /// Bytes that were heard after the first ones were sent.
    heard: usize,
}

impl AsyncRead for Keeps {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // Nobody answers before he was told something.
        if self.sent.is_empty() || self.heard == ACCEPTED.len() {
            return Poll::Pending;
        }
        buffer[..ACCEPTED.len()].copy_from_slice(&ACCEPTED);
        self.heard = ACCEPTED.len();
        Poll::Ready(Ok(ACCEPTED.len()))
    }
}

impl AsyncWrite for Keeps {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(buffer);
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.kept.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if !std::mem::replace(&mut self.begun, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.begun = false;
        let kept = self.kept.split();
        self.sent.extend_from_slice(&kept);
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One that never answers must not hold the agent.
        Poll::Pending
    }
}

#[test]
fn what_a_stream_keeps_is_flushed_and_its_end_is_not_waited_for() {
    let port = Port::<64>::new();
    let options = options();
    port.admit(&Entry::new(3, 1, b"verdict").unwrap());
    let mut stream = Keeps::default();
    let mut driver = Driver::new(&port, &options);
    let stop = async {
        crate::rt::sleep(Duration::from_millis(50)).await.unwrap();
        port.stop();
        std::future::pending().await
    };
    let mut on_command = |_: &[u8]| {};
    let begun = Instant::now();
    let work = driver.drive(&mut stream, "peer", &mut on_command);
    assert_eq!(block_on(futures_lite::future::or(work, stop)).unwrap(), Ok(()));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let packets = std::iter::from_fn(|| Packet::read(&mut stream.sent, 4096).ok());
    let names: Vec<_> = packets.map(|packet| format!("{packet:?}")).collect();
    assert!(names[0].starts_with("Connect"), "{names:?}");
    assert!(
        names.iter().filter(|name| name.starts_with("Publish")).count() == 2,
        "status and verdict: {names:?}"
    );
}
