//! Bad brokers: they answer CONNECT with something, and go on as no real broker would.

use super::broker::Mosquitto;
use super::support::{TestPort, options, until, verdict, with_link};
use edge_agent::publish::{Fault, Options, PublishError, Refusal};
use edge_agent::rt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// CONNACK, accepted, session new.
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

/// How long attempts are counted.
const COUNTED: Duration = Duration::from_secs(2);

/// The ceiling of every wait between two attempts while they are counted; a wait is half of it on average.
const WAIT: Duration = Duration::from_millis(100);

/// Most attempts in [`COUNTED`]: three times the average of forty. Chance comes near that less than once in 10^12 runs.
const ATTEMPTS: u32 = 120;

/// A listener that gives everybody the same answer.
struct Rogue {
    /// Where it listens.
    port: u16,
    /// CONNECTs heard.
    attempts: Arc<AtomicU32>,
    /// It ends.
    done: Arc<AtomicBool>,
}

impl Rogue {
    /// Answers the first bytes of every connection with `answer`, then does `then` with it, then ends it.
    fn start(answer: &[u8], then: fn(TcpStream)) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (attempts, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        thread::spawn({
            let (attempts, done, answer) = (Arc::clone(&attempts), Arc::clone(&done), answer.to_vec());
            move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    attempts.fetch_add(1, Ordering::SeqCst);
                    let mut greeting = [0; 512];
                    if stream.read(&mut greeting).is_ok_and(|count| count > 0)
                        && stream.write_all(&answer).is_ok()
                    {
                        then(stream);
                    }
                }
            }
        });
        Self { port, attempts, done }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        // Only this ends the wait of its thread.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Reads until the agent leaves, for two seconds at most.
fn listen(mut stream: TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut chunk = [0; 512];
    while stream.read(&mut chunk).is_ok_and(|count| count > 0) {}
}

/// Waits until the agent has said more, and hangs up.
fn hang_up(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 512]);
}

/// Says PINGRESP without end, or for five seconds: should the agent never leave, the test must end all the same.
fn chatter(mut stream: TcpStream) {
    let begun = Instant::now();
    let many = [0xd0, 0].repeat(32 * 1024);
    while begun.elapsed() < Duration::from_secs(5) && stream.write_all(&many).is_ok() {}
}

/// Options with even waits.
fn steady(ports: &[u16]) -> Options {
    Options { reconnect_min: WAIT, reconnect_max: WAIT, ..options(ports) }
}

/// Connects to a rogue for a while: the error is the expected one, its attempts keep to the backoff, nothing spins, the
/// verdict is kept, and a stop is heard.
fn keeps_calm(name: &str, answer: &[u8], then: fn(TcpStream), expected: PublishError) {
    let rogue = Rogue::start(answer, then);
    let port = TestPort::new();
    let options = Options { command_topic: None, ..steady(&[rogue.port]) };
    with_link(&port, &options, async {
        port.admit(&verdict(1));
        until(name, || port.counters().last_error == Some(expected)).await;
        let before = (rogue.attempts.load(Ordering::SeqCst), rt::wakeups());
        rt::sleep(COUNTED).await.unwrap();
        let attempts = rogue.attempts.load(Ordering::SeqCst) - before.0;
        let wakeups = rt::wakeups() - before.1;
        println!("{name}: {attempts} attempts and {wakeups} wake-ups in {COUNTED:?}, \"{expected}\"");
        assert_eq!(port.counters().last_error, Some(expected), "{name}");
        assert!((5..ATTEMPTS).contains(&attempts), "{name}: {attempts} attempts");
        // Connected, written, answered, ended, waited.
        assert!(wakeups <= u64::from(attempts) * 8 + 8, "{name}: {wakeups} wake-ups");
    });
    let (books, counters) = (port.books(), port.counters());
    assert_eq!((books.queued, counters.acknowledged, counters.in_flight), (1, 0, 0), "{name}");
    assert!(books.balance(), "{name}");
}

