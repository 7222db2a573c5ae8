//! At least once, across a restart of the broker.

use super::broker::Mosquitto;
use super::subscriber::Subscriber;
use super::support::{TestPort, options, status_number, threads, topic, until, verdict, with_link};
use edge_agent::rt;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Verdicts published.
const VERDICTS: u32 = 10_000;

/// Sequence numbers seen by the other end.
type Seen = Arc<Mutex<HashSet<u32>>>;

/// Half of the verdicts, a dead broker, the same broker again, the other half. Every verdict must have arrived, and
/// this process must be no bigger than before.
pub(crate) fn every_verdict_arrives() {
    let broker = RefCell::new(Mosquitto::start(""));
    let seen = Seen::default();
    let (ready, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let other_end = {
        let (seen, ready, done) = (Arc::clone(&seen), Arc::clone(&ready), Arc::clone(&done));
        let number = broker.borrow().port;
        thread::spawn(move || collect(number, &seen, &ready, &done))
    };
    let port = TestPort::new();
    let settings = options(&[broker.borrow().port]);
    with_link(&port, &settings, async {
        until("both ends", || port.counters().connected && ready.load(Ordering::SeqCst)).await;
        let begun = Instant::now();
        feed(&port, 0..VERDICTS / 2).await;
        // In the middle of the stream: the window is full of unacknowledged verdicts.
        broker.borrow_mut().kill();
        for sequence in VERDICTS / 2..VERDICTS / 2 + 100 {
            port.admit(&verdict(sequence));
        }
        rt::sleep(Duration::from_millis(300)).await.unwrap();
        assert!(!port.counters().connected);
        broker.borrow_mut().restart();
        until("the second connection", || port.counters().connected).await;
        let resident = status_number("VmRSS:");
        feed(&port, VERDICTS / 2 + 100..VERDICTS).await;
        until("every acknowledgement", || port.counters().acknowledged == VERDICTS).await;
        let (books, counters) = (port.books(), port.counters());
        println!("{VERDICTS} verdicts in {:?}, {counters:?}", begun.elapsed());
        assert_eq!(books.shed_total(), 0);
        assert!(books.balance());
        assert_eq!((counters.in_flight, counters.reconnects, counters.strays), (0, 1, 0));
        assert_eq!(books.popped - books.requeued, counters.acknowledged);
        // Mosquitto's subscriber thread grows too, so a few pages are allowed; 5,000 verdicts would be 800 KB.
        let grown = status_number("VmRSS:").saturating_sub(resident);
        println!("grown by {grown} kB, {} threads (one is the subscriber)", threads());
        assert!(grown < 400, "resident memory grew by {grown} kB");
    });
    done.store(true, Ordering::SeqCst);
    other_end.join().unwrap();
    let seen = seen.lock().unwrap();
    let missing: Vec<u32> = (0..VERDICTS).filter(|sequence| !seen.contains(sequence)).take(10).collect();
    assert!(missing.is_empty(), "{} of {VERDICTS} arrived, missing {missing:?}", seen.len());
}

/// Admits a range at the pace of the link, so that nothing is shed.
async fn feed(port: &TestPort, range: std::ops::Range<u32>) {
    for sequence in range {
        while port.books().queued >= 128 {
            rt::sleep(Duration::from_millis(1)).await.unwrap();
        }
        port.admit(&verdict(sequence));
    }
}

/// The other end: notes every verdict, and comes back when the broker does.
fn collect(number: u16, seen: &Seen, ready: &AtomicBool, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        let Some(mut subscriber) = Subscriber::new(number, "edge-collect", &topic("verdict")) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        ready.store(true, Ordering::SeqCst);
        // Until two silent seconds, or the connection is gone.
        while let Some(publish) = subscriber.next(Duration::from_secs(2)) {
            let sequence = publish.payload.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap();
            seen.lock().unwrap().insert(sequence);
        }
    }
}
