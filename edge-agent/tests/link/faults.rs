//! Bad links: a proxy between the agent and the broker swallows, delays, cuts, or ends one direction.
//!
//! Whatever it does, every verdict arrives, and no fault is believed for longer than one and a half keep-alives.

use super::broker::Mosquitto;
use super::collector::{Collector, assert_same};
use super::proxy::{Proxy, Wire};
use super::support::{TestPort, feed, options, until, verdict, with_link};
use edge_agent::publish::{Options, PublishError};
use edge_agent::rt;
use std::time::{Duration, Instant};

/// Keep-alive of these tests, unless they say otherwise.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// One and a half of them, plus what a busy machine may add.
const FOUND_WITHIN: Duration = Duration::from_millis(3200);

/// What a silent link is called.
const SILENT: Option<PublishError> = Some(PublishError::Silent { limit_ms: 1000 });

/// A broker, the other end, a proxy before the broker, and options for the link through it.
struct Bench {
    /// The subscriber, which does not go through the proxy. In front, since it must end before the broker does.
    collector: Collector,
    /// The wire.
    proxy: Proxy,
    /// The link's options.
    options: Options,
    /// Held until the end.
    _broker: Mosquitto,
}

impl Bench {
    /// A good wire.
    fn new() -> Self {
        let broker = Mosquitto::start("");
        let collector = Collector::start(broker.port);
        let proxy = Proxy::start(broker.port);
        let mut options = options(&[proxy.port]);
        options.keep_alive = KEEP_ALIVE;
        options.connect_limit = Duration::from_millis(500);
        Self { collector, proxy, options, _broker: broker }
    }

    /// Waits until both ends are there.
    async fn ready(&self, port: &TestPort) {
        until("both ends", || port.counters().connected && self.collector.is_ready()).await;
    }

    /// Every one of the first `count` verdicts arrived, and the books say so.
    fn settle(self, port: &TestPort, count: u32) {
        let (books, counters) = (port.books(), port.counters());
        assert_eq!((books.shed_total(), books.seen), (0, count));
        assert_eq!((counters.acknowledged, counters.in_flight), (count, 0));
        assert!(books.balance());
        assert_same(&self.collector.finish(count), &(0..count).collect());
    }
}

/// Bytes vanish in both directions and the connection stays: the usual end of a mobile link or of a table entry in a
/// firewall. The broker keeps the dead connection, too, so that the new one must take over from it.
pub(crate) fn a_black_hole_is_found_and_costs_nothing() {
    let bench = Bench::new();
    let port = TestPort::new();
    with_link(&port, &bench.options, async {
        bench.ready(&port).await;
        feed(&port, 0..500).await;
        bench.proxy.set(Wire::Hole);
        let begun = Instant::now();
        // Not at the pace of the link, which has none; the queue has room for them.
        (500..600).for_each(|sequence| port.admit(&verdict(sequence)));
        until("the hole to be found", || port.counters().last_error == SILENT).await;
        let found = begun.elapsed();
        assert!(found < FOUND_WITHIN, "{found:?}");
        // Attempts into the hole end by themselves.
        let unanswered = Some(PublishError::NoAnswer { limit_ms: 500 });
        until("an attempt without an answer", || port.counters().last_error == unanswered).await;
        bench.proxy.set(Wire::Good);
        let healed = Instant::now();
        until("every acknowledgement", || port.counters().acknowledged == 600).await;
        let back = healed.elapsed();
        println!(
            "black hole: found after {found:?} at a keep-alive of 2 s, all delivered {back:?} after it healed"
        );
        assert!(back < Duration::from_secs(3), "{back:?}");
    });
    bench.settle(&port, 600);
}

/// 300 ms each way, as over a satellite: slow, and no reason to reconnect, neither busy nor idle.
pub(crate) fn a_slow_link_is_kept() {
    let mut bench = Bench::new();
    bench.options.connect_limit = Duration::from_secs(5);
    bench.proxy.set(Wire::Late(Duration::from_millis(300)));
    let port = TestPort::new();
    with_link(&port, &bench.options, async {
        bench.ready(&port).await;
        let begun = Instant::now();
        feed(&port, 0..200).await;
        until("every acknowledgement", || port.counters().acknowledged == 200).await;
        println!("300 ms each way: 200 verdicts in {:?}", begun.elapsed());
        // Two pings and their late answers.
        rt::sleep(KEEP_ALIVE * 5 / 2).await.unwrap();
        let counters = port.counters();
        assert!(counters.connected);
        let unwanted = (counters.reconnects, counters.resent, counters.strays);
        assert_eq!((counters.connects, unwanted, counters.last_error), (1, (0, 0, 0), None));
    });
    bench.settle(&port, 200);
}

/// Connections end in the middle of a packet, of either side's, at places that chance picks.
pub(crate) fn a_link_that_is_cut_again_and_again_loses_nothing() {
    let mut bench = Bench::new();
    bench.options.reconnect_min = Duration::from_millis(10);
    bench.options.reconnect_max = Duration::from_millis(20);
    bench.proxy.set(Wire::Cut);
    let port = TestPort::new();
    let mut count = 0;
    with_link(&port, &bench.options, async {
        until("the other end", || bench.collector.is_ready()).await;
        let begun = Instant::now();
        while bench.proxy.cuts() < 40 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} cuts only", bench.proxy.cuts());
            feed(&port, count..count + 10).await;
            count += 10;
        }
        bench.proxy.set(Wire::Good);
        // The last connection was made by the bad wire, and ends when its bytes are spent.
        until("every acknowledgement", || port.counters().acknowledged == count).await;
        let (cuts, counters) = (bench.proxy.cuts(), port.counters());
        println!("{cuts} cuts: {count} verdicts in {:?}, {} sent again", begun.elapsed(), counters.resent);
        assert!(counters.reconnects >= 20, "{counters:?}");
        assert_eq!(counters.strays, 0);
    });
    bench.settle(&port, count);
}

/// One direction ends, the other stays. Told of it, either side closes; untold, only the keep-alive can tell.
pub(crate) fn half_a_link_is_none() {
    let bench = Bench::new();
    let port = TestPort::new();
    let mut count = 0;
    with_link(&port, &bench.options, async {
        bench.ready(&port).await;
        let told = [PublishError::Closed, PublishError::Stream(std::io::ErrorKind::ConnectionReset)];
        let silent = [PublishError::Silent { limit_ms: 1000 }; 2];
        for (wire, name, expected, limit) in [
            (Wire::EndDown, "the broker's half", told, Duration::from_secs(1)),
            (Wire::EndUp, "the agent's half", told, Duration::from_secs(1)),
            (Wire::Deaf, "the agent's half, untold", silent, FOUND_WITHIN),
        ] {
            let connects = port.counters().connects;
            bench.proxy.set(wire);
            let begun = Instant::now();
            (0..20).for_each(|more| port.admit(&verdict(count + more)));
            count += 20;
            until("a lost connection", || !port.counters().connected).await;
            let (found, error) = (begun.elapsed(), port.counters().last_error);
            bench.proxy.set(Wire::Good);
            println!("{name} ends: found after {found:?}, {error:?}");
            assert!(error.is_some_and(|error| expected.contains(&error)), "{name}: {error:?}");
            assert!(found < limit, "{name}: {found:?}");
            until("a new connection", || port.counters().connects > connects).await;
            until("every acknowledgement", || port.counters().acknowledged == count).await;
        }
    });
    bench.settle(&port, count);
}
