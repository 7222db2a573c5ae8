//! Waiting for an instant.

use super::{RtError, reactor};
use futures_lite::future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A timer; it takes a slot of the reactor from its first poll until it is dropped.
pub struct Sleep {
    /// When it ends; `None` when the instant lies beyond what the clock can express, which is never.
    deadline: Option<Instant>,
    /// Its place in the reactor's table, once polled.
    slot: Option<usize>,
}

/// Waits for `span`. The result is an error only when all timers are taken or the thread has no runtime.
#[must_use]
pub fn sleep(span: Duration) -> Sleep {
    Sleep { deadline: Instant::now().checked_add(span), slot: None }
}

/// Waits until `deadline`; ends at once when that is past.
#[must_use]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline: Some(deadline), slot: None }
}

/// Runs `future` for at most `limit`, then drops it.
///
/// # Errors
/// [`RtError::Elapsed`], or that no timer could be had.
pub async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, RtError> {
    let work = async { Ok(future.await) };
    let alarm = async {
        sleep(limit).await?;
        Err(RtError::Elapsed { limit_ms: limit.as_millis() as u64 })
    };
    future::or(work, alarm).await
}

impl Future for Sleep {
    type Output = Result<(), RtError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if Instant::now() >= deadline {
            return Poll::Ready(Ok(()));
        }
        match reactor::arm(self.slot, deadline, context) {
            Ok(slot) => {
                self.slot = Some(slot);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            reactor::disarm(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TIMERS, block_on, wakeups};
    use super::*;

    #[test]
    fn timers_fire_in_order_and_not_early() {
        block_on(async {
            let start = Instant::now();
            let late = async {
                sleep(Duration::from_millis(40)).await.unwrap();
                2
            };
            let early = async {
                sleep(Duration::from_millis(20)).await.unwrap();
                1
            };
            assert_eq!(future::or(late, early).await, 1);
            assert!(start.elapsed() >= Duration::from_millis(20));
            assert!(start.elapsed() < Duration::from_millis(40));
            assert_eq!(wakeups(), 1, "one wake-up per timer, none on the way");
        })
        .unwrap();
    }

    #[test]
    fn the_table_is_bounded_and_slots_return() {
        block_on(async {
            let mut held: Vec<Sleep> = (0..TIMERS).map(|_| sleep(Duration::from_secs(60))).collect();
            for timer in &mut held {
                assert_eq!(future::poll_once(timer).await, None);
            }
            assert_eq!(sleep(Duration::from_secs(1)).await, Err(RtError::TimersFull));
            held.pop();
            assert_eq!(sleep(Duration::from_millis(1)).await, Ok(()));
        })
        .unwrap();
    }

    #[test]
    fn a_timeout_gives_the_value_or_the_limit() {
        block_on(async {
            assert_eq!(timeout(Duration::from_secs(9), async { 7 }).await, Ok(7));
            let limit = Duration::from_millis(3);
            let ended = timeout(limit, future::pending::<()>()).await;
            assert_eq!(ended, Err(RtError::Elapsed { limit_ms: 3 }));
            // An instant the clock cannot express is never, not a panic.
            assert!(timeout(limit, sleep(Duration::MAX)).await.is_err());
        })
        .unwrap();
    }
}
