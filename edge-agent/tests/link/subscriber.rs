//! The other end: a small blocking subscriber that shares no code with the link but the packet codec.

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, Packet, PubAck, Publish, Subscribe};
use rumqttc::mqttbytes::{Error, QoS};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// One connection with a session that the broker keeps.
pub(crate) struct Subscriber {
    /// The connection.
    stream: TcpStream,
    /// Bytes that do not make a packet yet.
    incoming: BytesMut,
    /// Publications read and not yet taken.
    waiting: VecDeque<Publish>,
    /// The connection has ended.
    gone: bool,
}

impl Subscriber {
    /// Connects under `id`, subscribes to `topic` at `QoS` 1, and waits until that holds. `None` without a broker.
    pub(crate) fn new(port: u16, id: &str, topic: &str) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(20))).ok()?;
        let mut subscriber =
            Self { stream, incoming: BytesMut::new(), waiting: VecDeque::new(), gone: false };
        let mut connect = Connect::new(id);
        connect.clean_session = false;
        connect.keep_alive = 0;
        subscriber.send(&Packet::Connect(connect))?;
        let mut subscribe = Subscribe::new(topic, QoS::AtLeastOnce);
        subscribe.pkid = 1;
        subscriber.send(&Packet::Subscribe(subscribe))?;
        loop {
            match subscriber.packet(Duration::from_secs(5))? {
                Packet::SubAck(_) => return Some(subscriber),
                // A kept session may deliver before it confirms.
                Packet::Publish(publish) => subscriber.waiting.push_back(publish),
                _ => {}
            }
        }
    }

    /// Whether the connection has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Writes one packet; `None` when the connection is gone.
    pub(crate) fn send(&mut self, packet: &Packet) -> Option<()> {
        let mut out = BytesMut::new();
        packet.write(&mut out, 4096).unwrap();
        let written = self.stream.write_all(&out).ok();
        self.gone |= written.is_none();
        written
    }

    /// The next publication, acknowledged; `None` after `limit` or when the connection is gone.
    pub(crate) fn next(&mut self, limit: Duration) -> Option<Publish> {
        let publish = loop {
            if let Some(publish) = self.waiting.pop_front() {
                break publish;
            }
            if let Packet::Publish(publish) = self.packet(limit)? {
                break publish;
            }
        };
        if publish.qos == QoS::AtLeastOnce {
            self.send(&Packet::PubAck(PubAck::new(publish.pkid)))?;
        }
        Some(publish)
    }

    /// The next packet; `None` after `limit` or when the connection is gone.
    fn packet(&mut self, limit: Duration) -> Option<Packet> {
        let begun = Instant::now();
        loop {
            match Packet::read(&mut self.incoming, 4096) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(count) if count > 0 => self.incoming.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if begun.elapsed() >= limit {
                        return None;
                    }
                }
                _ => {
                    self.gone = true;
                    return None;
                }
            }
        }
    }

    /// The next payload as text.
    pub(crate) fn text(&mut self) -> String {
        let publish = self.next(Duration::from_secs(10));
        publish
            .map_or_else(|| "nothing".to_owned(), |publish| String::from_utf8_lossy(&publish.payload).into())
    }
}
