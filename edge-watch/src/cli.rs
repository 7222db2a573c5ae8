//! The command line, parsed into what it means; nothing behind it looks at words again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use edge_wire::{Severity, Topics, check_device};
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Parser, ValueExt as _};

use crate::error::WatchError;
use crate::filter::{self, Filter};

/// What `--help` prints.
pub(crate) const USAGE: &str = include_str!("usage.txt");

/// What to do.
#[derive(Debug)]
pub(crate) enum Verb {
    /// Be a broker.
    #[cfg(feature = "broker")]
    Broker {
        /// Where to listen.
        listen: std::net::SocketAddr,
    },
    /// Show one payload.
    Decode(DecodeOptions),
    /// Play an attack and show its end.
    #[cfg(feature = "broker")]
    Demo(crate::demo::DemoOptions),
    /// Be the attacker of the demo.
    #[cfg(feature = "broker")]
    DemoVictim(crate::demo::victim::VictimOptions),
    /// Print the usage.
    Help,
    /// Make, show or compare image manifests.
    Manifest(Box<crate::manifest::ManifestVerb>),
    /// Make an offsets file.
    Offsets(crate::offsets::OffsetsOptions),
    /// Print the version.
    Version,
    /// Subscribe and show what comes.
    Watch(Box<WatchOptions>),
}

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Color {
    /// Always.
    Always,
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Never.
    Never,
}

/// Options of `decode`.
#[derive(Debug)]
pub(crate) struct DecodeOptions {
    /// The file, `-` for standard input.
    pub(crate) file: PathBuf,
    /// The device to name in the output, since a payload does not.
    pub(crate) device: String,
}

/// How to reach the broker.
#[derive(Clone, Debug)]
pub(crate) struct BrokerOptions {
    /// Host, an IPv6 address in brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Name of a session that outlives this program, so that the broker keeps verdicts meanwhile.
    pub(crate) client_id: Option<String>,
    /// User name.
    pub(crate) username: Option<String>,
    /// File whose first line is the password.
    pub(crate) password_file: Option<PathBuf>,
}

/// Options of `watch`.
#[derive(Debug)]
pub(crate) struct WatchOptions {
    /// The broker.
    pub(crate) broker: BrokerOptions,
    /// Group of subscribers that divide the verdicts among themselves.
    pub(crate) share: Option<String>,
    /// Where agents publish.
    pub(crate) topics: Topics,
    /// JSON lines instead of text.
    pub(crate) json: bool,
    /// Evidence, lineage, ids and heartbeats too.
    pub(crate) verbose: bool,
    /// Which verdicts to show.
    pub(crate) filter: Filter,
    /// End after so many verdicts.
    pub(crate) count: Option<u64>,
    /// End after so long.
    pub(crate) timeout: Option<Duration>,
    /// How long a verdict may lag behind its successors before it is called missing.
    pub(crate) grace: Duration,
    /// Colours.
    pub(crate) color: Color,
}

impl BrokerOptions {
    /// A broker at an address, without user name and kept session.
    pub(crate) fn at(host: String, port: u16) -> Self {
        Self { host, port, client_id: None, username: None, password_file: None }
    }
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            broker: BrokerOptions::at("127.0.0.1".to_owned(), DEFAULT_PORT),
            share: None,
            topics: Topics::default(),
            json: false,
            verbose: false,
            filter: Filter::default(),
            count: None,
            timeout: None,
            grace: Duration::from_secs(10),
            color: Color::Auto,
        }
    }
}

/// The port of MQTT without TLS.
const DEFAULT_PORT: u16 = 1883;
/// Longest session name of MQTT 3.1.1 that every broker takes is 23; most take this.
const MAX_CLIENT_ID: usize = 80;

