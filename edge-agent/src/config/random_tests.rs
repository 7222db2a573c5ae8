//! Random files: never a panic, and what is accepted is in range and was read to the last key.

use super::tests::{PACKAGED, others};
use super::*;
use crate::decide::detectors::SPECS;
use core::ops::RangeInclusive;
use core::time::Duration;
use proptest::prelude::*;

/// Asserts what every accepted configuration promises.
fn assert_in_range(config: &Config) {
    let durations: [(Duration, RangeInclusive<Duration>); 8] = [
        (config.spool.delay, ranges::SPOOL_DELAY),
        (config.mqtt.keep_alive, ranges::KEEP_ALIVE),
        (config.mqtt.reconnect_min, ranges::RECONNECT_MIN),
        (config.mqtt.reconnect_max, ranges::RECONNECT_MAX),
        (config.mqtt.heartbeat, ranges::HEARTBEAT),
        (config.detectors.file_tamper.window, ranges::TAMPER_WINDOW),
        (config.detectors.lateral_scan.window, ranges::SCAN_WINDOW),
        (config.limits.repeats, ranges::REPEATS),
    ];
    assert!(durations.iter().all(|(value, range)| range.contains(value)), "{config:?}");
    let (tamper, scan) = (&config.detectors.file_tamper, &config.detectors.lateral_scan);
    assert!(ranges::IN_FLIGHT.contains(&config.mqtt.in_flight));
    assert!(ranges::RATE.contains(&config.limits.detector_rate));
    assert!(ranges::RATE.contains(&config.limits.device_rate));
    assert!(ranges::SPOOL_BYTES.contains(&config.spool.bytes));
    assert!(ranges::SPOOL_DAILY.contains(&config.spool.daily_bytes));
    assert!(ranges::SPOOL_REPLAY.contains(&config.spool.replay));
    assert!(ranges::TAMPER_THRESHOLD.contains(&tamper.threshold));
    assert!(ranges::UNLINK_THRESHOLD.contains(&tamper.unlink_threshold));
    assert!(ranges::ORIGIN_THRESHOLD.contains(&tamper.origin_threshold));
    assert!(ranges::ORIGIN_WINDOW.contains(&tamper.origin_window));
    assert!((1..=tamper.threshold).contains(&tamper.suspicion));
    assert!(ranges::DIVERSITY.contains(&tamper.diversity));
    assert!(ranges::SCAN_HOSTS.contains(&scan.hosts) && ranges::SCAN_TRIES.contains(&scan.tries));
    assert!(scan.ports.is_sorted_by(|left, right| left < right) && !scan.ports.contains(&0));
    assert!(!config.mqtt.brokers.is_empty() && !config.mqtt.topic_prefix.is_empty());
    assert!(config.mqtt.reconnect_min <= config.mqtt.reconnect_max);
    assert!(matches!(tamper.action, Action::Kill | Action::Observe));
    assert!(matches!(scan.action, Action::Deny | Action::Observe));
    let exec = &config.detectors.volatile_exec;
    assert!(exec.paths.iter().chain(&exec.except).all(|path| path.starts_with('/') && path.ends_with('/')));
    for (spec, act) in SPECS.iter().zip(&config.detectors.acts) {
        assert!(act.action == Action::Observe || spec.actions.contains(&act.action), "{act:?}");
        let bounds = spec.threshold.map_or(1..=1, |bounds| bounds.least..=bounds.most);
        assert!(bounds.contains(&act.threshold), "{act:?}");
        let window = spec.window.map_or(Duration::ZERO..=Duration::ZERO, |span| span.least..=span.most);
        assert!(window.contains(&act.window), "{act:?}");
        let choice = spec.option.map_or(0..=0, |choice| choice.bounds.least..=choice.bounds.most);
        assert!(choice.contains(&act.option), "{act:?}");
    }
    assert!(config.programs.is_sorted_by(|left, right| left.hash < right.hash));
    assert!(config.programs.iter().all(|program| program.allow != edge_abi::Allow::default()));
    let watches =
        |detector| SPECS.iter().any(|spec| spec.detector as u8 == detector && !spec.watch.is_empty());
    assert!(config.watched.iter().all(|watched| watches(watched.detector) && watched.path.starts_with('/')));
}

/// Pieces of files, mostly of right ones, so that random sequences of them are often accepted.
const TOKENS: [&str; 28] = [
    "\n",
    "\n",
    "[mqtt]\n",
    "[log]\n",
    "[limits]\n",
    "in_flight",
    "keep_alive",
    "repeats",
    "level",
    "log.level",
    "mqtt.in_flight",
    " = ",
    " = ",
    "=",
    "1",
    "true",
    "\"5s\"",
    "\"info\"",
    "'warn'",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "#",
    "\"\"\"",
    "brokers",
];

/// How many values that are not tables a table holds.
fn leaves(table: &toml::Table) -> usize {
    table.values().map(|value| value.as_table().map_or(1, leaves)).sum()
}

/// Asserts, with an independent reader as judge, that what was accepted is TOML and nothing in it was passed over.
fn assert_read_whole(source: &str) {
    match source.parse::<toml::Table>() {
        Ok(table) => {
            let document = document::parse(source, &mut Problems::default());
            assert_eq!(document.entries.len(), leaves(&table), "{source}");
        }
        // Reopening a table made by dotted keys is forbidden by TOML, and harmless.
        Err(error) => assert!(error.message().contains("duplicate"), "{source}: {error}"),
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Config::parse(&bytes, "f");
    }

    #[test]
    fn random_toml_like_text_never_panics(text in "([a-z_.\"'\\[\\]{}=,#0-9 \n\\\\-]|log|mqtt|\"5s\"|\"\"\"){0,120}") {
        if let Ok(config) = Config::parse(text.as_bytes(), "f") {
            assert_in_range(&config);
        }
    }

    #[test]
    fn what_is_accepted_was_read_to_the_last_key(
        tokens in proptest::collection::vec(proptest::sample::select(&TOKENS[..]), 0..14),
    ) {
        let source = tokens.concat();
        if Config::parse(source.as_bytes(), "f").is_ok() {
            assert_read_whole(&source);
        }
    }

    #[test]
    fn the_packaged_file_mutated_is_refused_or_in_range(
        edits in proptest::collection::vec((0..PACKAGED.len(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = PACKAGED.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at % bytes.len();
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte % 0x60 + 0x20),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(config) = Config::parse(&bytes, "f") {
            assert_in_range(&config);
            assert_read_whole(core::str::from_utf8(&bytes).unwrap());
        }
    }

    #[test]
    fn random_values_are_refused_or_in_range(
        values in proptest::collection::vec(
            (proptest::sample::select(others()), prop_oneof![
                "-?[0-9]{1,6}", "\"[0-9]{1,4}(ms|s|m|h)\"", "\"/?[a-z./]{0,70}\"", "\\[[0-9]{1,5}(, [0-9]{1,5}){0,40}\\]",
                "\\[(\"/[a-z./]{0,66}(:children)?\", ){0,18}\\]", Just("true".to_owned()), Just("\"kill\"".to_owned()),
            ]), 1..3),
    ) {
        let source: String = values.iter().flat_map(|((key, _), value)| [key, " = ", value, "\n"]).collect();
        if let Ok(config) = Config::parse(source.as_bytes(), "f") {
            assert_in_range(&config);
        }
    }
}
