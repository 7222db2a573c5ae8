//! Between queue and flash: what the port moves to the spool, and what comes back from it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::Port;
use crate::clock::Now;
use crate::queue::Entry;
use crate::rt::Notify;
use crate::spool::{Books, Spool, SpoolError};

/// Verdicts moved to flash before the rest of the agent gets its turn.
const MOVED_AT_ONCE: usize = 64;

/// The spool of a port, if it has one.
#[derive(Default)]
pub(super) struct Kept {
    /// The spool, open since the start.
    spool: RefCell<Option<Box<Spool>>>,
    /// Rung when something is queued that cannot be sent now.
    waits: Notify,
    /// Rung when the queue has little room left.
    pressed: Notify,
    /// When the next verdict may be replayed, if that is what it waits for.
    resume: Cell<Option<Instant>>,
    /// Whether the last attempt to use the spool failed, which was said.
    failing: Cell<bool>,
}

impl Kept {
    /// No spool.
    pub(super) const fn new() -> Self {
        Self {
            spool: RefCell::new(None),
            waits: Notify::new(),
            pressed: Notify::new(),
            resume: Cell::new(None),
            failing: Cell::new(false),
        }
    }
}

impl<const BLOCKS: usize> Port<BLOCKS> {
    /// Gives the port a spool.
    pub fn set_spool(&self, spool: Spool) {
        *self.kept.spool.borrow_mut() = Some(Box::new(spool));
    }

    /// The spool's account; `None` without one.
    pub fn kept(&self) -> Option<Books> {
        self.kept.spool.borrow().as_deref().map(Spool::books)
    }

    /// Ends `delay` after something was queued that cannot be sent, or at once when there is little room for more. Then
    /// [`keep`](Self::keep) is to be called.
    pub async fn keeping_due(&self, delay: Duration) {
        self.kept.waits.wait().await;
        let rest = async {
            // Without a timer it is only sooner.
            let _ = crate::rt::sleep(delay).await;
        };
        futures_lite::future::or(rest, self.kept.pressed.wait()).await;
    }

    /// Moves queued verdicts to flash: if the link is down, or `ends`, the agent does, all of them, most severe first; if it is only slow, the least
    /// severe until there is room again. `true` when there are more, and the rest of the agent should have its turn first.
    pub fn keep(&self, ends: bool) -> bool {
        let connected = self.counters.borrow().as_deref().is_some_and(|counters| counters.connected);
        let mut spool = self.kept.spool.borrow_mut();
        let Some(spool) = spool.as_deref_mut() else { return false };
        let now_ns = Now::read().boot_ns;
        let mut result = Ok(());
        let mut moved = 0;
        while moved < MOVED_AT_ONCE && (ends || !connected || self.is_pressed()) {
            let next = if ends || !connected { self.pop() } else { self.pop_least() };
            let Some(entry) = next else { break };
            result = spool.push(&entry, now_ns);
            if result.is_err() {
                self.requeue(&entry);
                break;
            }
            moved += 1;
        }
        let synced = spool.sync();
        if moved > 0 && synced.is_ok() {
            log::debug!("spool: kept verdicts={moved} held={}", spool.books().lanes.held);
        }
        self.judge(result.and(synced));
        moved == MOVED_AT_ONCE
    }

    /// The next verdict of the spool that may be sent now.
    pub(super) fn lend(&self) -> Option<(u64, Entry)> {
        self.kept.resume.set(None);
        let mut spool = self.kept.spool.borrow_mut();
        let spool = spool.as_deref_mut().filter(|spool| !spool.is_empty())?;
        let now_ns = Now::read().boot_ns;
        if let Some(wait_ns) = spool.pause_ns(now_ns) {
            self.kept.resume.set(Instant::now().checked_add(Duration::from_nanos(wait_ns)));
            return None;
        }
        let lent = spool.lend(now_ns);
        let (result, lent) = match lent {
            Ok(lent) => (Ok(()), lent),
            Err(error) => (Err(error), None),
        };
        self.judge(result);
        lent
    }

    /// When the next verdict may be replayed, if one waits for its time. A time that has come is told once.
    pub(super) fn next_replay(&self) -> Option<Instant> {
        self.kept.resume.take().inspect(|resume| {
            if *resume > Instant::now() {
                self.kept.resume.set(Some(*resume));
            }
        })
    }

    /// The broker has a verdict that was lent.
    pub(super) fn delivered(&self, key: u64) {
        if let Some(spool) = self.kept.spool.borrow_mut().as_deref_mut() {
            self.judge(spool.acknowledge(key));
        }
    }

    /// Something is queued, or the link is lost.
    pub(super) fn consider_keeping(&self, connected: bool) {
        if self.kept.spool.borrow().is_none() || self.is_drained() {
            return;
        }
        if self.is_pressed() {
            self.kept.waits.ring();
            self.kept.pressed.ring();
        } else if !connected {
            self.kept.waits.ring();
        }
    }

    /// Says that the spool fails, and that it works again, once each. A used up budget is no failure.
    fn judge(&self, result: Result<(), SpoolError>) {
        match result {
            Ok(()) => {
                if self.kept.failing.replace(false) {
                    log::info!("spool: works again");
                }
            }
            Err(error @ SpoolError::Budget) => log::debug!("spool: {error}"),
            Err(error) => {
                if !self.kept.failing.replace(true) {
                    log::error!("spool: {error}; verdicts stay in memory meanwhile");
                }
            }
        }
    }
}