/// Reads the whole command line, the program's name included.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Verb, WatchError> {
    let mut parser = Parser::from_iter(words);
    let words: Vec<OsString> = parser.raw_args().map(Iterator::collect).unwrap_or_default();
    let verb = words.first().and_then(|word| word.to_str()).unwrap_or_default();
    // `watch` is what one wants nearly always, so its options may stand without it.
    let named = !verb.starts_with('-') && !verb.is_empty();
    let rest = Parser::from_args(words.iter().skip(usize::from(named)).cloned());
    let read = match verb {
        "decode" => decode(rest),
        #[cfg(feature = "broker")]
        "broker" => broker(rest),
        #[cfg(feature = "broker")]
        "demo" => crate::demo::options(rest),
        #[cfg(feature = "broker")]
        "demo-victim" => crate::demo::victim::options(rest),
        #[cfg(not(feature = "broker"))]
        "broker" | "demo" => {
            Err(format!("this program was built without the feature that '{verb}' needs").into())
        }
        "help" => Ok(Verb::Help),
        "manifest" => crate::manifest::options(rest),
        "offsets" => crate::offsets::options(rest),
        _ if !named || verb == "watch" => watch(rest),
        _ => Err(format!("'{verb}' is not a verb").into()),
    };
    read.map_err(|error| WatchError::Usage(error.to_string()))
}

/// The value of an option through a function that knows what is right; `range` says what that is.
pub(crate) fn checked<T>(
    parser: &mut Parser,
    name: &str,
    range: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, lexopt::Error> {
    let text = parser.value()?.string()?;
    read(&text).ok_or_else(|| format!("--{name} '{text}' is not {range}").into())
}

/// Whole seconds, one at least and at most a year.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|seconds| (1..=31_536_000).contains(seconds)).map(Duration::from_secs)
}

/// Options of `watch`.
fn watch(mut parser: Parser) -> Result<Verb, lexopt::Error> {
    let mut options = WatchOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Short('V') | Long("version") => return Ok(Verb::Version),
            Short('v') | Long("verbose") => options.verbose = true,
            Long("json") => options.json = true,
            Long("no-color") => options.color = Color::Never,
            Long("color") => {
                options.color = color(&mut parser)?;
            }
            Long("share") => options.share = Some(checked(&mut parser, "share", TOPIC_LEVEL, level)?),
            Long("prefix") => {
                options.topics = checked(&mut parser, "prefix", "levels of A-Z a-z 0-9 . _ -", |text| {
                    Topics::new(text).ok()
                })?;
            }
            Long("severity") => {
                let range = "one of info, low, medium, high, critical";
                options.filter.severity = checked(&mut parser, "severity", range, Severity::from_name)?;
            }
            Long("detector") => {
                let range = "the name or number of a detector";
                options.filter.detectors.push(checked(&mut parser, "detector", range, filter::detector)?);
            }
            Long("technique") => {
                let range = "a technique such as T1486 or T1059.004";
                options.filter.techniques.push(checked(&mut parser, "technique", range, filter::technique)?);
            }
            Long("device") => {
                options.filter.devices.push(checked(&mut parser, "device", TOPIC_LEVEL, level)?);
            }
            Long("count") => {
                let range = "a whole number from 1";
                options.count =
                    Some(checked(&mut parser, "count", range, |text| text.parse().ok().filter(|&n| n > 0))?);
            }
            Long("timeout") => {
                options.timeout = Some(checked(&mut parser, "timeout", "1..31536000 seconds", seconds)?);
            }
            Long("grace") => options.grace = checked(&mut parser, "grace", "1..31536000 seconds", seconds)?,
            Long(name @ ("broker" | "client-id" | "username" | "password-file")) => {
                let name = name.to_owned();
                reach(&mut parser, &name, &mut options.broker)?;
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.broker.password_file.is_some() && options.broker.username.is_none() {
        return Err("--password-file needs --username".into());
    }
    Ok(Verb::Watch(Box::new(options)))
}

/// One of the options that tell how to reach the broker.
fn reach(parser: &mut Parser, name: &str, broker: &mut BrokerOptions) -> Result<(), lexopt::Error> {
    match name {
        "broker" => {
            let range = "HOST:PORT, an IPv6 address in brackets";
            (broker.host, broker.port) = checked(parser, name, range, address)?;
        }
        "client-id" => {
            let range = "1..80 printable characters";
            broker.client_id = Some(checked(parser, name, range, client_id)?);
        }
        "username" => broker.username = Some(parser.value()?.string()?),
        _ => broker.password_file = Some(parser.value()?.into()),
    }
    Ok(())
}

/// What a device id or group must be.
const TOPIC_LEVEL: &str = "1..64 of A-Z a-z 0-9 . _ -";

/// A device id or group.
fn level(text: &str) -> Option<String> {
    check_device(text).ok().map(|()| text.to_owned())
}

/// A session name.
fn client_id(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= MAX_CLIENT_ID;
    (fits && text.chars().all(|c| c.is_ascii_graphic())).then(|| text.to_owned())
}

/// The value of `--color`.
pub(crate) fn color(parser: &mut Parser) -> Result<Color, lexopt::Error> {
    checked(parser, "color", "one of always, auto, never", |text| match text {
        "always" => Some(Color::Always),
        "auto" => Some(Color::Auto),
        "never" => Some(Color::Never),
        _ => None,
    })
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
pub(crate) fn address(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|&port| port != 0)?),
        _ => (text, DEFAULT_PORT),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = !host.is_empty() && !host.contains([':', '[', ']', '/', ' ']);
    (bracketed || plain).then(|| (host.to_owned(), port))
}

