//! Verdicts that outlive the agent: kept on flash while no broker is there, delivered by the next run.

use super::broker::{Mosquitto, free_port};
use super::collector::{Collector, assert_same};
use super::support::{TestPort, options, until, verdict, with_link};
use edge_agent::queue::Entry;
use edge_agent::rt::{self, Runtime};
use edge_agent::spool::{Settings, Spool};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Verdicts of the large test.
const VERDICTS: u32 = 10_000;

/// A folder that ends with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edge-link-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The spool in a folder.
fn spool(folder: &Path, replay: u32) -> Spool {
    let settings = Settings { folder: folder.into(), bytes: 4 << 20, daily_bytes: 1 << 30, replay };
    Spool::open(&settings, 0).unwrap()
}

/// The port of a run, with that spool.
fn port_with(spool: Spool) -> TestPort {
    let port = TestPort::new();
    port.set_spool(spool);
    port
}

/// The other end, subscribed: what is replayed before it is would go to nobody.
fn collector(broker: &Mosquitto) -> Collector {
    let collector = Collector::start(broker.port);
    let begun = Instant::now();
    while !collector.is_ready() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no subscription within ten seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
    collector
}

/// Admits verdicts at full speed and keeps them as the agent does.
async fn feed(port: &TestPort, range: std::ops::Range<u32>) {
    let keeping = async {
        loop {
            port.keeping_due(Duration::from_millis(100)).await;
            while port.keep(false) {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let feeding = async {
        for sequence in range {
            port.admit(&verdict(sequence));
            if sequence % 32 == 0 {
                futures_lite::future::yield_now().await;
            }
        }
        until("everything kept", || port.books().queued == 0).await;
    };
    futures_lite::future::or(keeping, feeding).await;
}

/// Ten thousand verdicts while there is no broker, the agent gone without a goodbye, and all of them delivered by the next one in less than ten
/// seconds; the spool is empty then, on flash as well.
pub(crate) fn a_silent_week_is_replayed_after_a_crash() {
    let folder = Folder::new("week");
    let runtime = Runtime::new().unwrap();
    let port = port_with(spool(&folder.0, 10_000));
    runtime.block_on(feed(&port, 0..VERDICTS)).unwrap();
    drop(runtime);
    let (books, kept) = (port.books(), port.kept().unwrap());
    assert_eq!((books.shed_total(), kept.lanes.kept, kept.lanes.held), (0, VERDICTS, VERDICTS));
    println!("{} bytes written to flash for a verdict", kept.written / u64::from(VERDICTS));
    // What the agent keeps it has promised: nothing is said to this port any more.
    drop(port);

    let broker = Mosquitto::start("");
    let collector = collector(&broker);
    let port = port_with(spool(&folder.0, 10_000));
    assert_eq!(port.kept().unwrap().lanes.recovered, VERDICTS);
    with_link(&port, &options(&[broker.port]), async {
        let begun = Instant::now();
        until("an empty spool", || port.kept().unwrap().lanes.held == 0).await;
        println!("{VERDICTS} verdicts replayed in {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(10));
    });
    assert!(port.kept().unwrap().lanes.balance());
    assert_same(&collector.finish(VERDICTS), &(0..VERDICTS).collect());
    drop(port);
    assert!(spool(&folder.0, 1).is_empty());
}

/// What comes while the spool is replayed does not wait for it, and replay keeps to its pace.
pub(crate) fn replay_leaves_room_for_what_is_new() {
    let folder = Folder::new("room");
    let mut kept = spool(&folder.0, 50);
    (0..200).for_each(|sequence| kept.push(&verdict(sequence), 0).unwrap());
    kept.sync().unwrap();
    let broker = Mosquitto::start("");
    let collector = collector(&broker);
    let port = port_with(kept);
    with_link(&port, &options(&[broker.port]), async {
        until("both ends", || port.counters().connected).await;
        let begun = Instant::now();
        port.admit(&verdict(1_000));
        until("the new one", || port.counters().acknowledged == 1).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        until("an empty spool", || port.kept().unwrap().lanes.held == 0).await;
        // Seconds are those of the clock, so the first and the last may be short.
        let took = begun.elapsed();
        assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&took), "{took:?}");
    });
    let mut expected: std::collections::HashSet<u32> = (0..200).collect();
    expected.insert(1_000);
    assert_same(&collector.finish(201), &expected);
}

/// A link that ends in the middle of a replay costs nothing, and a stop leaves on flash what was not delivered.
pub(crate) fn a_stop_keeps_what_was_not_delivered() {
    let folder = Folder::new("stop");
    let port = port_with(spool(&folder.0, 10_000));
    // Nobody listens there.
    with_link(&port, &options(&[free_port()]), async {
        (0..20).for_each(|sequence| port.admit(&verdict(sequence)));
        rt::sleep(Duration::from_millis(100)).await.unwrap();
    });
    while port.keep(true) {}
    drop(port);
    let mut broker = Mosquitto::start("");
    let collector = collector(&broker);
    let mut kept = spool(&folder.0, 300);
    assert_eq!(kept.books().lanes.recovered, 20);
    (20..1_000).for_each(|sequence| kept.push(&verdict(sequence), 0).unwrap());
    let port = port_with(kept);
    with_link(&port, &options(&[broker.port]), async {
        for _ in 0..5 {
            until("both ends", || port.counters().connected).await;
            rt::sleep(Duration::from_millis(300)).await.unwrap();
            broker.kill();
            rt::sleep(Duration::from_millis(50)).await.unwrap();
            broker.restart();
        }
        until("an empty spool", || port.kept().unwrap().lanes.held == 0).await;
    });
    assert!(port.kept().unwrap().lanes.balance());
    assert_same(&collector.finish(1_000), &(0..1_000).collect());
}

/// A link that is up and slow: the least severe wait on flash, and the severe ones go out before them.
pub(crate) fn a_slow_link_spills_what_matters_least() {
    let folder = Folder::new("slow");
    let port = port_with(spool(&folder.0, 10_000));
    let broker = Mosquitto::start("");
    let collector = collector(&broker);
    let entry =
        |severity, sequence: u32| Entry::new(severity, sequence, verdict(sequence).payload()).unwrap();
    with_link(&port, &options(&[broker.port]), async {
        until("the link", || port.counters().connected).await;
        // Faster than anything can leave: none of it has a turn in between.
        (0..10).for_each(|sequence| port.admit(&entry(4, sequence)));
        (10..240).for_each(|sequence| port.admit(&entry(1, sequence)));
        assert_eq!((port.books().shed_total(), port.kept().unwrap().lanes.held), (0, 0));
        while port.keep(false) {}
        let kept = port.kept().unwrap().lanes;
        assert!((64..=230).contains(&kept.held), "{kept:?}");
        until("everything", || port.kept().unwrap().lanes.held == 0 && port.books().queued == 0).await;
        until("acknowledged", || port.counters().in_flight == 0).await;
        let counters = port.counters();
        assert_eq!(counters.acknowledged + port.kept().unwrap().lanes.delivered_own, 240);
        assert!(counters.acknowledged >= 10, "the severe ones never went to flash");
    });
    assert_same(&collector.finish(240), &(0..240).collect());
}

/// A spool that takes nothing more, here because its budget is used up: what it refuses waits in memory as if there were none, is shed from there
/// when that is full, and is delivered when the broker is back.
pub(crate) fn what_the_spool_refuses_stays_in_memory() {
    let folder = Folder::new("refuses");
    // A twenty-fourth of a mebibyte at once: eleven pages, half of them for what is severe.
    let settings =
        Settings { folder: folder.0.clone(), bytes: 4 << 20, daily_bytes: 1 << 20, replay: 10_000 };
    let port = port_with(Spool::open(&settings, 0).unwrap());
    let runtime = Runtime::new().unwrap();
    let flood = async {
        for sequence in 0..1_000 {
            port.admit(&verdict(sequence));
            while port.keep(false) {}
        }
    };
    runtime.block_on(flood).unwrap();
    drop(runtime);
    let (books, kept) = (port.books(), port.kept().unwrap().lanes);
    assert!(books.balance() && kept.balance(), "{books:?} {kept:?}");
    assert!(kept.held > 0 && books.queued > 0 && books.shed_total() > 0, "{books:?} {kept:?}");
    assert_eq!(kept.held + books.queued + books.shed_total(), 1_000, "none is lost and none is twice");
    let broker = Mosquitto::start("");
    let collector = collector(&broker);
    with_link(&port, &options(&[broker.port]), async {
        until("everything", || port.kept().unwrap().lanes.held == 0 && port.books().queued == 0).await;
        until("acknowledged", || port.counters().in_flight == 0).await;
    });
    assert_eq!(collector.finish(kept.held + books.queued).len() as u32, kept.held + books.queued);
}
