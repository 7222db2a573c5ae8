//! At least once, across fifty restarts of the broker at moments that nobody chose.

use super::broker::Mosquitto;
use super::collector::{Collector, assert_same};
use super::support::{TestPort, options, until, with_link};
use edge_agent::queue::Entry;
use edge_agent::rt;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Times the broker ends and begins again.
const RESTARTS: u32 = 50;

/// Verdicts admitted in a second, whatever the broker does.
const RATE: u32 = 500;

/// What the thread that restarts and the link tell each other.
#[derive(Default)]
struct Shared {
    /// Verdicts acknowledged, as the link last saw it.
    acknowledged: AtomicU32,
    /// Whether the link is connected, as it last saw it.
    connected: AtomicBool,
    /// Restarts after SIGTERM.
    ended: AtomicU32,
    /// Restarts after SIGKILL.
    crashed: AtomicU32,
    /// All restarts are done.
    done: AtomicBool,
}

/// 500 verdicts a second of all severities go in while the broker dies fifty times. What was neither shed nor left
/// waiting has arrived, nothing else has, and the books balance at every look.
pub(crate) fn fifty_restarts_cost_no_verdict() {
    // Without a limit on what is in flight to a subscriber, an acknowledged verdict was handed on before; see `restart`.
    let broker = Mosquitto::start("max_inflight_messages 0");
    let collector = Arc::new(Collector::start(broker.port));
    let (shared, port) = (Arc::new(Shared::default()), TestPort::new());
    let mut options = options(&[broker.port]);
    options.reconnect_min = Duration::from_millis(5);
    options.reconnect_max = Duration::from_millis(50);
    let mut shed = HashSet::new();
    let mut count = 0;
    with_link(&port, &options, async {
        until("both ends", || port.counters().connected && collector.is_ready()).await;
        let begun = Instant::now();
        let restarter = thread::spawn({
            let (shared, collector) = (Arc::clone(&shared), Arc::clone(&collector));
            move || restart(broker, &shared, &collector)
        });
        while !shared.done.load(Ordering::SeqCst) {
            let due = (begun.elapsed().as_millis() as u32).saturating_mul(RATE) / 1000;
            while count < due {
                admit(&port, count, &mut shed);
                count += 1;
            }
            look(&port, &shared);
            rt::sleep(Duration::from_millis(2)).await.unwrap();
        }
        until("an empty link", || port.books().queued == 0 && port.counters().in_flight == 0).await;
        look(&port, &shared);
        let broker = restarter.join().unwrap();
        let (counters, taken) = (port.counters(), begun.elapsed());
        println!(
            "{} ends and {} crashes of the broker in {taken:?}: {count} verdicts, {} shed, {} acknowledged, {} sent \
             again, {} connections",
            shared.ended.load(Ordering::SeqCst),
            shared.crashed.load(Ordering::SeqCst),
            shed.len(),
            counters.acknowledged,
            counters.resent,
            counters.connects,
        );
        assert!(taken < Duration::from_secs(60), "{taken:?}");
        let expected = count - shed.len() as u32;
        assert_eq!((counters.acknowledged, counters.strays), (expected, 0));
        // Asserted here, while the broker lives.
        let waiting = Instant::now();
        while collector.count() < expected && waiting.elapsed() < Duration::from_secs(10) {
            rt::sleep(Duration::from_millis(10)).await.unwrap();
        }
        println!("{} arrived, {} of them again", collector.count(), collector.repeated());
        drop(broker);
    });
    let kept: HashSet<u32> = (0..count).filter(|sequence| !shed.contains(sequence)).collect();
    let arrived = Arc::into_inner(collector).unwrap().finish(kept.len() as u32);
    assert_same(&arrived, &kept);
}

/// Admits one, and notes which one had to go for it. All have the same size, so that it is one at most.
fn admit(port: &TestPort, sequence: u32, shed: &mut HashSet<u32>) {
    let before = port.books().shed_total();
    let mut payload = [0x5a; 160];
    payload[..4].copy_from_slice(&sequence.to_le_bytes());
    port.admit(&Entry::new((sequence % 5) as u8, sequence, &payload).unwrap());
    let books = port.books();
    if books.shed_total() > before {
        assert_eq!(books.shed_total(), before + 1);
        assert!(shed.insert(books.last_shed.unwrap()), "shed twice");
    }
}

/// What came in is acknowledged, shed, waiting or in flight, and nothing is counted twice.
fn look(port: &TestPort, shared: &Shared) {
    let (books, counters) = (port.books(), port.counters());
    assert!(books.balance(), "{books:?}");
    let known = counters.acknowledged + counters.in_flight + books.queued + books.shed_total();
    assert_eq!(books.seen, known, "{books:?} {counters:?}");
    shared.acknowledged.store(counters.acknowledged, Ordering::SeqCst);
    shared.connected.store(counters.connected, Ordering::SeqCst);
}

/// The thread that restarts the broker; gives it back alive.
///
/// Mosquitto saves its database when it is told to end, so most of its ends are SIGTERM: nothing that it acknowledged
/// may then be missing. One in five is to be SIGKILL. What it acknowledged and still held is then lost, and no agent can
/// know that; not even `autosave_on_changes` closes the gap between acknowledging and saving. So it is frozen first,
/// and killed only if all that it acknowledged has reached the subscriber. It hands a verdict on before it acknowledges
/// it, and in the order in which they came: as many as were acknowledged are those that were.
fn restart(mut broker: Mosquitto, shared: &Shared, collector: &Collector) -> Mosquitto {
    // The same in every run, as far as clocks are.
    let mut chance = fastrand::Rng::with_seed(50);
    for number in 0..RESTARTS {
        // From the middle of the handshake to a while after it.
        thread::sleep(Duration::from_millis(chance.u64(0..900)));
        if number % 5 == 4 && may_crash(&broker, shared, collector) {
            broker.crash();
            shared.crashed.fetch_add(1, Ordering::SeqCst);
        } else {
            broker.kill();
            shared.ended.fetch_add(1, Ordering::SeqCst);
        }
        // At 500 in a second, the queue of 256 overflows in one of ten outages.
        let outage = if number % 10 == 7 { 900 } else { chance.u64(0..200) };
        thread::sleep(Duration::from_millis(outage));
        broker.restart();
    }
    shared.done.store(true, Ordering::SeqCst);
    broker
}

/// Freezes the broker and says whether it owes nothing to the subscriber; it is as before if it does.
fn may_crash(broker: &Mosquitto, shared: &Shared, collector: &Collector) -> bool {
    for _ in 0..100 {
        broker.freeze();
        // What it has said reaches both ends.
        thread::sleep(Duration::from_millis(30));
        let connected = shared.connected.load(Ordering::SeqCst);
        if connected
            && collector.is_ready()
            && collector.count() >= shared.acknowledged.load(Ordering::SeqCst)
        {
            return true;
        }
        broker.thaw();
        thread::sleep(Duration::from_millis(10));
    }
    false
}
