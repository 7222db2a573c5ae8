//! The receiving half of the session: which packets are legal when, and what each one changes.

use super::{Kind, Phase, Session, write};
use crate::publish::{PublishError, Refusal};
use bytes::BytesMut;
use rumqttc::StateError;
use rumqttc::mqttbytes::v4::SubscribeReasonCode::Failure;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet, PubAck, Subscribe};
use rumqttc::mqttbytes::{self, QoS};
use std::time::Instant;

/// A fact for the caller.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The broker accepted us.
    Accepted {
        /// It still knows our session.
        kept: bool,
    },
    /// The broker acknowledged something in flight.
    Acknowledged,
    /// The broker has what is kept elsewhere under this key.
    #[cfg(feature = "spool")]
    Delivered(u64),
    /// A command arrived. It may arrive twice.
    Command(&'a [u8]),
    /// The broker will not let us subscribe to commands.
    CommandsRefused,
}

impl Session {
    /// Takes what the broker sent, and answers into `out`.
    ///
    /// # Errors
    /// When the broker refuses us or breaks the protocol; the connection is of no more use then.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Instant,
        out: &mut BytesMut,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), PublishError> {
        self.last_in = now;
        self.pinged = None;
        self.counters.bytes_in += bytes.len() as u64;
        self.incoming.extend_from_slice(bytes);
        loop {
            match Packet::read(&mut self.incoming, self.incoming_limit) {
                Ok(packet) => self.take(packet, out, hear)?,
                Err(mqttbytes::Error::InsufficientBytes(_)) => return Ok(()),
                Err(mqttbytes::Error::PayloadSizeLimitExceeded(bytes)) => {
                    return Err(PublishError::Oversize { bytes, limit: self.incoming_limit });
                }
                Err(_) => return Err(PublishError::Malformed),
            }
        }
    }

    /// Handles one packet.
    fn take(
        &mut self,
        packet: Packet,
        out: &mut BytesMut,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), PublishError> {
        match (self.phase, packet) {
            (Phase::Greeting, Packet::ConnAck(answer)) => self.take_connack(&answer, out, hear),
            (Phase::Open, Packet::PubAck(ack)) => {
                self.take_puback(ack, hear);
                Ok(())
            }
            (Phase::Open, Packet::Publish(publish)) if publish.qos != QoS::ExactlyOnce => {
                if self.command_topic.as_deref() == Some(publish.topic.as_str()) {
                    hear(Heard::Command(&publish.payload));
                }
                let answer = self.absorb(Packet::Publish(publish)).map_err(|_| PublishError::Malformed)?;
                answer.map_or(Ok(()), |packet| write(&packet, out))
            }
            (Phase::Open, Packet::PingResp) => {
                let _ = self.absorb(Packet::PingResp);
                Ok(())
            }
            (Phase::Open, Packet::SubAck(ack)) => {
                if ack.return_codes.contains(&Failure) {
                    hear(Heard::CommandsRefused);
                }
                Ok(())
            }
            (_, packet) => Err(PublishError::Unexpected(name(&packet))),
        }
    }

    /// The broker's answer to CONNECT.
    fn take_connack(
        &mut self,
        answer: &ConnAck,
        out: &mut BytesMut,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(), PublishError> {
        let refusal = match answer.code {
            ConnectReturnCode::Success => None,
            ConnectReturnCode::RefusedProtocolVersion => Some(Refusal::Protocol),
            ConnectReturnCode::BadClientId => Some(Refusal::ClientId),
            ConnectReturnCode::ServiceUnavailable => Some(Refusal::Unavailable),
            ConnectReturnCode::BadUserNamePassword => Some(Refusal::Login),
            ConnectReturnCode::NotAuthorized => Some(Refusal::NotAuthorized),
        };
        if let Some(refusal) = refusal {
            return Err(PublishError::Refused(refusal));
        }
        self.phase = Phase::Open;
        self.opened = self.last_in;
        self.duplicate = answer.session_present;
        self.counters.connected = true;
        self.counters.connects += 1;
        hear(Heard::Accepted { kept: answer.session_present });
        if let Some(topic) = &self.command_topic {
            // Also when the session was kept: it costs one packet and heals a broker that forgot.
            let mut subscribe = Subscribe::new(topic.as_str(), QoS::AtLeastOnce);
            subscribe.pkid = self.window + 2;
            write(&Packet::Subscribe(subscribe), out)?;
        }
        Ok(())
    }

    /// An acknowledgement. One of nothing is counted and ignored: cutting the connection over it would not help anyone.
    fn take_puback(&mut self, ack: PubAck, hear: &mut dyn FnMut(Heard<'_>)) {
        let held = self.held.get_mut(usize::from(ack.pkid)).and_then(Option::take);
        let Some(held) = held else {
            self.counters.strays += 1;
            return;
        };
        // The two accounts agree, so it has nothing to object to.
        let _ = self.absorb(Packet::PubAck(ack));
        match held.kind {
            Kind::Verdict(..) => {
                self.counters.acknowledged += 1;
                self.counters.in_flight -= 1;
            }
            #[cfg(feature = "spool")]
            Kind::Kept(key) => hear(Heard::Delivered(key)),
            Kind::Reply | Kind::Status => {}
        }
        hear(Heard::Acknowledged);
    }

    /// Tells the account what arrived.
    fn absorb(&mut self, packet: Packet) -> Result<Option<Packet>, StateError> {
        let result = self.state.handle_incoming_packet(packet);
        self.state.events.clear();
        result
    }
}

/// The packet's name in the standard.
fn name(packet: &Packet) -> &'static str {
    match packet {
        Packet::Connect(_) => "CONNECT",
        Packet::ConnAck(_) => "CONNACK",
        Packet::Publish(_) => "PUBLISH",
        Packet::PubAck(_) => "PUBACK",
        Packet::PubRec(_) => "PUBREC",
        Packet::PubRel(_) => "PUBREL",
        Packet::PubComp(_) => "PUBCOMP",
        Packet::Subscribe(_) => "SUBSCRIBE",
        Packet::SubAck(_) => "SUBACK",
        Packet::Unsubscribe(_) => "UNSUBSCRIBE",
        Packet::UnsubAck(_) => "UNSUBACK",
        Packet::PingReq => "PINGREQ",
        Packet::PingResp => "PINGRESP",
        Packet::Disconnect => "DISCONNECT",
    }
}
