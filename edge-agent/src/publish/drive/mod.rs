//! One connection from CONNECT to its end, over any stream.

#[cfg(test)]
mod tests;

use crate::publish::options::Options;
use crate::publish::port::{Channel, Port, Post};
use crate::publish::session::{Heard, Session};
use crate::publish::{Counters, PublishError};
use crate::rt::{sleep_until, timeout};
use bytes::{Buf, BytesMut};
use futures_lite::future::{poll_fn, yield_now};
use futures_lite::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Bytes read at once; an acknowledgement has four.
const CHUNK_BYTES: usize = 512;

/// Unwritten bytes beyond which nothing new is encoded.
const OUT_LOW_BYTES: usize = 1024;

/// Unwritten bytes beyond which nothing more is read: a broker that talks but does not listen must not fill our memory
/// with answers to it. One chunk of the shortest packets adds at most 300 bytes to this.
const OUT_HIGH_BYTES: usize = 4096;

/// Steps in a row without a wait, after which the other tasks get their turn: a broker that never pauses must not starve
/// them. They are at most 8 KiB of what it says.
const STEPS_IN_A_ROW: u8 = 16;

/// Time for the last bytes of a clean stop to leave.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// How far a clean stop has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// Not stopping.
    No,
    /// Sending what is queued.
    Draining,
    /// Waiting for the last status to be acknowledged.
    Farewell,
    /// DISCONNECT is written; only its bytes must leave.
    Gone,
}

/// What ended a wait.
enum Step {
    /// Bytes arrived; none means the end of the stream.
    Read(usize),
    /// Bytes left.
    Wrote(usize),
    /// Time to look at the clock, the queue or the stop flag.
    Look,
}

/// A session, a port and the buffers between them; outlives connections.
pub struct Driver<'a, const BLOCKS: usize> {
    /// Where verdicts come from.
    port: &'a Port<BLOCKS>,
    /// How to behave.
    options: &'a Options,
    /// The protocol.
    session: Session,
    /// Bytes to be written.
    out: BytesMut,
    /// The latest status.
    status: Post,
    /// The status must be sent (again).
    status_due: bool,
    /// How far a clean stop has come.
    closing: Closing,
    /// When a clean stop stops being patient.
    patience: Option<Instant>,
}

impl<'a, const BLOCKS: usize> Driver<'a, BLOCKS> {
    /// A driver that has not been connected.
    #[must_use]
    pub fn new(port: &'a Port<BLOCKS>, options: &'a Options) -> Self {
        let status = Post::from_slice(&options.online.payload).unwrap_or_default();
        Self {
            port,
            options,
            session: Session::new(options, Instant::now()),
            out: BytesMut::with_capacity(OUT_LOW_BYTES * 2),
            status,
            status_due: false,
            closing: Closing::No,
            patience: None,
        }
    }

