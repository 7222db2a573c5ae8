//! MQTT 3.1.1 as a state machine: bytes and time in, bytes and facts out; no socket, no clock.
//!
//! rumqttc's `MqttState` keeps what is in flight and answers what must be answered; its codec reads and writes packets.
//! This file adds what it leaves to its event loop: the handshake, which packets are legal here, packet ids that never
//! collide, sending again, and keep-alive by given time.

mod receive;
#[cfg(test)]
mod tests;

pub use receive::Heard;

use crate::publish::options::{Options, WINDOW_MAX};
use crate::publish::{Counters, PublishError};
use crate::queue::Entry;
use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PingReq, Publish};
use rumqttc::{MqttState, Request, StateError};
use std::time::{Duration, Instant};

/// Packet ids: the window, one for the status, one for the subscription, and zero, which is none.
const IDS: usize = WINDOW_MAX as usize + 3;

/// Largest packet we write, far beyond a verdict with its topic.
const OUTGOING_BYTES: usize = 2048;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection.
    Closed,
    /// CONNECT sent.
    Greeting,
    /// CONNACK received.
    Open,
}

/// Something in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    /// Order of first sending.
    serial: u64,
    /// What it is.
    kind: Kind,
}

/// What is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An answer to a command.
    Reply,
    /// A status; never sent again, since every connection begins with a newer one.
    Status,
    /// A verdict of this severity and sequence number.
    Verdict(u8, u32),
    /// A verdict that is kept elsewhere until it is acknowledged, under this key.
    #[cfg(feature = "spool")]
    Kept(u64),
}

/// The MQTT session of one client with its broker, across connections.
pub struct Session {
    /// rumqttc's account of what is in flight.
    state: MqttState,
    /// What each packet id stands for.
    held: [Option<Held>; IDS],
    /// What must be sent again before anything new.
    pending: heapless::Deque<(Held, Publish), IDS>,
    /// Whether the broker knows these packets from before, so that they carry DUP.
    duplicate: bool,
    /// Packet id of the next verdict; ids go round in order, so a slow acknowledgement closes the window.
    next_id: u16,
    /// Serial number of the next packet in flight.
    next_serial: u64,
    /// Where the connection stands.
    phase: Phase,
    /// Bytes that do not make a packet yet.
    incoming: BytesMut,
    /// When the connection began, and from CONNACK on, when it was accepted.
    opened: Instant,
    /// When the broker last sent a byte.
    last_in: Instant,
    /// When we last sent one.
    last_out: Instant,
    /// When the unanswered ping was sent.
    pinged: Option<Instant>,
    /// Silence after which to ping.
    keep_alive: Duration,
    /// Time the broker has for its CONNACK.
    answer_limit: Duration,
    /// Verdicts in flight at most.
    window: u16,
    /// Largest packet accepted.
    incoming_limit: usize,
    /// Where commands come from.
    command_topic: Option<String>,
    /// The account.
    pub(super) counters: Counters,
}

impl Session {
    /// A session that has never been connected.
    #[must_use]
    pub fn new(options: &Options, now: Instant) -> Self {
        let window = u16::from(options.window.clamp(1, WINDOW_MAX));
        Self {
            // One more than the window: the status has an id of its own, so that it never waits for verdicts.
            state: MqttState::new(window + 1, false),
            held: [None; IDS],
            pending: heapless::Deque::new(),
            duplicate: false,
            next_id: 1,
            next_serial: 0,
            phase: Phase::Closed,
            incoming: BytesMut::new(),
            opened: now,
            last_in: now,
            last_out: now,
            pinged: None,
            keep_alive: options.keep_alive,
            answer_limit: options.connect_limit,
            window,
            incoming_limit: options.incoming_bytes,
            command_topic: options.command_topic.clone(),
            counters: Counters::default(),
        }
    }

    /// The account so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Begins a connection: writes CONNECT.
    ///
    /// # Errors
    /// When the options make a packet that is too large.
    pub fn open(&mut self, options: &Options, now: Instant, out: &mut BytesMut) -> Result<(), PublishError> {
        self.close();
        self.phase = Phase::Greeting;
        self.opened = now;
        self.last_in = now;
        self.last_out = now;
        write(&Packet::Connect(options.connect()), out)
    }

