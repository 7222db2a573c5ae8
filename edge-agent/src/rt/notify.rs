//! A doorbell between tasks of one thread.

use futures_lite::future::poll_fn;
use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// Rings that coalesce: any number of [`ring`](Self::ring)s before a wait end exactly one wait. One task may wait.
#[derive(Default)]
pub struct Notify {
    /// Rung since the last wait ended.
    rung: Cell<bool>,
    /// The task that waits.
    waker: RefCell<Option<Waker>>,
}

impl Notify {
    /// A bell that has not rung.
    #[must_use]
    pub const fn new() -> Self {
        Self { rung: Cell::new(false), waker: RefCell::new(None) }
    }

    /// Ends the current wait, or the next one.
    pub fn ring(&self) {
        self.rung.set(true);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for a ring.
    pub async fn wait(&self) {
        poll_fn(|context| self.poll_wait(context)).await;
    }

    /// Ready when rung since the last time this said so; for use inside a hand-written `poll`.
    pub fn poll_wait(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.rung.take() {
            return Poll::Ready(());
        }
        let old = self.waker.replace(Some(context.waker().clone()));
        drop(old);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::super::block_on;
    use super::*;
    use futures_lite::future::{poll_once, zip};

    #[test]
    fn rings_coalesce_and_are_not_lost() {
        block_on(async {
            let bell = Notify::new();
            bell.ring();
            bell.ring();
            bell.wait().await;
            assert_eq!(poll_once(bell.wait()).await, None, "two rings, one wait");
            zip(bell.wait(), async { bell.ring() }).await;
        })
        .unwrap();
    }
}
