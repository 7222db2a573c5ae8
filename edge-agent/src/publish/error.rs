//! Why a connection could not be had or did not last.

use std::fmt;
use std::io::ErrorKind;

use super::TlsFault;

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The broker broke the protocol.
    Broker,
    /// The network between, or a broker that is down.
    Network,
    /// This agent or its configuration.
    Ours,
    /// The broker's operator: it answered, and said no.
    Refused,
}

impl Fault {
    /// One word, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Network => "network",
            Self::Ours => "agent",
            Self::Refused => "refused",
        }
    }
}

/// The broker's reason for refusing a connection, MQTT 3.1.1 table 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 2: the client id is not allowed.
    ClientId,
    /// 4: user name or password is malformed or wrong.
    Login,
    /// 5: these credentials may not connect.
    NotAuthorized,
    /// 1: MQTT 3.1.1 is not spoken.
    Protocol,
    /// 3: the broker is up but not serving.
    Unavailable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientId => "refused with code 2, the client id is not allowed: check `mqtt.client_id`",
            Self::Login => "refused with code 4, user name or password is wrong: check `mqtt.username`",
            Self::NotAuthorized => {
                "refused with code 5, these credentials may not connect: check the broker's rules"
            }
            Self::Protocol => "refused with code 1, the broker does not speak MQTT 3.1.1",
            Self::Unavailable => "refused with code 3, the broker is not serving at the moment",
        })
    }
}

/// What ended, or prevented, a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The broker closed the connection.
    Closed,
    /// Connecting failed.
    Connect(ErrorKind),
    /// Bytes that are no MQTT packet.
    Malformed,
    /// Connected, but no CONNACK in time.
    NoAnswer {
        /// The time given, in milliseconds.
        limit_ms: u32,
    },
    /// An option that cannot work.
    Option(&'static str),
    /// A packet larger than any we asked for.
    Oversize {
        /// Its announced length.
        bytes: usize,
        /// What we accept.
        limit: usize,
    },
    /// The broker said no.
    Refused(Refusal),
    /// The host name did not resolve.
    Resolve(ErrorKind),
    /// No byte from the broker although it was pinged: the connection is half-open.
    Silent {
        /// The time given after the ping, in milliseconds.
        limit_ms: u32,
    },
    /// Reading or writing failed.
    Stream(ErrorKind),
    /// A packet of ours is larger than the codec allows.
    TooLarge,
    /// TLS failed.
    Tls(TlsFault),
    /// A packet that has no place here.
    Unexpected(&'static str),
}

impl PublishError {
    /// What ended a stream: TLS puts its own errors into those of the stream below.
    #[must_use]
    pub fn of_stream(error: &std::io::Error) -> Self {
        #[cfg(feature = "tls")]
        if let Some(fault) = super::tls::fault_of(error) {
            return Self::Tls(fault);
        }
        match error.kind() {
            // A stream that is encrypted must say that it ends.
            ErrorKind::UnexpectedEof => Self::Closed,
            kind => Self::Stream(kind),
        }
    }

    /// Who has to act.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Closed
            | Self::Connect(_)
            | Self::NoAnswer { .. }
            | Self::Resolve(_)
            | Self::Silent { .. }
            | Self::Stream(_) => Fault::Network,
            Self::Malformed | Self::Oversize { .. } | Self::Unexpected(_) => Fault::Broker,
            Self::Option(_) | Self::TooLarge => Fault::Ours,
            Self::Refused(_) => Fault::Refused,
            Self::Tls(fault) => fault.fault(),
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("broker closed the connection"),
            Self::Connect(kind) => write!(f, "connecting: {kind}"),
            Self::Malformed => f.write_str("broker sent bytes that are no MQTT packet"),
            Self::NoAnswer { limit_ms } => write!(f, "no CONNACK within {limit_ms} ms"),
            Self::Option(what) => f.write_str(what),
            Self::Oversize { bytes, limit } => {
                write!(f, "broker sent a packet of {bytes} bytes, limit {limit}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Resolve(kind) => write!(f, "resolving the host name: {kind}"),
            Self::Silent { limit_ms } => write!(f, "no byte from the broker within {limit_ms} ms of a ping"),
            Self::Stream(kind) => write!(f, "connection: {kind}"),
            Self::Tls(fault) => fault.fmt(f),
            Self::TooLarge => f.write_str("outgoing packet exceeds what MQTT can carry"),
            Self::Unexpected(packet) => write!(f, "broker sent {packet} where it has no place"),
        }
    }
}

impl std::error::Error for PublishError {}