    /// Speaks MQTT over `stream` until the connection ends. `Ok` means that we were told to stop.
    ///
    /// # Errors
    /// What ended the connection.
    pub async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        name: &str,
        on_command: &mut dyn FnMut(&[u8]),
    ) -> Result<(), PublishError> {
        self.out.clear();
        self.session.open(self.options, Instant::now(), &mut self.out)?;
        let mut chunk = [0; CHUNK_BYTES];
        let mut in_a_row = 0;
        loop {
            if in_a_row >= STEPS_IN_A_ROW {
                in_a_row = 0;
                yield_now().await;
            }
            let now = Instant::now();
            self.session.tick(now, &mut self.out)?;
            if self.produce(now)? {
                // The broker may close first; both are a clean end. One that does not listen is not waited for.
                let _ = timeout(FLUSH_LIMIT, stream.close()).await;
                return Ok(());
            }
            self.account();
            in_a_row += 1;
            match self
                .step(stream, &mut chunk, &mut in_a_row)
                .await
                .map_err(|error| PublishError::of_stream(&error))?
            {
                Step::Read(0) => return Err(PublishError::Closed),
                Step::Read(count) => self.hear(chunk.get(..count).unwrap_or_default(), name, on_command)?,
                Step::Wrote(count) => {
                    self.out.advance(count.min(self.out.len()));
                    self.session.sent(count, Instant::now());
                }
                Step::Look => {}
            }
        }
    }

    /// How long the broker has accepted the connection; zero when it has not.
    #[must_use]
    pub fn stood(&self) -> Duration {
        self.session.stood(Instant::now())
    }

    /// Forgets the connection and writes down why it ended.
    pub fn close(&mut self, error: Option<PublishError>) {
        let counters = &mut self.session.counters;
        counters.reconnects += u32::from(counters.connected);
        counters.last_error = error.or(counters.last_error);
        self.session.close();
        self.account();
    }

    /// Puts what was never acknowledged back into the queue, in order.
    pub fn surrender(&mut self) {
        for entry in self.session.surrender() {
            self.port.requeue(&entry);
        }
        self.account();
    }

    /// The account so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.session.counters()
    }

    /// Lets the rest of the agent see the account.
    fn account(&self) {
        self.port.set_counters(self.session.counters());
    }

    /// Handles received bytes.
    fn hear(
        &mut self,
        bytes: &[u8],
        name: &str,
        on_command: &mut dyn FnMut(&[u8]),
    ) -> Result<(), PublishError> {
        let status_due = &mut self.status_due;
        #[cfg(feature = "spool")]
        let port = self.port;
        self.session.receive(bytes, Instant::now(), &mut self.out, &mut |heard| match heard {
            Heard::Accepted { kept } => {
                *status_due = true;
                log::info!("publish: connected broker={name} session={}", if kept { "kept" } else { "new" });
            }
            Heard::Acknowledged => {}
            #[cfg(feature = "spool")]
            Heard::Delivered(key) => port.delivered(key),
            Heard::Command(payload) => on_command(payload),
            Heard::CommandsRefused => log::warn!("publish: commands refused broker={name} fault=refused"),
        })
    }

    /// Encodes what may be sent now. `true` when a clean stop is complete.
    fn produce(&mut self, now: Instant) -> Result<bool, PublishError> {
        if self.port.is_stopping() && self.closing == Closing::No {
            if !self.session.is_open() {
                return Ok(true);
            }
            self.closing = Closing::Draining;
            self.patience = now.checked_add(self.options.stop_limit);
        }
        if matches!(self.closing, Closing::No | Closing::Draining) && self.session.is_open() {
            self.fill()?;
        }
        let impatient = self.patience.is_some_and(|limit| now >= limit);
        let settled = self.session.is_settled() && self.port.is_drained();
        if self.closing == Closing::Draining && (settled || impatient) {
            // Without the last status there is no DISCONNECT either: the broker then publishes our last will, and
            // subscribers do not go on believing that we are here.
            if !self.session.can_post_status() {
                return Ok(true);
            }
            self.session.status(&self.options.online.topic, &self.options.offline, &mut self.out)?;
            self.closing = Closing::Farewell;
        }
        if self.closing == Closing::Farewell && (self.session.is_settled() || impatient) {
            self.session.disconnect(&mut self.out)?;
            self.closing = Closing::Gone;
            self.patience = now.checked_add(FLUSH_LIMIT);
            return Ok(false);
        }
        Ok(self.closing == Closing::Gone && (self.out.is_empty() || impatient))
    }

    /// Encodes, in this order: the status, what must be sent again, replies, the heartbeat, verdicts.
    fn fill(&mut self) -> Result<(), PublishError> {
        let (session, out, options) = (&mut self.session, &mut self.out, self.options);
        if let Some(status) = self.port.take(Channel::Status) {
            self.status = status;
            self.status_due = true;
        }
        if self.status_due && session.can_post_status() {
            session.status(&options.online.topic, &self.status, out)?;
            self.status_due = false;
        }
        while out.len() < OUT_LOW_BYTES && session.resend(out)? {}
        if out.len() < OUT_LOW_BYTES {
            if let Some(health) = self.port.take(Channel::Health) {
                session.health(&options.health_topic, &health, out)?;
            }
            if session.can_publish()
                && let Some(reply) = self.port.take(Channel::Reply)
            {
                session.reply(&options.reply_topic, &reply, out)?;
            }
        }
        while out.len() < OUT_LOW_BYTES && session.can_publish() {
            let Some(entry) = self.port.pop() else { break };
            session.publish(&options.verdict_topic, &entry, out)?;
        }
        // What is new goes first; nothing is begun that a stop would have to wait for.
        #[cfg(feature = "spool")]
        while self.closing == Closing::No && out.len() < OUT_LOW_BYTES && session.can_publish() {
            let Some((key, entry)) = self.port.lend() else { break };
            session.replay(&options.verdict_topic, entry.payload(), key, out)?;
        }
        Ok(())
    }

    /// Waits until bytes can leave or have come, something was put in, or it is time. A wait begins a new row of steps.
    async fn step<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        chunk: &mut [u8],
        in_a_row: &mut u8,
    ) -> io::Result<Step> {
        let deadline = self.session.deadline();
        let deadline = self.patience.map_or(deadline, |patience| patience.min(deadline));
        #[cfg(feature = "spool")]
        let deadline = self.port.next_replay().map_or(deadline, |next| next.min(deadline));
        let mut alarm = pin!(sleep_until(deadline));
        poll_fn(|context| {
            if let Poll::Ready(step) = self.poll_stream(stream, chunk, context) {
                return Poll::Ready(step);
            }
            if self.port.poll_bell(context).is_ready() || self.port.poll_halt(context).is_ready() {
                return Poll::Ready(Ok(Step::Look));
            }
            let alarm = alarm.as_mut().poll(context);
            if alarm.is_pending() {
                *in_a_row = 0;
            }
            alarm.map(|result| result.map(|()| Step::Look).map_err(io::Error::from))
        })
        .await
    }

    /// Writes before it reads, so that acknowledgements wait for nobody.
    fn poll_stream<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        chunk: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Step>> {
        if !self.out.is_empty()
            && let Poll::Ready(result) = Pin::new(&mut *stream).poll_write(context, &self.out)
        {
            return Poll::Ready(match result {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other.map(Step::Wrote),
            });
        }
        // An encrypted stream keeps what it could not write, although it has taken it.
        if self.out.is_empty()
            && let Poll::Ready(Err(error)) = Pin::new(&mut *stream).poll_flush(context)
        {
            return Poll::Ready(Err(error));
        }
        if self.out.len() < OUT_HIGH_BYTES {
            return Pin::new(stream).poll_read(context, chunk).map(|result| result.map(Step::Read));
        }
        Poll::Pending
    }
}
