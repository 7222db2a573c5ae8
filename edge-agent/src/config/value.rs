//! The forms a value can have: duration, broker, path, directory prefix, id, topic. Pure functions from text to value;
//! `None` means that the text does not have the form.

use super::ranges;
use super::types::{Broker, PREFIX_BYTES};
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use heapless::String;

/// Milliseconds of a day, which is read but never shown: ranges are said in hours.
const DAY_MS: u64 = 86_400_000;

/// Units of a duration and their milliseconds, longest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration as the file spells it: a whole number and one unit, such as `5s` or `250ms`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = text.get(digits.len()..)?;
    let known = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, unit_ms)| *unit_ms);
    let unit_ms = known.or_else(|| (unit == "d").then_some(DAY_MS))?;
    Some(Duration::from_millis(unsigned(digits)?.checked_mul(unit_ms)?))
}

/// Shows a duration in the largest unit that keeps it whole, so that it reads back as the same value.
pub(super) struct ShowDuration(pub(super) Duration);

impl fmt::Display for ShowDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total_ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let whole =
            UNITS.iter().find(|(_, unit_ms)| total_ms >= *unit_ms && total_ms.is_multiple_of(*unit_ms));
        let (unit, unit_ms) = whole.copied().unwrap_or(("ms", 1));
        write!(f, "{}{unit}", total_ms / unit_ms)
    }
}

/// A broker: `host:port`, an IPv6 address in brackets.
pub(super) fn broker(text: &str) -> Option<Broker> {
    let (host, port) = text.rsplit_once(':')?;
    let port = u16::try_from(unsigned(port)?).ok().filter(|port| ranges::PORT.contains(port))?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|address| address.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|name| is_host(name))?,
    };
    Some(Broker { host: String::try_from(host).ok()?, port })
}

/// Whether plain TCP to this broker stays on this machine: `localhost` or a loopback address.
pub(super) fn is_loopback(broker: &Broker) -> bool {
    broker.host.eq_ignore_ascii_case("localhost")
        || broker.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A host name, or an IPv4 address, which has the same form.
pub(super) fn is_host(name: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let looks_numeric = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // One final dot marks a name as complete and is legal.
    name.strip_suffix('.').unwrap_or(name).split('.').all(label)
        && (!looks_numeric || name.parse::<IpAddr>().is_ok())
}

/// Whether text is an id: `[A-Za-z0-9._-]`, at least one; it becomes one topic level.
pub(super) fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

/// Whether text is one or more ids with single slashes between them: no wildcard, no empty level, no `$`.
pub(super) fn is_topic_prefix(text: &str) -> bool {
    text.split('/').all(is_id)
}

/// Whether text is printable in one line.
pub(super) fn is_printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Whether text is a SHA-256 in hexadecimal digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == super::types::PIN_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether text is an absolute path that means what it says: no `.`, `..` or empty part, nothing unprintable, since
/// it is compared as text with what the kernel reports.
pub(super) fn is_path(text: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    is_printable(text) && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain))
}

/// A directory prefix, with or without its trailing slash in the file, with it in the value: `/run` would otherwise
/// match `/runner` too.
pub(super) fn prefix(text: &str) -> Option<String<PREFIX_BYTES>> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let mut prefix = String::try_from(bare).ok().filter(|_| is_path(bare))?;
    prefix.push('/').ok()?;
    Some(prefix)
}

/// A path to watch: with a trailing slash it stands for everything below it, so the slash stays as it is.
pub(super) fn watched(text: &str) -> Option<String<PREFIX_BYTES>> {
    String::try_from(text).ok().filter(|_| is_path(text.strip_suffix('/').unwrap_or(text)))
}

/// A decimal number without sign; nothing else that `parse` would take.
fn unsigned(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("24h"), Some(Duration::from_secs(86_400)));
        assert_eq!(duration("7d"), duration("168h"));
        for wrong in
            ["", "s", "5", "5 s", "+5s", "-5s", "5S", "5 minutes", "1m30s", "1.5s", "99999999999999999h"]
        {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn brokers_need_a_host_and_a_port() {
        let broker_of = |host: &str, port| Some(Broker { host: String::try_from(host).unwrap(), port });
        assert_eq!(broker("127.0.0.1:1883"), broker_of("127.0.0.1", 1883));
        assert_eq!(broker("[::1]:8883"), broker_of("::1", 8883));
        assert_eq!(broker("mq.example.org.:1883"), broker_of("mq.example.org.", 1883));
        for wrong in ["", "host", "host:", "host:0", "host:65536", ":1883", "::1:1883", "[host]:1", "[::1:1"]
        {
            assert_eq!(broker(wrong), None, "{wrong}");
        }
        for wrong in ["mqtt://h:1", "300.1.1.1:1", "-a:1", "a..b:1", "a b:1", "h:+1", ".:1"] {
            assert_eq!(broker(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn loopback_is_what_cannot_leave_the_machine() {
        for (text, expected) in [
            ("localhost:1", true),
            ("127.8.0.1:1", true),
            ("[::1]:1", true),
            ("10.0.0.1:1", false),
            ("localhost.example.org:1", false),
        ] {
            assert_eq!(is_loopback(&broker(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn prefixes_end_in_exactly_one_slash() {
        assert_eq!(prefix("/run").as_deref(), Some("/run/"));
        assert_eq!(prefix("/run/").as_deref(), Some("/run/"));
        for wrong in ["", "/", "//", "run", "/run//", "/a/../b", "/./a", "/a\nb"] {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
        let longest = ["/", "a".repeat(PREFIX_BYTES - 2).as_str()].concat();
        assert_eq!(prefix(&longest).map(|prefix| prefix.len()), Some(PREFIX_BYTES));
        assert_eq!(prefix(&(longest + "a")), None);
    }

    #[test]
    fn watched_paths_keep_their_slash_or_its_absence() {
        assert_eq!(watched("/etc/x").as_deref(), Some("/etc/x"));
        assert_eq!(watched("/etc/x/").as_deref(), Some("/etc/x/"));
        for wrong in ["", "/", "//", "x", "*/x", "/x//", "/a/../b", "/a\nb"] {
            assert_eq!(watched(wrong), None, "{wrong}");
        }
        let longest = ["/", "a".repeat(PREFIX_BYTES - 1).as_str()].concat();
        assert_eq!(watched(&longest).map(|path| path.len()), Some(PREFIX_BYTES));
        assert_eq!(watched(&(longest + "a")), None);
    }

    #[test]
    fn topic_prefixes_hold_no_wildcard_and_no_empty_level() {
        assert!(is_topic_prefix("edge/v1"));
        for wrong in ["", "/edge", "edge/", "a//b", "a/#", "+", "$SYS", "a b"] {
            assert!(!is_topic_prefix(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_shown_duration_reads_back(ms in 0..u64::from(u32::MAX)) {
            let given = Duration::from_millis(ms);
            prop_assert_eq!(duration(&ShowDuration(given).to_string()), Some(given));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
            let _ = (duration(&text), broker(&text), prefix(&text), watched(&text), is_path(&text), is_topic_prefix(&text));
        }
    }
}
