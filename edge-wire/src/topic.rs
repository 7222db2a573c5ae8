//! Topics: `<prefix>/<device>/<channel>`, by default `edge/v1/<device>/verdict` and so on.

use core::fmt::{self, Write as _};

use heapless::String;

/// Longest device id.
pub const MAX_DEVICE: usize = 64;
/// Longest prefix.
pub const MAX_PREFIX: usize = 48;
/// Longest topic or filter: prefix, device, channel and two slashes.
pub const MAX_TOPIC: usize = MAX_PREFIX + MAX_DEVICE + 16;

/// What is published where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Heartbeats, `QoS` 0.
    Health,
    /// Online, stopped, lost; retained, `QoS` 1, also the last will.
    Status,
    /// Verdicts, `QoS` 1.
    Verdict,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::Health, Self::Status, Self::Verdict];

    /// Last level of the topic.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Status => "status",
            Self::Verdict => "verdict",
        }
    }
}

/// Why a prefix or device id cannot be part of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// A character that is not allowed; wildcards, spaces and control characters never are.
    Character(char),
    /// Nothing, or an empty level between slashes.
    Empty,
    /// Longer than it may be.
    Long {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

impl fmt::Display for TopicError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(found) => write!(out, "character {found:?} is not one of A-Z a-z 0-9 . _ -"),
            Self::Empty => write!(out, "topic level is empty"),
            Self::Long { length, limit } => write!(out, "{length} bytes exceed {limit}"),
        }
    }
}

impl core::error::Error for TopicError {}

/// The topics below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Levels before the device, without slashes at either end.
    prefix: String<MAX_PREFIX>,
}

impl Default for Topics {
    /// `edge/v1`.
    fn default() -> Self {
        Self { prefix: String::try_from("edge/v1").unwrap_or_default() }
    }
}

impl Topics {
    /// Topics below `prefix`, for instance `edge/v1`.
    pub fn new(prefix: &str) -> Result<Self, TopicError> {
        for level in prefix.split('/') {
            check_level(level)?;
        }
        let prefix = String::try_from(prefix)
            .map_err(|_| TopicError::Long { length: prefix.len(), limit: MAX_PREFIX })?;
        Ok(Self { prefix })
    }

    /// The topic of one channel of one device.
    pub fn topic(&self, device: &str, channel: Channel) -> Result<String<MAX_TOPIC>, TopicError> {
        check_device(device)?;
        self.join(device, channel.name())
    }

    /// The filter that matches `channel` of every device, or of one.
    pub fn filter(&self, device: Option<&str>, channel: Channel) -> Result<String<MAX_TOPIC>, TopicError> {
        match device {
            Some(device) => self.topic(device, channel),
            None => self.join("+", channel.name()),
        }
    }

    /// The device and channel of a topic below this prefix; `None` for any other topic.
    #[must_use]
    pub fn parse<'topic>(&self, topic: &'topic str) -> Option<(&'topic str, Channel)> {
        let rest = topic.strip_prefix(self.prefix.as_str())?.strip_prefix('/')?;
        let (device, name) = rest.split_once('/')?;
        check_device(device).ok()?;
        let channel = Channel::ALL.into_iter().find(|channel| channel.name() == name)?;
        Some((device, channel))
    }

    /// `prefix/device/last`.
    fn join(&self, device: &str, last: &str) -> Result<String<MAX_TOPIC>, TopicError> {
        let mut topic = String::new();
        write!(topic, "{}/{device}/{last}", self.prefix)
            .map_err(|_| TopicError::Long { length: device.len(), limit: MAX_DEVICE })?;
        Ok(topic)
    }
}

/// Whether `device` can be a level of a topic.
pub fn check_device(device: &str) -> Result<(), TopicError> {
    if device.len() > MAX_DEVICE {
        return Err(TopicError::Long { length: device.len(), limit: MAX_DEVICE });
    }
    check_level(device)
}

/// Letters, digits, dot, underscore and dash: what every broker and cloud takes, and what no shell or log misreads.
fn check_level(level: &str) -> Result<(), TopicError> {
    if level.is_empty() {
        return Err(TopicError::Empty);
    }
    match level.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(found) => Err(TopicError::Character(found)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_parses() {
        let topics = Topics::default();
        let topic = topics.topic("gw-7", Channel::Verdict).unwrap();
        assert_eq!(topic.as_str(), "edge/v1/gw-7/verdict");
        assert_eq!(topics.parse(&topic), Some(("gw-7", Channel::Verdict)));
        assert_eq!(topics.filter(None, Channel::Status).unwrap().as_str(), "edge/v1/+/status");
        assert_eq!(topics.parse("edge/v1/gw-7/verdict/x"), None);
        assert_eq!(topics.parse("edge/v12/gw-7/verdict"), None);
        assert_eq!(topics.parse("edge/v1//verdict"), None);
    }

    #[test]
    fn refuses_what_brokers_would_misread() {
        assert_eq!(Topics::new("edge/+"), Err(TopicError::Character('+')));
        assert_eq!(Topics::new("/edge"), Err(TopicError::Empty));
        assert_eq!(Topics::default().topic("a b", Channel::Health), Err(TopicError::Character(' ')));
        let long = [b'x'; 65];
        let long = core::str::from_utf8(&long).unwrap();
        assert_eq!(check_device(long), Err(TopicError::Long { length: 65, limit: 64 }));
    }

    #[test]
    fn the_longest_topic_fits() {
        let prefix = [b'p'; MAX_PREFIX];
        let device = [b'd'; MAX_DEVICE];
        let topics = Topics::new(core::str::from_utf8(&prefix).unwrap()).unwrap();
        for channel in Channel::ALL {
            assert!(topics.topic(core::str::from_utf8(&device).unwrap(), channel).is_ok());
        }
    }
}
