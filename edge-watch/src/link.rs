//! The connection to the broker: deliveries out, reconnects with backoff.
//!
//! The MQTT client runs as a task of its own, since its poll must not be cancelled while it connects; a bounded channel
//! hands deliveries over, and a slow reader slows the broker down through TCP rather than filling memory.

use std::time::Duration;

use edge_wire::{Channel, Topics};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS,
    SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::mpsc;

use crate::cli::BrokerOptions;
use crate::error::WatchError;

/// Deliveries between the task and its reader.
const CHANNEL: usize = 256;
/// Largest packet taken. Messages have at most 512 bytes, but a stranger's larger one on our topics must not cut the line.
const MAX_PACKET: usize = 1 << 20;
/// First wait after a lost connection.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait between two attempts.
const LAST_WAIT: Duration = Duration::from_secs(30);
/// Silence after which the broker is pinged.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What the link says.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A publication under our prefix.
    Delivery(Delivery),
    /// No connection; another attempt follows after the wait.
    Down {
        /// Why.
        reason: String,
        /// How long until the next attempt.
        wait: Duration,
    },
    /// The broker refuses for good.
    Refused(String),
    /// Connected and subscribed: nothing published from now on is missed.
    Up {
        /// Whether the broker kept our session.
        resumed: bool,
    },
}

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Which device's topic.
    pub(crate) device: String,
    /// Which of its topics.
    pub(crate) channel: Channel,
    /// Whether it was kept by the broker from before we subscribed.
    pub(crate) retained: bool,
    /// The bytes.
    pub(crate) payload: Vec<u8>,
}

/// What to subscribe to.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The topics' prefix.
    pub(crate) topics: Topics,
    /// These devices; all, if empty.
    pub(crate) devices: Vec<String>,
    /// Group to divide verdicts with.
    pub(crate) share: Option<String>,
}

impl Wish {
    /// The filters. Only verdicts are divided in a group: every member wants to know who is alive.
    fn filters(&self) -> Vec<SubscribeFilter> {
        let all = [None];
        let named: Vec<Option<&str>> = self.devices.iter().map(|device| Some(device.as_str())).collect();
        let devices = if named.is_empty() { &all[..] } else { &named };
        let mut filters = Vec::new();
        for device in devices {
            // Status first: a retained one arrives at once and tells who speaks.
            for (channel, qos) in [
                (Channel::Status, QoS::AtLeastOnce),
                (Channel::Verdict, QoS::AtLeastOnce),
                (Channel::Health, QoS::AtMostOnce),
            ] {
                // Devices were checked when they were read, so a filter that does not fit cannot be.
                let Ok(filter) = self.topics.filter(*device, channel) else { continue };
                let path = match &self.share {
                    Some(group) if channel == Channel::Verdict => format!("$share/{group}/{filter}"),
                    _ => filter.as_str().to_owned(),
                };
                filters.push(SubscribeFilter::new(path, qos));
            }
        }
        filters
    }
}

/// Starts the task. It ends when the receiver is dropped or the broker refuses.
pub(crate) fn start(broker: &BrokerOptions, wish: Wish) -> Result<mpsc::Receiver<LinkEvent>, WatchError> {
    let options = options(broker)?;
    // Room for one subscription per connection.
    let (client, mut eventloop) = AsyncClient::new(options, 16);
    // Acknowledgements are small; held back, they would stop a broker that waits for them after each twenty verdicts.
    eventloop.network_options.set_tcp_nodelay(true);
    let (sender, receiver) = mpsc::channel(CHANNEL);
    tokio::spawn(run(client, eventloop, wish, sender));
    Ok(receiver)
}

/// The client's settings.
fn options(broker: &BrokerOptions) -> Result<MqttOptions, WatchError> {
    // Two subscribers with one id would push each other off the broker for ever.
    let own = || format!("edge-watch-{}-{:08x}", std::process::id(), seed() as u32);
    let client_id = broker.client_id.clone().unwrap_or_else(own);
    let mut options = MqttOptions::new(client_id, broker.host.clone(), broker.port);
    options.set_clean_session(broker.client_id.is_none());
    options.set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
    if let Some(username) = &broker.username {
        let password = match &broker.password_file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| WatchError::Input { path: path.clone(), source })?
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        options.set_credentials(username.clone(), password);
    }
    Ok(options)
}

