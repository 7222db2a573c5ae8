//! The loop: poll what is ready, then sleep in epoll until something is.

use super::reactor;
use async_executor::{LocalExecutor, Task};
use futures_lite::future;
use polling::{Events, Poller};
use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// Task polls in a row before descriptors are looked at again, so that a busy task cannot starve the others.
const BURST: usize = 64;

/// Events fetched from the kernel at once (16 bytes each); more simply wait for the next turn.
const EVENTS: NonZeroUsize = match NonZeroUsize::new(super::SOURCES) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// The executor and reactor of one thread.
///
/// Tasks may borrow what outlives the runtime (`'a`). Dropping the runtime drops its tasks.
pub struct Runtime<'a> {
    /// Tasks spawned beside the main future.
    executor: LocalExecutor<'a>,
    /// The epoll instance.
    poller: Arc<Poller>,
    /// Where the kernel's answer lands; kept so that a turn allocates nothing.
    events: RefCell<Events>,
}

/// The waker of the loop. It may be woken from any thread, and costs a system call only when the loop sleeps.
struct Unpark {
    /// Something is ready to be polled.
    woken: AtomicBool,
    /// The loop is in, or about to enter, the kernel.
    parked: AtomicBool,
    /// Interrupts the sleep.
    poller: Arc<Poller>,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if self.parked.swap(false, Ordering::SeqCst) {
            // The only error is a closed poller, and we hold it open.
            let _ = self.poller.notify();
        }
    }
}

impl<'a> Runtime<'a> {
    /// Gives the calling thread a reactor: one epoll, one eventfd and one timerfd.
    ///
    /// # Errors
    /// When the kernel refuses these descriptors, or the thread has a runtime already.
    pub fn new() -> io::Result<Self> {
        let poller = reactor::install()?;
        let events = RefCell::new(Events::with_capacity(EVENTS));
        Ok(Self { executor: LocalExecutor::new(), poller, events })
    }

    /// Starts a task that runs while [`block_on`](Self::block_on) does. Dropping the handle cancels it; `detach` lets
    /// it go.
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.executor.spawn(future)
    }

    /// Runs `main`, and every spawned task beside it, until `main` ends.
    ///
    /// # Errors
    /// When the kernel refuses to wait, which leaves nothing to do but to end.
    pub fn block_on<T>(&self, main: impl Future<Output = T>) -> io::Result<T> {
        let mut both = pin!(future::or(main, self.run_tasks()));
        let unpark = Arc::new(Unpark {
            woken: AtomicBool::new(true),
            parked: AtomicBool::new(false),
            poller: Arc::clone(&self.poller),
        });
        let waker = Waker::from(Arc::clone(&unpark));
        let mut context = Context::from_waker(&waker);
        loop {
            unpark.woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(result) = both.as_mut().poll(&mut context) {
                return Ok(result);
            }
            self.turn(&unpark)?;
        }
    }

    /// Runs spawned tasks forever. `tick` rather than the executor's `run`, whose stealing queue would cost 8 KB.
    async fn run_tasks<T>(&self) -> T {
        loop {
            for _ in 0..BURST {
                self.executor.tick().await;
            }
            future::yield_now().await;
        }
    }

    /// Waits until something is ready; only looks at descriptors if something already is.
    fn turn(&self, unpark: &Unpark) -> io::Result<()> {
        let mut events = self.events.borrow_mut();
        loop {
            events.clear();
            unpark.parked.store(true, Ordering::SeqCst);
            let waited = if unpark.woken.load(Ordering::SeqCst) {
                self.poller.wait(&mut events, Some(std::time::Duration::ZERO))
            } else if let Some(deadline) = reactor::deadline() {
                self.poller.wait_deadline(&mut events, deadline)
            } else {
                self.poller.wait(&mut events, None)
            };
            unpark.parked.store(false, Ordering::SeqCst);
            waited?;
            reactor::dispatch(&events, Instant::now());
            if unpark.woken.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
    }
}

impl Drop for Runtime<'_> {
    fn drop(&mut self) {
        reactor::uninstall();
    }
}

/// Runs one future on a runtime of its own; for programs that spawn nothing.
///
/// # Errors
/// See [`Runtime::new`] and [`Runtime::block_on`].
pub fn block_on<T>(main: impl Future<Output = T>) -> io::Result<T> {
    Runtime::new()?.block_on(main)
}

#[cfg(test)]
mod tests {
    use super::super::{RtError, sleep, wakeups};
    use super::*;
    use std::cell::Cell;
    use std::time::Duration;

    #[test]
    fn a_ready_future_never_enters_the_kernel() {
        let count = block_on(async { wakeups() }).unwrap();
        assert_eq!(count, 0);
    }

    #[test]
    fn tasks_run_beside_main_and_may_borrow() {
        let sum = Cell::new(0);
        let runtime = Runtime::new().unwrap();
        let tasks: Vec<_> = (1..=100).map(|n| runtime.spawn(add(&sum, n))).collect();
        let all = async {
            for task in tasks {
                task.await;
            }
        };
        runtime.block_on(all).unwrap();
        assert_eq!(sum.get(), 5050);
    }

    async fn add(sum: &Cell<u32>, n: u32) {
        future::yield_now().await;
        sum.set(sum.get() + n);
    }

    #[test]
    fn a_busy_task_does_not_starve_a_timer() {
        let runtime = Runtime::new().unwrap();
        let busy = runtime.spawn(async {
            loop {
                future::yield_now().await;
            }
        });
        runtime.block_on(async { sleep(Duration::from_millis(5)).await }).unwrap().unwrap();
        drop::<Task<()>>(busy);
    }

    #[test]
    fn a_thread_has_one_runtime() {
        let first = Runtime::new().unwrap();
        let second = Runtime::new().err().map(|error| error.to_string());
        assert_eq!(second, Some(RtError::RuntimeExists.to_string()));
        drop(first);
        assert!(Runtime::new().is_ok());
    }

    #[test]
    fn a_waker_on_another_thread_ends_the_sleep() {
        let mut helper = None;
        let done = Arc::new(AtomicBool::new(false));
        let main = future::poll_fn(|context| {
            if done.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            if helper.is_none() {
                let (done, waker) = (Arc::clone(&done), context.waker().clone());
                helper = Some(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    done.store(true, Ordering::SeqCst);
                    waker.wake();
                }));
            }
            Poll::Pending
        });
        block_on(main).unwrap();
    }
}
