//! The tables behind the reactor: which task waits for which descriptor or instant.
//!
//! No waker is woken or dropped while the tables are borrowed: a waker may own a task, and dropping a task drops its
//! descriptors and timers, which come back here.

use super::RtError;
use polling::{Event, Events, PollMode, Poller};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Most descriptors registered at once: ring buffer, signals, broker, resolver, and room to grow.
pub const SOURCES: usize = 16;

/// Most timers armed at once.
pub const TIMERS: usize = 16;

/// Room for every waker one turn can wake.
const WAKERS: usize = 2 * SOURCES + TIMERS;

thread_local! {
    /// The reactor of this thread, while its runtime lives.
    static REACTOR: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

/// What a descriptor can become.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    /// Bytes (or an end, or an error) can be read.
    Read = 0,
    /// Bytes can be written, or a connection attempt has ended.
    Write = 1,
}

/// One direction of one registered descriptor.
#[derive(Default)]
struct Side {
    /// The task that waits; present exactly while epoll is armed for this direction.
    waker: Option<Waker>,
    /// An event arrived that no task has consumed yet.
    ready: bool,
}

/// One armed timer.
struct Timer {
    /// When it fires.
    deadline: Instant,
    /// The task that waits; taken when the timer fires, so that it wakes once.
    waker: Option<Waker>,
}

/// Descriptors and timers of one thread.
struct Reactor {
    /// The epoll instance, shared with the runtime and with wakers that leave the thread.
    poller: Arc<Poller>,
    /// Registered descriptors, read side and write side; the index is the epoll key.
    sources: [Option<[Side; 2]>; SOURCES],
    /// Armed timers.
    timers: [Option<Timer>; TIMERS],
    /// Times epoll returned.
    wakeups: u64,
}

/// Runs `f` on this thread's reactor.
fn with<R>(f: impl FnOnce(&mut Reactor) -> R) -> Result<R, RtError> {
    let run = |cell: &RefCell<Option<Reactor>>| {
        let mut slot = cell.try_borrow_mut().map_err(|_| RtError::NoRuntime)?;
        slot.as_mut().map(f).ok_or(RtError::NoRuntime)
    };
    REACTOR.try_with(run).map_err(|_| RtError::NoRuntime)?
}

/// Gives this thread a reactor.
///
/// # Errors
/// [`RtError::RuntimeExists`] when it has one, and whatever epoll refuses.
pub(super) fn install() -> io::Result<Arc<Poller>> {
    if with(|_| ()).is_ok() {
        return Err(RtError::RuntimeExists.into());
    }
    let poller = Arc::new(Poller::new()?);
    let reactor = Reactor {
        poller: Arc::clone(&poller),
        sources: [const { None }; SOURCES],
        timers: [const { None }; TIMERS],
        wakeups: 0,
    };
    let _ = REACTOR.try_with(|cell| cell.replace(Some(reactor)));
    Ok(poller)
}

/// Takes the reactor away; descriptors that outlive it become inert.
pub(super) fn uninstall() {
    let old = REACTOR.try_with(RefCell::take);
    drop(old);
}

/// How often this thread has come back from waiting in the kernel, since its runtime began.
#[must_use]
pub fn wakeups() -> u64 {
    with(|reactor| reactor.wakeups).unwrap_or(0)
}

/// Registers a descriptor, disarmed, and returns its slot.
pub(super) fn add(fd: BorrowedFd<'_>) -> io::Result<usize> {
    with(|reactor| {
        let Some(slot) = reactor.sources.iter().position(Option::is_none) else {
            return Err(RtError::SourcesFull.into());
        };
        // SAFETY: needed because polling cannot tie the registration to the descriptor's life. `Io`, the only caller,
        // owns the descriptor and removes it here before closing it; epoll forgets closed descriptors by itself anyway.
        unsafe { reactor.poller.add_with_mode(&fd, Event::none(slot), PollMode::Oneshot) }?;
        if let Some(place) = reactor.sources.get_mut(slot) {
            *place = Some(<[Side; 2]>::default());
        }
        Ok(slot)
    })?
}

