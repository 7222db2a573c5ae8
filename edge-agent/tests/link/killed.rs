//! At least once, across a restart of the broker.

use super::broker::Mosquitto;
use super::collector::{Collector, assert_same};
use super::support::{TestPort, feed, options, status_number, threads, until, verdict, with_link};
use edge_agent::rt;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// Verdicts published.
const VERDICTS: u32 = 10_000;

/// Half of the verdicts, a dead broker, the same broker again, the other half. Every verdict must have arrived, and
/// this process must be no bigger than before.
pub(crate) fn every_verdict_arrives() {
    let broker = RefCell::new(Mosquitto::start(""));
    let collector = Collector::start(broker.borrow().port);
    let port = TestPort::new();
    let settings = options(&[broker.borrow().port]);
    with_link(&port, &settings, async {
        until("both ends", || port.counters().connected && collector.is_ready()).await;
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
    assert_same(&collector.finish(VERDICTS), &(0..VERDICTS).collect());
}
