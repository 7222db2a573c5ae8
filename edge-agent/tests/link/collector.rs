//! The other end as a thread: notes which verdicts arrive, and comes back when the broker does.

use super::subscriber::Subscriber;
use super::support::topic;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the last verdicts may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the thread tells.
#[derive(Default)]
struct Shared {
    /// Sequence numbers that arrived.
    seen: Mutex<HashSet<u32>>,
    /// Verdicts that arrived, those counted twice that arrived twice.
    arrived: AtomicU32,
    /// Subscribed on a connection that stands, as far as is known.
    ready: AtomicBool,
    /// Told to end.
    done: AtomicBool,
}

/// A subscriber to verdicts in a thread of its own, with a session that the broker keeps.
pub(crate) struct Collector {
    /// What it tells.
    shared: Arc<Shared>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Begins to collect from the broker on this loopback port.
    pub(crate) fn start(port: u16) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || collect(port, &shared)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Whether it is subscribed.
    pub(crate) fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::SeqCst)
    }

    /// How many different verdicts have arrived.
    pub(crate) fn count(&self) -> u32 {
        self.shared.seen.lock().unwrap().len() as u32
    }

    /// How many verdicts arrived that had arrived before.
    pub(crate) fn repeated(&self) -> u32 {
        self.shared.arrived.load(Ordering::SeqCst) - self.count()
    }

    /// Waits for so many different verdicts, or for [`PATIENCE`], and ends. What arrived.
    pub(crate) fn finish(mut self, expected: u32) -> HashSet<u32> {
        let begun = Instant::now();
        while self.count() < expected && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        self.end();
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }

    /// Ends the thread.
    fn end(&mut self) {
        self.shared.done.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}

/// Panics with the first numbers that are in only one of two sets.
pub(crate) fn assert_same(arrived: &HashSet<u32>, expected: &HashSet<u32>) {
    let mut missing: Vec<_> = expected.difference(arrived).collect();
    let mut invented: Vec<_> = arrived.difference(expected).collect();
    missing.sort_unstable();
    invented.sort_unstable();
    let (few_missing, few_invented): (Vec<_>, Vec<_>) =
        (missing.iter().take(10).collect(), invented.iter().take(10).collect());
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{} of {} arrived; {} missing, first {few_missing:?}; {} that should not, first {few_invented:?}",
        arrived.len(),
        expected.len(),
        missing.len(),
        invented.len()
    );
}

/// The thread.
fn collect(port: u16, shared: &Shared) {
    while !shared.done.load(Ordering::SeqCst) {
        let Some(mut subscriber) = Subscriber::new(port, "edge-collect", &topic("verdict")) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        shared.ready.store(true, Ordering::SeqCst);
        while !subscriber.is_gone() && !shared.done.load(Ordering::SeqCst) {
            let Some(publish) = subscriber.next(Duration::from_millis(50)) else { continue };
            let sequence = publish.payload.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap();
            shared.arrived.fetch_add(1, Ordering::SeqCst);
            shared.seen.lock().unwrap().insert(sequence);
        }
        shared.ready.store(false, Ordering::SeqCst);
    }
}