/// Options of `decode`.
fn decode(mut parser: Parser) -> Result<Verb, lexopt::Error> {
    let mut options = DecodeOptions { file: PathBuf::from("-"), device: "unknown".to_owned() };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Long("device") => options.device = checked(&mut parser, "device", TOPIC_LEVEL, level)?,
            Value(file) => options.file = file.into(),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Verb::Decode(options))
}

/// Options of `broker`.
#[cfg(feature = "broker")]
fn broker(mut parser: Parser) -> Result<Verb, lexopt::Error> {
    let mut listen = std::net::SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT));
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Long("listen") => {
                listen = checked(&mut parser, "listen", "ADDRESS:PORT", |text| text.parse().ok())?;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Verb::Broker { listen })
}

#[cfg(test)]
mod tests {
    use edge_wire::{DetectorId, Technique};

    use super::*;

    fn read(line: &str) -> Result<Verb, String> {
        let words = format!("edge-watch {line}");
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        parse(words).map_err(|error| error.to_string())
    }

    fn watching(line: &str) -> WatchOptions {
        match read(line) {
            Ok(Verb::Watch(options)) => *options,
            other => panic!("{line} became {other:?}"),
        }
    }

    #[test]
    fn watch_is_the_verb_when_none_is_named() {
        assert_eq!(watching("").broker.port, 1883);
        let options = watching("--json --broker gw.example:1884 -v");
        assert!(options.json && options.verbose);
        assert_eq!((options.broker.host.as_str(), options.broker.port), ("gw.example", 1884));
        assert_eq!(watching("watch --count 3").count, Some(3));
    }

    #[test]
    fn filters_add_up() {
        let options =
            watching("--severity high --detector file_tamper --detector 9 --technique T1486 --device a");
        assert_eq!(options.filter.severity, Severity::HIGH);
        assert_eq!(options.filter.detectors, [DetectorId::FILE_TAMPER, DetectorId(9)]);
        assert_eq!(options.filter.techniques, [Technique::T1486]);
        assert_eq!(options.filter.devices, ["a"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_range() {
        let message = read("--severity fatal").unwrap_err();
        assert!(message.starts_with("--severity 'fatal' is not one of info, low"), "{message}");
        for line in
            ["--count 0", "--timeout 0", "--device a/b", "--share +", "--broker :1", "--frobnicate", "walk"]
        {
            assert!(read(line).is_err(), "{line} was taken");
        }
        assert!(read("--password-file /x").unwrap_err().contains("--username"));
    }

    #[test]
    fn addresses_of_every_kind_are_read() {
        let of = |text: &str| address(text).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(of("gw").as_deref(), Some("gw 1883"));
        assert_eq!(of("10.0.2.2:1"), Some("10.0.2.2 1".to_owned()));
        assert_eq!(of("[::1]:1884").as_deref(), Some("[::1] 1884"));
        assert_eq!(of("[::1]").as_deref(), Some("[::1] 1883"));
        for wrong in ["", "::1", "gw:0", "gw:70000", "mqtt://gw", "[::1]x"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
