//! More verdicts at once than the queue holds.

use super::broker::Mosquitto;
use super::support::{TestPort, options, status_number, until, verdict, with_link};
use edge_agent::queue::Entry;

/// Verdicts admitted without a pause.
const VERDICTS: u32 = 10_000;

/// Each is published or shed and counted as such; the severe ones among them all arrive; memory stays.
pub(crate) fn a_flood_is_shed_and_the_books_balance() {
    let broker = Mosquitto::start("");
    let port = TestPort::new();
    with_link(&port, &options(&[broker.port]), async {
        port.admit(&verdict(0));
        until("the link", || port.counters().acknowledged == 1).await;
        let resident = status_number("VmRSS:");
        for sequence in 1..VERDICTS {
            // One in a hundred is critical: 99 of them, fewer than the queue holds.
            let severity = if sequence % 100 == 0 { 4 } else { (sequence % 4) as u8 };
            port.admit(&Entry::new(severity, sequence, &[0x5a; 160]).unwrap());
        }
        let full = port.books();
        until("an empty queue", || port.books().queued == 0 && port.counters().in_flight == 0).await;
        let (books, counters) = (port.books(), port.counters());
        let grown = status_number("VmRSS:").saturating_sub(resident);
        println!("flood: {} published, shed {:?}, grown by {grown} kB", counters.acknowledged, books.shed);
        assert_eq!(full.queued, 256);
        assert_eq!(books.seen, counters.acknowledged + books.shed_total());
        assert_eq!(books.seen, VERDICTS);
        assert_eq!(books.shed[4], 0);
        assert!(books.balance());
        // The queue's own 48 KB may be touched for the first time here.
        assert!(grown <= 100, "resident memory grew by {grown} kB");
    });
}
