//! What the link must be told.

use super::PublishError;
use rumqttc::mqttbytes::v4::{Connect, LastWill};
use rumqttc::mqttbytes::{Protocol, QoS};
use std::time::Duration;

/// Largest in-flight window.
pub const WINDOW_MAX: u8 = 16;

/// Longest topic: prefix, device and channel.
pub const TOPIC_BYTES: usize = 128;

/// One place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address literal.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Credentials; sent in the clear unless the stream is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// A retained message at `QoS` 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What, at most 512 bytes.
    pub payload: Vec<u8>,
}

/// Everything a link needs; made once from the configuration.
#[derive(Clone)]
pub struct Options {
    /// Brokers in order of preference; the next one is tried when one does not answer.
    pub brokers: Vec<Broker>,
    /// MQTT client id; the broker keeps the session under it.
    pub client_id: String,
    /// Credentials, if the broker wants them.
    pub login: Option<Login>,
    /// Encrypts every connection, if set.
    #[cfg(feature = "tls")]
    pub tls: Option<super::tls::Tls>,
    /// Silence after which the broker is pinged, whole seconds; a dead connection is noticed within one and a half.
    pub keep_alive: Duration,
    /// Verdicts in flight, 1 to [`WINDOW_MAX`].
    pub window: u8,
    /// Time for a TCP connection, and again for the CONNACK.
    pub connect_limit: Duration,
    /// Largest packet accepted from the broker, without its fixed header; commands are at most 1 KiB.
    pub incoming_bytes: usize,
    /// Where verdicts go.
    pub verdict_topic: String,
    /// Where heartbeats go, at `QoS` 0.
    pub health_topic: String,
    /// Where replies to commands go; not used without `command_topic`.
    pub reply_topic: String,
    /// Where commands come from; `None` subscribes to nothing.
    pub command_topic: Option<String>,
    /// Status published first on every connection, until [`Port::post`](super::Port::post) replaces it. Its topic is the
    /// status topic.
    pub online: Message,
    /// Status published on a clean stop.
    pub offline: Vec<u8>,
    /// Status the broker publishes for us when we vanish: the last will.
    pub lost: Vec<u8>,
    /// First ceiling of the wait between attempts.
    pub reconnect_min: Duration,
    /// Last ceiling of it.
    pub reconnect_max: Duration,
    /// How long a connection must last before the wait starts over.
    pub stable_after: Duration,
    /// Time a clean stop may take to drain the queue and say goodbye.
    pub stop_limit: Duration,
}

impl Default for Options {
    /// Everything but brokers, client id and topics.
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            client_id: String::new(),
            login: None,
            #[cfg(feature = "tls")]
            tls: None,
            keep_alive: Duration::from_secs(60),
            window: 8,
            connect_limit: Duration::from_secs(10),
            incoming_bytes: 1024 + TOPIC_BYTES + 4,
            verdict_topic: String::new(),
            health_topic: String::new(),
            reply_topic: String::new(),
            command_topic: None,
            online: Message::default(),
            offline: Vec::new(),
            lost: Vec::new(),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(60),
            stable_after: Duration::from_secs(30),
            stop_limit: Duration::from_secs(3),
        }
    }
}

impl Options {
    /// Refuses what cannot work, before anything is tried.
    ///
    /// # Errors
    /// [`PublishError::Option`] naming the first problem.
    pub fn check(&self) -> Result<(), PublishError> {
        // Without commands there is nothing to reply to, so neither topic matters.
        let (command, reply) =
            self.command_topic.as_deref().map_or(("-", "-"), |command| (command, self.reply_topic.as_str()));
        let topics = [&self.verdict_topic, &self.health_topic, &self.online.topic, command, reply];
        let bad = |topic: &&str| topic.is_empty() || topic.len() > TOPIC_BYTES;
        let problem = if self.brokers.is_empty() {
            "no broker to connect to"
        } else if self.client_id.is_empty() {
            "client id is empty, the broker could keep no session"
        } else if !(1..=u64::from(u16::MAX)).contains(&self.keep_alive.as_secs()) {
            "keep-alive is not within 1..65535 seconds"
        } else if !(1..=WINDOW_MAX).contains(&self.window) {
            "in-flight window is not within 1..16"
        } else if topics.iter().any(bad) {
            "a topic is empty or longer than 128 bytes"
        } else if [&self.online.payload, &self.offline, &self.lost].iter().any(|payload| payload.len() > 512)
        {
            "a status is longer than 512 bytes"
        } else if self.login.as_ref().is_some_and(|login| login.username.is_empty()) {
            "a password without a user name is not MQTT 3.1.1"
        } else {
            return Ok(());
        };
        Err(PublishError::Option(problem))
    }

    /// The CONNECT packet.
    #[must_use]
    pub fn connect(&self) -> Connect {
        let status = &self.online.topic;
        Connect {
            protocol: Protocol::V4,
            keep_alive: self.keep_alive.as_secs() as u16,
            client_id: self.client_id.clone(),
            // The broker then keeps our subscription and finishes what was in flight.
            clean_session: false,
            last_will: Some(LastWill::new(status.as_str(), self.lost.clone(), QoS::AtLeastOnce, true)),
            login: self
                .login
                .as_ref()
                .map(|login| rumqttc::mqttbytes::v4::Login::new(&*login.username, &*login.password)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What breaks good options.
    type Breaks = fn(&mut Options);

    fn good() -> Options {
        Options {
            brokers: vec![Broker { host: "broker".into(), port: 1883 }],
            client_id: "edge-1".into(),
            verdict_topic: "v".into(),
            health_topic: "h".into(),
            online: Message { topic: "s".into(), payload: Vec::new() },
            ..Options::default()
        }
    }

    #[test]
    fn each_impossible_option_is_refused_by_name() {
        assert_eq!(good().check(), Ok(()));
        let broken: [(&str, Breaks); 9] = [
            ("no broker", |options| options.brokers.clear()),
            ("client id", |options| options.client_id.clear()),
            ("keep-alive", |options| options.keep_alive = Duration::from_millis(900)),
            ("keep-alive", |options| options.keep_alive = Duration::from_secs(65_536)),
            ("window", |options| options.window = 0),
            ("window", |options| options.window = 17),
            ("topic", |options| options.command_topic = Some("commands without replies".into())),
            ("topic", |options| options.verdict_topic = "v".repeat(129)),
            ("status", |options| options.offline = vec![0; 513]),
        ];
        for (word, breaks) in broken {
            let mut options = good();
            breaks(&mut options);
            let Err(error) = options.check() else { panic!("{word} was accepted") };
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
