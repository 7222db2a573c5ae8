//! From configuration to the options of the link.

use std::fs;
use std::time::Duration;

use edge_wire::{Bytes, Channel, State, Status, Topics, encode_status};

use crate::clock::Now;
use crate::config::Config;
use crate::decide::Identity;
use crate::error::AgentError;
use crate::publish::{Broker, Login, Message, Options};

/// Longest password taken from a file.
const PASSWORD_BYTES: usize = 256;

/// Everything that is known before the agent has an incarnation. Statuses are left empty, see [`complete`].
///
/// # Errors
/// [`AgentError::Publish`] for a password file that cannot be read, or a topic that cannot be built.
pub fn options(config: &Config, device: &str) -> Result<Options, AgentError> {
    let mqtt = &config.mqtt;
    let topic = |channel| -> Result<String, AgentError> {
        let topic = Topics::new(&mqtt.topic_prefix).and_then(|topics| topics.topic(device, channel));
        topic.map(|topic| topic.as_str().to_owned()).map_err(|source| AgentError::Publish {
            what: format!("a topic below {} for device {device}", mqtt.topic_prefix),
            source: source.into(),
        })
    };
    Ok(Options {
        brokers: mqtt
            .brokers
            .iter()
            .map(|broker| Broker { host: broker.host.as_str().to_owned(), port: broker.port })
            .collect(),
        client_id: if mqtt.client_id.is_empty() {
            format!("edge-{device}")
        } else {
            mqtt.client_id.as_str().to_owned()
        },
        login: login(config)?,
        #[cfg(feature = "tls")]
        tls: tls(config)?,
        keep_alive: mqtt.keep_alive,
        window: mqtt.in_flight,
        verdict_topic: topic(Channel::Verdict)?,
        health_topic: topic(Channel::Health)?,
        reply_topic: format!("{}/{device}/reply", mqtt.topic_prefix),
        online: Message { topic: topic(Channel::Status)?, payload: Vec::new() },
        reconnect_min: mqtt.reconnect_min,
        reconnect_max: mqtt.reconnect_max,
        stop_limit: Duration::from_secs(3),
        ..Options::default()
    })
}

/// Fills in the statuses, which name the incarnation.
#[must_use]
pub fn complete(mut options: Options, identity: Identity) -> Options {
    let status = |state| {
        let status = Status {
            state,
            boot_id: identity.boot_id,
            incarnation: identity.incarnation,
            wall_ms: Now::read().wall_ms,
            version: Bytes::cut(env!("CARGO_PKG_VERSION").as_bytes()),
        };
        // At most 51 bytes, see `edge_wire::max::STATUS`.
        encode_status(&status).map(|payload| payload.to_vec()).unwrap_or_default()
    };
    options.online.payload = status(State::ONLINE);
    options.offline = status(State::STOPPED);
    options.lost = status(State::LOST);
    options
}

/// User name and password, the latter from the first line of its file.
fn login(config: &Config) -> Result<Option<Login>, AgentError> {
    let mqtt = &config.mqtt;
    if mqtt.username.is_empty() {
        return Ok(None);
    }
    let password = if mqtt.password_file.is_empty() {
        String::new()
    } else {
        let unreadable = |source: Box<dyn std::error::Error>| AgentError::Publish {
            what: format!("the password file {}", mqtt.password_file),
            source,
        };
        let text =
            fs::read_to_string(mqtt.password_file.as_str()).map_err(|error| unreadable(error.into()))?;
        let line = text.lines().next().unwrap_or_default();
        if line.len() > PASSWORD_BYTES {
            return Err(unreadable(
                format!("a password of {} bytes exceeds {PASSWORD_BYTES}", line.len()).into(),
            ));
        }
        line.to_owned()
    };
    Ok(Some(Login { username: mqtt.username.as_str().to_owned(), password }))
}

/// The spool of `[spool]`, if there is to be one and it can be used. An agent without it watches all the same.
#[cfg(feature = "spool")]
#[must_use]
pub fn open_spool(config: &Config) -> Option<crate::spool::Spool> {
    let spool = &config.spool;
    if spool.folder.is_empty() {
        return None;
    }
    let settings = crate::spool::Settings {
        folder: spool.folder.as_str().into(),
        bytes: spool.bytes,
        daily_bytes: spool.daily_bytes.into(),
        replay: spool.replay,
    };
    match crate::spool::Spool::open(&settings, Now::read().boot_ns) {
        Ok(opened) => {
            let held = opened.books().lanes.held;
            log::info!("spool: opened folder={} held={held}", spool.folder);
            Some(opened)
        }
        Err(error) => {
            log::error!("spool: not used, folder={}: {error}", spool.folder);
            None
        }
    }
}

/// The client of `[mqtt.tls]`.
#[cfg(feature = "tls")]
fn tls(config: &Config) -> Result<Option<crate::publish::tls::Tls>, AgentError> {
    let tls = &config.mqtt.tls;
    if tls.ca.is_empty() {
        return Ok(None);
    }
    let settings = crate::publish::tls::Settings {
        ca: &tls.ca,
        certificate: &tls.certificate,
        key: &tls.key,
        server_name: &tls.server_name,
        pin: &tls.pin,
        alpn: &tls.alpn,
    };
    let client = crate::publish::tls::Tls::new(&settings);
    client
        .map(Some)
        .map_err(|source| AgentError::Publish { what: "[mqtt.tls]".into(), source: source.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_client_id_come_from_the_device() {
        let options = options(&Config::default(), "gw-7").unwrap();
        assert_eq!(options.verdict_topic, "edge/v1/gw-7/verdict");
        assert_eq!(options.client_id, "edge-gw-7");
        let identity = Identity { boot_id: [1; 16], incarnation: 5, files: edge_wire::Rung::TRACEPOINT };
        let options = complete(options, identity);
        assert_eq!(options.check(), Ok(()));
        let lost = edge_wire::decode(&options.lost).unwrap();
        assert!(matches!(
            lost,
            edge_wire::Message::Status(Status { state: State::LOST, incarnation: 5, .. })
        ));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_missing_certificate_is_named() {
        let mut config = Config::default();
        config.mqtt.tls.ca.push_str("/nonexistent/ca.pem").unwrap();
        let Err(error) = options(&config, "gw-7") else { panic!("must be refused") };
        let told = error.report().to_string();
        assert!(told.contains("/nonexistent/ca.pem") && told.contains("mqtt.tls"), "{told}");
    }

    #[test]
    fn a_missing_password_file_is_named() {
        let mut config = Config::default();
        config.mqtt.username.push_str("gw").unwrap();
        config.mqtt.password_file.push_str("/nonexistent/password").unwrap();
        let Err(error) = options(&config, "gw-7") else { panic!("must be refused") };
        assert!(error.report().to_string().contains("/nonexistent/password"));
    }
}
