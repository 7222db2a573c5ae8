//! What goes wrong with TLS, in words of whoever has to mend it.

use std::fmt;

use super::Fault;

/// What was wrong. Seconds are those since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The broker answered with an alert of this number (RFC 8446, 6): it refuses us.
    Alert(u8),
    /// The broker's certificate is over.
    Expired {
        /// What the clock says.
        now_s: u64,
        /// Its last second; 0 when that is not known.
        until_s: u64,
    },
    /// The broker's certificate cannot be used for this: damaged, of another purpose, or revoked.
    Invalid,
    /// The broker's certificate is for another name.
    Name,
    /// The broker's certificate is not valid yet.
    NotYet {
        /// What the clock says.
        now_s: u64,
        /// Its first second; 0 when that is not known.
        from_s: u64,
    },
    /// The other side does not speak TLS, or no version of it that we do.
    NoTls,
    /// The broker's key is not the pinned one.
    Pin,
    /// Anything else that breaks the protocol.
    Protocol,
    /// No answer in time.
    Silent {
        /// The time given, in milliseconds.
        limit_ms: u32,
    },
    /// The broker's certificate leads to none of ours.
    UnknownIssuer,
    /// The broker speaks only versions before 1.2.
    Version,
}

impl TlsFault {
    /// Who has to act.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Alert(_) => Fault::Refused,
            Self::Expired { .. } | Self::Invalid | Self::Protocol | Self::Version => Fault::Broker,
            Self::Name | Self::NotYet { .. } | Self::NoTls | Self::Pin | Self::UnknownIssuer => Fault::Ours,
            Self::Silent { .. } => Fault::Network,
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Alert(number) => write!(f, "TLS: refused with alert {number}, {}", alert(number)),
            Self::Expired { now_s, until_s } => {
                write!(f, "TLS: the broker's certificate ended {}, the clock says {}", Day(until_s), Day(now_s))
            }
            Self::Invalid => f.write_str("TLS: the broker's certificate is damaged, revoked or not one for servers"),
            Self::Name => f.write_str(
                "TLS: the broker's certificate is for another name: check `mqtt.brokers` or set `mqtt.tls.server_name`",
            ),
            Self::NotYet { now_s, from_s } => write!(
                f,
                "TLS: the broker's certificate begins {}, the clock says {}: set the clock",
                Day(from_s),
                Day(now_s)
            ),
            Self::NoTls => f.write_str("TLS: the other side does not speak it: check the port in `mqtt.brokers`"),
            Self::Pin => f.write_str("TLS: the broker's key is not the one of `mqtt.tls.pin`"),
            Self::Protocol => f.write_str("TLS: the broker breaks the protocol"),
            Self::Silent { limit_ms } => write!(f, "TLS: no end of the handshake within {limit_ms} ms"),
            Self::UnknownIssuer => {
                f.write_str("TLS: the broker's certificate leads to none in `mqtt.tls.ca`")
            }
            Self::Version => f.write_str("TLS: the broker speaks no version from 1.2 on"),
        }
    }
}

/// What an alert means here, and what to look at.
const fn alert(number: u8) -> &'static str {
    match number {
        40 => "it agrees to no way of encryption, or wants a certificate: check `mqtt.tls.certificate`",
        42 | 43 | 46 | 48 => "it does not accept our certificate: check `mqtt.tls.certificate`",
        44 => "our certificate is revoked: `mqtt.tls.certificate` needs a new one",
        45 => "our certificate is over: `mqtt.tls.certificate` needs a new one",
        49 => "our certificate may not connect: check the broker's rules",
        70 => "it speaks no version of TLS that we do",
        112 => "it does not know this name: check `mqtt.tls.server_name`",
        116 => "it wants a certificate: set `mqtt.tls.certificate` and `mqtt.tls.key`",
        120 => "it does not speak what `mqtt.tls.alpn` offers",
        _ => "see RFC 8446, 6",
    }
}

/// A day of the Gregorian calendar, from seconds since 1970; 0 is not known.
struct Day(u64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("at another time");
        }
        // Years begin in March here, so that the leap day is the last one; 400 of them have 146,097 days.
        let days = self.0 / 86_400 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        let year = era * 400 + year + u64::from(month < 3);
        write!(f, "on {year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (1, "on 1970-01-01"),
            (951_782_399, "on 2000-02-28"),
            (951_782_400, "on 2000-02-29"),
            (951_868_800, "on 2000-03-01"),
            (1_735_689_599, "on 2024-12-31"),
            (1_764_201_600, "on 2025-11-27"),
            (4_107_542_400, "on 2100-03-01"),
            (0, "at another time"),
        ] {
            assert_eq!(Day(seconds).to_string(), day, "{seconds}");
        }
    }

    #[test]
    fn each_fault_says_what_to_look_at_and_who_has_to() {
        let text = |fault: TlsFault| fault.to_string();
        assert!(text(TlsFault::Alert(116)).contains("`mqtt.tls.certificate`"));
        assert!(text(TlsFault::Alert(44)).contains("revoked"));
        assert!(text(TlsFault::Alert(200)).contains("alert 200"));
        let early = TlsFault::NotYet { now_s: 1, from_s: 1_735_689_600 };
        assert_eq!(
            text(early),
            "TLS: the broker's certificate begins on 2025-01-01, the clock says on 1970-01-01: set the clock"
        );
        assert_eq!(early.fault(), Fault::Ours);
        assert_eq!(TlsFault::Alert(42).fault(), Fault::Refused);
        assert_eq!(TlsFault::Silent { limit_ms: 5 }.fault(), Fault::Network);
        assert_eq!(TlsFault::Version.fault(), Fault::Broker);
    }
}