/// After a good CONNACK: bytes that are no packet, a packet of 256 MiB, packets that only clients send, and a broker that
/// hangs up as soon as something is published, as some do when their rules forbid a topic.
pub(crate) fn a_broker_that_talks_nonsense_is_left_and_named() {
    let limit = Options::default().incoming_bytes;
    let with = |more: &[u8]| [&ACCEPTED, more].concat();
    for (name, answer, then, expected) in [
        ("nonsense", with(&[0xff; 64]), listen as fn(TcpStream), PublishError::Malformed),
        (
            "a length without end",
            with(&[0x30, 0xff, 0xff, 0xff, 0xff, 0xff]),
            listen,
            PublishError::Malformed,
        ),
        (
            "256 MiB announced",
            with(&[0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'c']),
            listen,
            PublishError::Oversize { bytes: 268_435_455, limit },
        ),
        ("a second CONNACK", with(&ACCEPTED), listen, PublishError::Unexpected("CONNACK")),
        ("a client's packet", with(&[0xc0, 0]), listen, PublishError::Unexpected("PINGREQ")),
        ("hanging up", with(&[]), hang_up, PublishError::Closed),
    ] {
        keeps_calm(name, &answer, then, expected);
        assert_ne!(expected.fault(), Fault::Ours);
    }
}

/// Each code of MQTT 3.1.1, and one that it does not have.
pub(crate) fn each_refusal_is_explained() {
    for (code, refusal, word) in [
        (1, Refusal::Protocol, "MQTT 3.1.1"),
        (2, Refusal::ClientId, "`mqtt.client_id`"),
        (3, Refusal::Unavailable, "not serving"),
        (4, Refusal::Login, "`mqtt.username`"),
        (5, Refusal::NotAuthorized, "the broker's rules"),
    ] {
        let expected = PublishError::Refused(refusal);
        let text = expected.to_string();
        assert!(text.contains(&format!("code {code}")) && text.contains(word), "{text}");
        assert_eq!(expected.fault(), Fault::Refused);
        keeps_calm(&format!("refusal {code}"), &[0x20, 2, 0, code], hang_up, expected);
    }
    keeps_calm("refusal 6", &[0x20, 2, 0, 6], hang_up, PublishError::Malformed);
}

/// A broker that talks without a pause takes its turn like everybody else: timers of this thread fire, what the agent has
/// to do beside the link is done, and a stop is heard.
pub(crate) fn a_broker_that_never_pauses_starves_nobody() {
    let rogue = Rogue::start(&ACCEPTED, chatter);
    let port = TestPort::new();
    let mut worst = Duration::ZERO;
    let begun = Instant::now();
    with_link(&port, &options(&[rogue.port]), async {
        until("a connection", || port.counters().connected).await;
        for _ in 0..100 {
            let due = Instant::now() + Duration::from_millis(10);
            rt::sleep_until(due).await.unwrap();
            worst = worst.max(due.elapsed());
        }
        println!("endless talk: {} bytes heard, a timer at most {worst:?} late", port.counters().bytes_in);
        assert!(port.counters().connected && port.counters().bytes_in > 100_000);
    });
    assert!(worst < Duration::from_millis(200), "a timer was {worst:?} late");
    let taken = begun.elapsed();
    assert!(taken < Duration::from_secs(5) + options(&[1]).stop_limit, "stopped after {taken:?}");
}

/// A first broker that accepts connections and then says nothing takes longer than a connection needs to count as good.
/// It was never good, so the second one gets its turn.
pub(crate) fn a_mute_broker_gives_way_to_the_next() {
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let broker = Mosquitto::start("");
    let mut options = steady(&[mute.local_addr().unwrap().port(), broker.port]);
    options.connect_limit = Duration::from_millis(300);
    options.stable_after = Duration::from_millis(200);
    let port = TestPort::new();
    let begun = Instant::now();
    with_link(&port, &options, async {
        port.admit(&verdict(1));
        until("an acknowledgement", || port.counters().acknowledged == 1).await;
        println!("a mute broker gave way after {:?}", begun.elapsed());
    });
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