/// Forgets the descriptor in `slot`.
pub(super) fn remove(slot: usize, fd: BorrowedFd<'_>) {
    let old = with(|reactor| {
        // An error means that epoll has forgotten it before us, which is what we want.
        let _ = reactor.poller.delete(fd);
        reactor.sources.get_mut(slot).and_then(Option::take)
    });
    drop(old);
}

/// Ready when an event for `direction` has arrived since the last time this said so. One task per direction may wait.
pub(super) fn poll_ready(
    slot: usize,
    direction: Direction,
    fd: BorrowedFd<'_>,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut fresh = Some(context.waker().clone());
    let outcome = with(|reactor| {
        let Some(Some(sides)) = reactor.sources.get_mut(slot) else {
            return Poll::Ready(Err(RtError::NoRuntime.into()));
        };
        let [read, write] = sides;
        let side = match direction {
            Direction::Read => &mut *read,
            Direction::Write => &mut *write,
        };
        if side.ready {
            side.ready = false;
            return Poll::Ready(Ok(()));
        }
        let armed = side.waker.is_some();
        // Swapped, not assigned: the old waker is dropped by the caller, outside the borrow.
        std::mem::swap(&mut side.waker, &mut fresh);
        if armed {
            return Poll::Pending;
        }
        let interest = Event::new(slot, read.waker.is_some(), write.waker.is_some());
        match reactor.poller.modify_with_mode(fd, interest, PollMode::Oneshot) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    });
    drop(fresh);
    outcome.unwrap_or_else(|error| Poll::Ready(Err(error.into())))
}

/// Arms or renews a timer and returns its slot.
pub(super) fn arm(
    slot: Option<usize>,
    deadline: Instant,
    context: &mut Context<'_>,
) -> Result<usize, RtError> {
    let mut timer = Some(Timer { deadline, waker: Some(context.waker().clone()) });
    let outcome = with(|reactor| {
        let slot =
            slot.or_else(|| reactor.timers.iter().position(Option::is_none)).ok_or(RtError::TimersFull)?;
        let place = reactor.timers.get_mut(slot).ok_or(RtError::TimersFull)?;
        std::mem::swap(place, &mut timer);
        Ok(slot)
    });
    drop(timer);
    outcome?
}

/// Frees a timer.
pub(super) fn disarm(slot: usize) {
    let old = with(|reactor| reactor.timers.get_mut(slot).and_then(Option::take));
    drop(old);
}

/// The earliest instant any task waits for.
pub(super) fn deadline() -> Option<Instant> {
    let earliest = |reactor: &mut Reactor| {
        reactor
            .timers
            .iter()
            .flatten()
            .filter(|timer| timer.waker.is_some())
            .map(|timer| timer.deadline)
            .min()
    };
    with(earliest).ok().flatten()
}

/// Wakes the tasks behind `events` and the timers that are due at `now`.
///
/// A one-shot event disarms both directions, so both tasks are woken; the one whose direction did not fire arms again.
pub(super) fn dispatch(events: &Events, now: Instant) {
    let mut wakers = heapless::Vec::<Waker, WAKERS>::new();
    let _ = with(|reactor| {
        reactor.wakeups += 1;
        for event in events.iter() {
            let Some(Some([read, write])) = reactor.sources.get_mut(event.key) else { continue };
            read.ready |= event.readable;
            write.ready |= event.writable;
            wakers.extend(read.waker.take());
            wakers.extend(write.waker.take());
        }
        for timer in reactor.timers.iter_mut().flatten().filter(|timer| timer.deadline <= now) {
            wakers.extend(timer.waker.take());
        }
    });
    wakers.into_iter().for_each(Waker::wake);
}

/// Borrows the descriptor of `source` for one call; spelled out once, because `AsFd` of a reference is easily misread.
pub(super) fn fd_of<T: AsFd>(source: &T) -> BorrowedFd<'_> {
    source.as_fd()
}