    /// Ends a connection: what is in flight will be sent again on the next one.
    pub fn close(&mut self) {
        self.phase = Phase::Closed;
        self.counters.connected = false;
        self.pinged = None;
        self.incoming.clear();
        let mut unsent: heapless::Vec<(Held, Publish), IDS> = heapless::Vec::new();
        for request in self.state.clean() {
            let Request::Publish(publish) = request else { continue };
            let Some(held) = self.held.get_mut(usize::from(publish.pkid)).and_then(Option::take) else {
                continue;
            };
            if held.kind != Kind::Status {
                // One per packet id, so there is room.
                let _ = unsent.push((held, publish));
            }
        }
        self.held = [None; IDS];
        self.state.events.clear();
        // These were sent before anything that is still waiting to be sent again, so they go in front of it.
        unsent.sort_unstable_by_key(|(held, _)| std::cmp::Reverse(held.serial));
        for item in unsent {
            let _ = self.pending.push_front(item);
        }
    }

    /// Notes that bytes have left.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.last_out = now;
        self.counters.bytes_out += bytes as u64;
    }

    /// When [`tick`](Self::tick) must be called next.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        match (self.phase, self.pinged) {
            (Phase::Greeting, _) => self.opened + self.answer_limit,
            (_, Some(pinged)) => pinged + self.keep_alive / 2,
            (_, None) => self.last_in.min(self.last_out) + self.keep_alive,
        }
    }

    /// Pings when either side has been silent for a keep-alive.
    ///
    /// # Errors
    /// [`PublishError::Silent`] when the ping of half a keep-alive ago brought no byte back, [`PublishError::NoAnswer`]
    /// when the broker never answered CONNECT.
    pub fn tick(&mut self, now: Instant, out: &mut BytesMut) -> Result<(), PublishError> {
        if self.phase == Phase::Closed || now < self.deadline() {
            return Ok(());
        }
        if self.phase == Phase::Greeting {
            return Err(PublishError::NoAnswer { limit_ms: self.answer_limit.as_millis() as u32 });
        }
        let limit_ms = (self.keep_alive / 2).as_millis() as u32;
        if self.pinged.is_some() {
            return Err(PublishError::Silent { limit_ms });
        }
        self.pinged = Some(now);
        // It refuses to ping twice without an answer: a broker that sends other things but never answers is broken too.
        let packet =
            self.request(Request::PingReq(PingReq)).map_err(|_| PublishError::Silent { limit_ms })?;
        packet.map_or(Ok(()), |packet| write(&packet, out))
    }

    /// Whether the broker has accepted us.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// How long the broker has accepted us; zero when it has not.
    #[must_use]
    pub fn stood(&self, now: Instant) -> Duration {
        if self.is_open() { now.saturating_duration_since(self.opened) } else { Duration::ZERO }
    }

    /// Whether a verdict or reply may be sent now.
    #[must_use]
    pub fn can_publish(&self) -> bool {
        self.is_open() && self.pending.is_empty() && self.is_free(self.next_id)
    }

    /// Whether a status may be sent now: the previous one is acknowledged.
    #[must_use]
    pub fn can_post_status(&self) -> bool {
        self.is_open() && self.is_free(self.status_id())
    }

    /// Whether nothing is in flight or waiting to be sent again.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.held.iter().all(Option::is_none)
    }

    /// Sends one packet of the previous connection again. `false` when there is none left.
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn resend(&mut self, out: &mut BytesMut) -> Result<bool, PublishError> {
        if !self.is_open() {
            return Ok(false);
        }
        let Some((held, mut publish)) = self.pending.pop_front() else { return Ok(false) };
        publish.dup = self.duplicate;
        self.counters.resent += 1;
        self.launch(held, publish, out)?;
        Ok(true)
    }

    /// Sends a verdict; call only when [`can_publish`](Self::can_publish).
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn publish(&mut self, topic: &str, entry: &Entry, out: &mut BytesMut) -> Result<(), PublishError> {
        self.counters.published += 1;
        self.counters.in_flight += 1;
        let kind = Kind::Verdict(entry.severity(), entry.sequence());
        self.send_next(topic, entry.payload(), kind, out)
    }

    /// Sends a verdict that is kept elsewhere; call only when [`can_publish`](Self::can_publish). [`Heard::Delivered`] names `key`.
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    #[cfg(feature = "spool")]
    pub fn replay(
        &mut self,
        topic: &str,
        payload: &[u8],
        key: u64,
        out: &mut BytesMut,
    ) -> Result<(), PublishError> {
        self.send_next(topic, payload, Kind::Kept(key), out)
    }

    /// Sends a reply; call only when [`can_publish`](Self::can_publish).
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn reply(&mut self, topic: &str, payload: &[u8], out: &mut BytesMut) -> Result<(), PublishError> {
        self.send_next(topic, payload, Kind::Reply, out)
    }

    /// Sends a retained status; call only when [`can_post_status`](Self::can_post_status).
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn status(&mut self, topic: &str, payload: &[u8], out: &mut BytesMut) -> Result<(), PublishError> {
        let mut publish = message(topic, payload, QoS::AtLeastOnce, self.status_id());
        publish.retain = true;
        let held = self.hold(Kind::Status);
        self.launch(held, publish, out)
    }

    /// Sends a heartbeat, `QoS` 0.
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn health(&mut self, topic: &str, payload: &[u8], out: &mut BytesMut) -> Result<(), PublishError> {
        write(&Packet::Publish(message(topic, payload, QoS::AtMostOnce, 0)), out)
    }

    /// Says goodbye, which keeps the broker from publishing the last will.
    ///
    /// # Errors
    /// None in practice; see [`PublishError::TooLarge`].
    pub fn disconnect(&mut self, out: &mut BytesMut) -> Result<(), PublishError> {
        write(&Packet::Disconnect, out)
    }

    /// Gives up what was not acknowledged, newest first, for the queue to take back.
    pub fn surrender(&mut self) -> impl Iterator<Item = Entry> + '_ {
        self.close();
        std::iter::from_fn(|| self.pending.pop_back()).filter_map(|(held, publish)| match held.kind {
            Kind::Verdict(severity, sequence) => {
                self.counters.in_flight -= 1;
                Entry::new(severity, sequence, &publish.payload).ok()
            }
            Kind::Reply | Kind::Status => None,
            #[cfg(feature = "spool")]
            Kind::Kept(_) => None,
        })
    }

    /// Sends under the next id of the window.
    fn send_next(
        &mut self,
        topic: &str,
        payload: &[u8],
        kind: Kind,
        out: &mut BytesMut,
    ) -> Result<(), PublishError> {
        let id = self.next_id;
        self.next_id = id % self.window + 1;
        let held = self.hold(kind);
        self.launch(held, message(topic, payload, QoS::AtLeastOnce, id), out)
    }

    /// Numbers something that goes in flight.
    fn hold(&mut self, kind: Kind) -> Held {
        let serial = self.next_serial;
        self.next_serial += 1;
        Held { serial, kind }
    }

    /// Hands a packet with an id to the account and writes it.
    fn launch(&mut self, held: Held, publish: Publish, out: &mut BytesMut) -> Result<(), PublishError> {
        if let Some(slot) = self.held.get_mut(usize::from(publish.pkid)) {
            *slot = Some(held);
        }
        let packet = self.request(Request::Publish(publish)).map_err(|_| PublishError::TooLarge)?;
        packet.map_or(Ok(()), |packet| write(&packet, out))
    }

    /// Whether a packet id is not in flight.
    fn is_free(&self, id: u16) -> bool {
        self.held.get(usize::from(id)).is_some_and(Option::is_none)
    }

    /// The packet id kept for the status.
    fn status_id(&self) -> u16 {
        self.window + 1
    }

    /// Asks the account to send. Its own event list is not used, and would grow.
    fn request(&mut self, request: Request) -> Result<Option<Packet>, StateError> {
        let result = self.state.handle_outgoing_packet(request);
        self.state.events.clear();
        result
    }
}

/// A publication that owns its bytes until it is acknowledged.
fn message(topic: &str, payload: &[u8], qos: QoS, id: u16) -> Publish {
    let mut publish = Publish::from_bytes(topic, qos, Bytes::copy_from_slice(payload));
    publish.pkid = id;
    publish
}

/// Encodes a packet.
fn write(packet: &Packet, out: &mut BytesMut) -> Result<(), PublishError> {
    packet.write(out, OUTGOING_BYTES).map(|_| ()).map_err(|_| PublishError::TooLarge)
}