/// Polls the client until nobody listens.
async fn run(client: AsyncClient, mut eventloop: EventLoop, wish: Wish, sender: mpsc::Sender<LinkEvent>) {
    let mut backoff = Backoff::new(seed());
    loop {
        let event = match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                // A kept session has our filters, but perhaps those of another command line.
                if client.try_subscribe_many(wish.filters()).is_err() {
                    Some(LinkEvent::Refused("subscription does not fit into the client's queue".to_owned()))
                } else {
                    backoff.resumed = ack.session_present;
                    None
                }
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                let refused =
                    ack.return_codes.iter().filter(|code| **code == SubscribeReasonCode::Failure).count();
                if refused == 0 {
                    backoff.reset();
                    Some(LinkEvent::Up { resumed: backoff.resumed })
                } else {
                    Some(LinkEvent::Refused(format!("{refused} of {} topic filters", ack.return_codes.len())))
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                wish.topics.parse(&publish.topic).map(|(device, channel)| {
                    LinkEvent::Delivery(Delivery {
                        device: device.to_owned(),
                        channel,
                        retained: publish.retain,
                        payload: publish.payload.to_vec(),
                    })
                })
            }
            Ok(_) => None,
            Err(error) => Some(match refusal(&error) {
                Some(reason) => LinkEvent::Refused(reason),
                None => LinkEvent::Down { reason: plain(&error), wait: backoff.next() },
            }),
        };
        let Some(event) = event else { continue };
        let wait = if let LinkEvent::Down { wait, .. } = &event { Some(*wait) } else { None };
        let last = matches!(event, LinkEvent::Refused(_));
        if sender.send(event).await.is_err() || last {
            return;
        }
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }
}

/// The reason, if the broker would answer the same next time.
fn refusal(error: &ConnectionError) -> Option<String> {
    let ConnectionError::ConnectionRefused(code) = error else { return None };
    match code {
        ConnectReturnCode::BadUserNamePassword => Some("user name or password is wrong".to_owned()),
        ConnectReturnCode::NotAuthorized => Some("not authorized".to_owned()),
        ConnectReturnCode::BadClientId => Some("client id is not accepted".to_owned()),
        ConnectReturnCode::RefusedProtocolVersion => Some("MQTT 3.1.1 is not spoken".to_owned()),
        _ => None,
    }
}

/// The cause of a lost connection without the client's own layers around it.
fn plain(error: &ConnectionError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Growing waits with a random part, so that many subscribers do not return in step.
#[derive(Debug)]
struct Backoff {
    /// The next wait before its random part.
    wait: Duration,
    /// State of the random numbers.
    random: u64,
    /// Whether the connection now being made continues a session.
    resumed: bool,
}

impl Backoff {
    /// The first wait; `seed` decides the random parts.
    fn new(seed: u64) -> Self {
        Self { wait: FIRST_WAIT, random: seed | 1, resumed: false }
    }

    /// A connection works: the next wait is short again.
    fn reset(&mut self) {
        self.wait = FIRST_WAIT;
    }

    /// Half to all of the current wait; the next one is doubled.
    fn next(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let half = self.wait / 2;
        let share = u32::from(self.random as u16);
        let wait = half + half * share / u32::from(u16::MAX);
        self.wait = (self.wait * 2).min(LAST_WAIT);
        wait
    }
}

/// Something that differs between programs and moments: the clock and the process id. Nothing here needs more.
fn seed() -> u64 {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (u64::from(wall.subsec_nanos()) << 32) ^ wall.as_secs() ^ (u64::from(std::process::id()) << 17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_again() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next()).collect();
        assert!(waits[0] >= FIRST_WAIT / 2 && waits[0] <= FIRST_WAIT, "{waits:?}");
        assert!(waits[11] >= LAST_WAIT / 2 && waits[11] <= LAST_WAIT, "{waits:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST_WAIT);
        assert_ne!(Backoff::new(7).next(), Backoff::new(0x1234_5678_9abc).next());
    }

    #[test]
    fn only_verdicts_are_divided_in_a_group() {
        let mut wish = Wish { topics: Topics::default(), devices: Vec::new(), share: Some("soc".to_owned()) };
        let paths = |wish: &Wish| wish.filters().into_iter().map(|filter| filter.path).collect::<Vec<_>>();
        assert_eq!(paths(&wish), ["edge/v1/+/status", "$share/soc/edge/v1/+/verdict", "edge/v1/+/health"]);
        wish.share = None;
        wish.devices = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(paths(&wish).len(), 6);
        assert_eq!(paths(&wish)[1], "edge/v1/a/verdict");
    }
}
