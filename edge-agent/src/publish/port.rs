//! The agent's side of the link: put things in, read the books.

use super::Counters;
use crate::queue::{Books, Entry, PAYLOAD_BYTES, Queue, TooLong};
use crate::rt::Notify;
use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};

/// What is sent beside verdicts. Of each only the latest is kept until it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The heartbeat, `QoS` 0: a lost one is replaced by the next.
    Health = 0,
    /// The answer to a command, `QoS` 1.
    Reply = 1,
    /// Online, or in which condition; retained, `QoS` 1, and sent again on every new connection.
    Status = 2,
}

/// A message waiting in its slot.
pub(super) type Post = heapless::Vec<u8, PAYLOAD_BYTES>;

/// Where the pipeline and the link meet, on one thread. `BLOCKS` sizes the queue.
#[derive(Default)]
pub struct Port<const BLOCKS: usize> {
    /// Verdicts on their way out.
    queue: RefCell<Queue<BLOCKS>>,
    /// The latest unsent message of each [`Channel`].
    posts: RefCell<[Option<Post>; 3]>,
    /// Rung when there is something to send.
    bell: Notify,
    /// Rung once, to stop.
    halt: Notify,
    /// Whether the link was told to stop.
    stopping: Cell<bool>,
    /// The link's account, copied here after every step. Boxed, because the empty account is not all zero bytes, and one
    /// byte that is not would put the whole port, queue included, into the binary and into memory.
    pub(super) counters: RefCell<Option<Box<Counters>>>,
    /// What is kept on flash meanwhile.
    #[cfg(feature = "spool")]
    pub(super) kept: super::kept::Kept,
}

impl<const BLOCKS: usize> Port<BLOCKS> {
    /// An empty port.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: RefCell::new(Queue::new()),
            posts: RefCell::new([const { None }; 3]),
            bell: Notify::new(),
            halt: Notify::new(),
            stopping: Cell::new(false),
            counters: RefCell::new(None),
            #[cfg(feature = "spool")]
            kept: super::kept::Kept::new(),
        }
    }

    /// Queues a verdict; see [`Queue::admit`] for what happens when there is no room.
    pub fn admit(&self, entry: &Entry) {
        self.queue.borrow_mut().admit(entry);
        self.bell.ring();
        #[cfg(feature = "spool")]
        self.consider_keeping(self.counters.borrow().as_deref().is_some_and(|counters| counters.connected));
    }

    /// Counts a verdict as shed that may not be told; see [`Queue::turn_away`].
    pub fn turn_away(&self, entry: &Entry) {
        self.queue.borrow_mut().turn_away(entry);
    }

    /// Sets the latest message of a channel.
    ///
    /// # Errors
    /// When it exceeds 512 bytes.
    pub fn post(&self, channel: Channel, payload: &[u8]) -> Result<(), TooLong> {
        let post = Post::from_slice(payload).map_err(|_| TooLong { bytes: payload.len() })?;
        if let Some(slot) = self.posts.borrow_mut().get_mut(channel as usize) {
            *slot = Some(post);
        }
        self.bell.ring();
        Ok(())
    }

    /// Tells the link to drain, say goodbye and return.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.halt.ring();
    }

    /// The queue's account.
    pub fn books(&self) -> Books {
        self.queue.borrow().books()
    }

    /// The link's account.
    pub fn counters(&self) -> Counters {
        self.counters.borrow().as_deref().copied().unwrap_or_default()
    }

    /// Whether the pipeline should slow down; see [`Queue::is_pressed`].
    pub fn is_pressed(&self) -> bool {
        self.queue.borrow().is_pressed()
    }

    /// Whether [`stop`](Self::stop) was called.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Whether no verdict waits.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// The next verdict.
    pub(super) fn pop(&self) -> Option<Entry> {
        self.queue.borrow_mut().pop()
    }

    /// The verdict that can wait longest.
    #[cfg(feature = "spool")]
    pub(super) fn pop_least(&self) -> Option<Entry> {
        self.queue.borrow_mut().pop_least()
    }

    /// Puts an undelivered verdict back.
    pub(super) fn requeue(&self, entry: &Entry) {
        self.queue.borrow_mut().requeue(entry);
    }

    /// Takes the latest message of a channel.
    pub(super) fn take(&self, channel: Channel) -> Option<Post> {
        self.posts.borrow_mut().get_mut(channel as usize).and_then(Option::take)
    }

    /// Ready when something was put in since the last time.
    pub(super) fn poll_bell(&self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.poll_wait(context)
    }

    /// Ready once, when told to stop.
    pub(super) fn poll_halt(&self, context: &mut Context<'_>) -> Poll<()> {
        self.halt.poll_wait(context)
    }

    /// Copies the link's account here.
    pub(super) fn set_counters(&self, counters: Counters) {
        **self.counters.borrow_mut().get_or_insert_default() = counters;
        #[cfg(feature = "spool")]
        self.consider_keeping(counters.connected);
    }
}
