//! Whole files: the packaged one, and wrong ones word for word.

use super::document::ENTRY_COUNT;
use super::read::read_keys;
use super::reader::Reader;
use super::*;
use crate::decide::detectors::spec::{Bounds, Span};
use crate::decide::detectors::{SPECS, Spec};

/// The file that is installed.
pub(super) const PACKAGED: &str = include_str!("../../../packaging/edge-agent.toml");

/// The messages a file is refused with; empty when it is accepted.
pub(super) fn told(source: &str) -> Vec<String> {
    match Config::parse(source.as_bytes(), "agent.toml") {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Every key of the schema and what it may be.
fn schema() -> Vec<(&'static str, String)> {
    let mut reader = Reader::new("");
    let _ = read_keys(&mut reader);
    reader.allowed
}

/// For every key but those of the detectors of acts a value that differs from the default, and that needs no other key.
const OTHERS: [(&str, &str); 63] = [
    ("device.id", r#""gw-7""#),
    ("mqtt.brokers", r#"["[::1]:1883", "localhost:1884"]"#),
    ("mqtt.client_id", r#""c""#),
    ("mqtt.username", r#""u""#),
    ("mqtt.password_file", r#""/etc/pw""#),
    ("mqtt.keep_alive", r#""5s""#),
    ("mqtt.in_flight", "16"),
    ("mqtt.topic_prefix", r#""a/b/c""#),
    ("mqtt.reconnect_min", r#""100ms""#),
    ("mqtt.reconnect_max", r#""1h""#),
    ("mqtt.heartbeat", r#""24h""#),
    ("mqtt.insecure", "true"),
    ("mqtt.tls.ca", r#""/etc/ca.pem""#),
    ("mqtt.tls.certificate", r#""/etc/own.pem""#),
    ("mqtt.tls.key", r#""/etc/own.key""#),
    ("mqtt.tls.server_name", r#""broker.example""#),
    ("mqtt.tls.pin", r#""0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF""#),
    ("mqtt.tls.alpn", r#""mqtt""#),
    ("spool.folder", r#""/data/spool""#),
    ("spool.bytes", "131_072"),
    ("spool.daily_bytes", "1_073_741_824"),
    ("spool.delay", r#""10m""#),
    ("spool.replay", "10_000"),
    ("agent.confine", "false"),
    ("log.level", r#""trace""#),
    ("policy.action", r#""enforce""#),
    ("policy.trusted", "[]"),
    ("policy.spawners", r#"["/opt/supervisor"]"#),
    ("scope.cgroup", r#""/sys/fs/cgroup/demo""#),
    ("load.rung", r#""kprobe""#),
    ("load.offsets", r#""/etc/edge-agent/offsets""#),
    ("load.pins", r#""""#),
    ("detectors.file_tamper.enabled", "false"),
    ("detectors.file_tamper.action", r#""kill""#),
    ("detectors.file_tamper.threshold", "10_000"),
    ("detectors.file_tamper.window", r#""10m""#),
    ("detectors.file_tamper.unlink_threshold", "10"),
    ("detectors.file_tamper.origin_threshold", "10"),
    ("detectors.file_tamper.origin_window", "\"10s\""),
    ("detectors.file_tamper.suspicion", "1"),
    ("detectors.file_tamper.diversity", "0x80"),
    ("detectors.file_tamper.allow", r#"["/opt/backup:children"]"#),
    ("detectors.lateral_scan.enabled", "false"),
    ("detectors.lateral_scan.action", r#""deny""#),
    ("detectors.lateral_scan.hosts", "3"),
    ("detectors.lateral_scan.tries", "5"),
    ("detectors.lateral_scan.window", r#""1h""#),
    ("detectors.lateral_scan.ports", "[65535, 1]"),
    ("detectors.lateral_scan.allow", r#"["/opt/fleet"]"#),
    ("detectors.volatile_exec.enabled", "false"),
    ("detectors.volatile_exec.action", r#""kill""#),
    ("detectors.volatile_exec.paths", r#"["/mnt", "/tmp/"]"#),
    ("detectors.volatile_exec.except", r#"["/run/user"]"#),
    ("detectors.volatile_exec.allow", r#"["/opt/installer"]"#),
    ("detectors.new_egress.learn", r#""0s""#),
    ("detectors.new_egress.state", r#""/data/egress""#),
    ("detectors.new_egress.loopback", "true"),
    ("detectors.new_egress.declare", r#"["udp *:123 /usr/sbin/ntpd", "tcp [2001:db8::/32]:443"]"#),
    ("detectors.new_egress.listen", "[443, 22]"),
    ("detectors.foreign_exec.manifest", r#""/etc/edge-agent/image.manifest""#),
    ("limits.repeats", r#""1s""#),
    ("limits.detector_rate", "60"),
    ("limits.device_rate", "60_000"),
];

/// The same for the keys of one detector of acts. An action that can only be `observe` has no other value.
fn act_others(spec: &Spec) -> Vec<(&'static str, String)> {
    let quoted = |text: String| format!("{text:?}");
    let mut others = vec![(spec.keys.enabled, (!spec.enabled).to_string())];
    let action = spec.actions.first().map_or("observe".into(), |action| format!("{action:?}").to_lowercase());
    others.push((spec.keys.action, quoted(action)));
    let number = |bounds: Bounds| if bounds.default == bounds.least { bounds.most } else { bounds.least };
    others.extend(spec.threshold.map(|bounds| (spec.keys.threshold, number(bounds).to_string())));
    let longest = |span: Span| if span.default == span.most { span.least } else { span.most };
    let shown = |span| quoted(value::ShowDuration(longest(span)).to_string());
    others.extend(spec.window.map(|span| (spec.keys.window, shown(span))));
    others.extend(spec.option.map(|choice| (choice.key, number(choice.bounds).to_string())));
    others.push((spec.keys.allow, r#"["/opt/x:children"]"#.into()));
    if !spec.watch.is_empty() {
        others.push((spec.keys.watch, r#"["/opt/secret", "/opt/tree/"]"#.into()));
    }
    others
}

/// What a key needs beside it, with and without itself: a password a user name, and TLS all its files. Both sides have it, so that only the
/// key itself differs.
fn common(key: &str) -> (String, String) {
    let lines = |keys: &[(&str, &str)]| {
        keys.iter().flat_map(|(key, value)| [*key, " = \"", *value, "\"\n"]).collect()
    };
    let files = [("mqtt.tls.ca", "/ca"), ("mqtt.tls.certificate", "/own"), ("mqtt.tls.key", "/key")];
    match key {
        "mqtt.password_file" => (lines(&[("mqtt.username", "u")]), lines(&[("mqtt.username", "u")])),
        "mqtt.tls.certificate" => (lines(&files), lines(&[files[0], files[2]])),
        "mqtt.tls.key" => (lines(&files), lines(&files[..2])),
        "mqtt.tls.ca" => (lines(&files), lines(&files[1..])),
        _ if key.starts_with("mqtt.tls.") => (lines(&files), lines(&files)),
        _ => (String::new(), String::new()),
    }
}

/// Whether a key means something to this build.
pub(super) fn is_built(key: &str) -> bool {
    (cfg!(feature = "tls") || !key.starts_with("mqtt.tls."))
        && (cfg!(feature = "spool") || key != "spool.folder")
}

/// For every key another value, in the order of the schema.
pub(super) fn others() -> Vec<(&'static str, String)> {
    // The last ones stand behind the detectors of acts.
    let (before, after) = OTHERS.split_at(OTHERS.len() - 9);
    let fixed = |row: &(&'static str, &str)| (row.0, row.1.to_owned());
    let acts = SPECS.into_iter().flat_map(act_others);
    before.iter().map(fixed).chain(acts).chain(after.iter().map(fixed)).collect()
}

#[test]
fn the_packaged_file_and_an_empty_one_are_the_default() {
    assert_eq!(told(PACKAGED), [""; 0]);
    // The keys that are out of step with the defaults, before all the bytes of two configurations.
    let packaged = Config::parse(PACKAGED.as_bytes(), "").unwrap();
    assert!(diff(&Config::default(), &packaged).is_empty(), "{:?}", diff(&Config::default(), &packaged));
    assert_eq!(Config::parse(PACKAGED.as_bytes(), "").unwrap(), Config::default());
    assert_eq!(Config::parse(b"", "").unwrap(), Config::default());
}

#[test]
fn the_packaged_file_describes_every_key_with_its_range() {
    for (path, allowed) in schema() {
        let (table, key) = path.rsplit_once('.').unwrap();
        let section = PACKAGED.split(&format!("\n[{table}]\n")).nth(1).expect(table);
        let section = section.split("\n[").next().unwrap();
        let before =
            section.split(&format!("\n{key} = ")).next().filter(|before| *before != section).expect(path);
        let comment: Vec<&str> = before.lines().rev().take_while(|line| line.starts_with('#')).collect();
        assert!(!comment.is_empty(), "{path} has no comment");
        let comment = comment.into_iter().rev().map(|line| line.trim_start_matches('#')).collect::<String>();
        // Up to the example and the type's own details, which the first comment of the file explains.
        let range = allowed.split(" such as ").next().unwrap().split(" without ").next().unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (range, comment) = (words(range), words(&comment.replace([':', ';', '.'], " ")));
        let range = words(&range.join(" ").replace([':', ';', '.'], " "));
        let shown = comment.windows(range.len()).any(|part| {
            part.iter()
                .zip(&range)
                .all(|(left, right)| left.trim_end_matches(',') == right.trim_end_matches(','))
        });
        assert!(shown, "{path}: the comment does not say {allowed:?}: {comment:?}");
    }
}

#[test]
fn each_key_is_read_and_told_apart_by_diff() {
    let keys: Vec<&str> = schema().into_iter().map(|(key, _)| key).collect();
    let others = others();
    assert_eq!(keys, others.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    let fixed = |key| SPECS.iter().any(|spec| spec.keys.action == key && spec.actions.is_empty());
    for (key, value) in others.into_iter().filter(|(key, _)| !fixed(*key) && is_built(key)) {
        let (with, without) = common(key);
        let old = Config::parse(with.as_bytes(), "").unwrap();
        let source = format!("{without}{key} = {value}");
        let new = Config::parse(source.as_bytes(), "agent.toml").unwrap_or_else(|error| panic!("{error}"));
        let changes = diff(&old, &new);
        let live = ["log.", "policy.", "detectors.", "limits."].iter().any(|table| key.starts_with(table));
        let lists = (changes.live.as_slice(), changes.restart.as_slice());
        let (named, other) = if live { lists } else { (lists.1, lists.0) };
        assert_eq!(named, [key]);
        assert!(other.is_empty(), "{key}: {other:?}");
        assert_eq!(changes.check_live().is_ok(), live, "{key}");
        assert!(diff(&new, &new).is_empty(), "{key}");
    }
}

#[test]
fn a_refused_reload_names_its_keys() {
    let new = Config::parse(b"device.id = \"a\"\nmqtt.in_flight = 1\nlog.level = \"warn\"", "").unwrap();
    let changes = diff(&Config::default(), &new);
    let refused = changes.check_live().unwrap_err();
    assert_eq!(refused.to_string(), "only a restart changes `device.id`, `mqtt.in_flight`");
}

#[test]
fn values_are_refused_with_file_line_key_value_and_range() {
    for (source, message) in [
        (
            "[detectors.file_tamper]\n\nwindow = \"5 minutes\"",
            r#"agent.toml:3: `detectors.file_tamper.window = "5 minutes"`: expected a duration of 1s..10m such as "10s""#,
        ),
        (
            "mqtt.keep_alive = 60s",
            r#"agent.toml:1: `mqtt.keep_alive = 60s`: expected a duration of 5s..20m such as "1m""#,
        ),
        (
            "mqtt.heartbeat = 300",
            r#"agent.toml:1: `mqtt.heartbeat = 300`: expected a duration of 10s..24h such as "5m""#,
        ),
        ("mqtt.in_flight = 17", "agent.toml:1: `mqtt.in_flight = 17`: expected a whole number of 1..16"),
        (
            "mqtt.in_flight = 4294967297",
            "agent.toml:1: `mqtt.in_flight = 4294967297`: expected a whole number of 1..16",
        ),
        ("mqtt.insecure = \"yes\"", r#"agent.toml:1: `mqtt.insecure = "yes"`: expected true or false"#),
        (
            "policy.action = \"kill\"",
            r#"agent.toml:1: `policy.action = "kill"`: expected "observe" or "enforce""#,
        ),
        (
            "[detectors]\nlateral_scan.ports = [22,\n  70000]",
            "agent.toml:3: `detectors.lateral_scan.ports = 70000`: expected a port of 1..65535",
        ),
        (
            "detectors.lateral_scan.ports = [0]",
            "agent.toml:1: `detectors.lateral_scan.ports = 0`: expected a port of 1..65535",
        ),
        ("detectors.file_tamper = 1", "agent.toml:1: unknown key `detectors.file_tamper`"),
        (
            "detectors.lateral_scan.ports = [22, 22]",
            "agent.toml:1: `detectors.lateral_scan.ports = 22`: expected every element once",
        ),
        ("mqtt.brokers = []", "agent.toml:1: `mqtt.brokers = []`: expected 1..4 elements, found 0"),
        ("scope = { cgroup = \"/\" }", "agent.toml:1: unknown key `scope`"),
        (
            "[mqtt]\nkeepalive = \"5s\"",
            "agent.toml:2: unknown key `mqtt.keepalive`, did you mean `mqtt.keep_alive`?",
        ),
        ("[mqqt]\nx = 1\ny = 2", "agent.toml:1: unknown table `[mqqt]`, did you mean `[mqtt]`?"),
        ("\"log.level\" = 1", r#"agent.toml:1: unknown key `"log.level"`, did you mean `log.level`?"#),
        ("[log]\n[log]", "agent.toml:2: `[log]` is given twice, first in line 1"),
        (
            "log.level = \"warn\"\n[log]\nlevel = \"info\"",
            "agent.toml:3: `log.level` is given twice, first in line 1",
        ),
        ("[mqtt]\n\nx = {", "agent.toml:3: not valid: a value that begins here has no end"),
        ("scope = {\n x = 1 }", "agent.toml:1: unknown key `scope`"),
        (
            "log.level = { x = 1 }",
            r#"agent.toml:1: `log.level = { x = 1 }`: expected "error" or "warn" or "info" or "debug" or "trace""#,
        ),
        (
            "detectors.lateral_scan.ports = [[22], 23]",
            "agent.toml:1: `detectors.lateral_scan.ports = [22]`: expected a port of 1..65535",
        ),
        (
            "policy.trusted = [\"/bin/x:children\"]",
            r#"agent.toml:1: `policy.trusted = "/bin/x:children"`: expected an absolute path of 2..127 bytes without ".", "..", "//" or ":children""#,
        ),
        (
            "detectors.mass_kill.allow = [\"x\"]",
            r#"agent.toml:1: `detectors.mass_kill.allow = "x"`: expected an absolute path of 2..127 bytes without ".", ".." or "//", ":children" behind it if what it starts passes too"#,
        ),
        (
            "detectors.mass_kill.allow = [\"/x\", \"/x\"]",
            r#"agent.toml:1: `detectors.mass_kill.allow = "/x"`: expected every element once"#,
        ),
        (
            "detectors.persistence.watch = [\"/a\",\n\"*/b\"]",
            r#"agent.toml:2: `detectors.persistence.watch = "*/b"`: expected an absolute path of 2..63 bytes without ".", ".." or "//""#,
        ),
        (
            "detectors.new_egress.declare = [\"udp *:53\",\n\"tcp broker.example.org:8883\"]",
            r#"agent.toml:2: `detectors.new_egress.declare = "tcp broker.example.org:8883"`: expected "tcp|udp|any NETWORK:PORT [PROGRAM]", NETWORK an address, address/bits, [IPv6/bits] or *, PORT a number or *"#,
        ),
        (
            "detectors.new_egress.learn = \"91d\"",
            r#"agent.toml:1: `detectors.new_egress.learn = "91d"`: expected a duration of 0ms..2160h such as "168h""#,
        ),
        ("[[log]]", "agent.toml:1: not valid: `[[..]]` is not used here, write `[..]`"),
    ] {
        assert_eq!(told(source), [message], "{source}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (source, line, key) in [
        ("\nmqtt.brokers = [\"10.0.0.1:1883\"]", 2, "mqtt.brokers"),
        ("mqtt.password_file = \"/pw\"", 1, "mqtt.password_file"),
        ("mqtt.topic_prefix = \"\"", 1, "mqtt.topic_prefix"),
        ("mqtt.reconnect_max = \"1s\"\nmqtt.reconnect_min = \"2s\"", 2, "mqtt.reconnect_min"),
        ("detectors.file_tamper.threshold = 5", 1, "detectors.file_tamper.suspicion"),
        ("detectors.lateral_scan.ports = []", 1, "detectors.lateral_scan.ports"),
        ("detectors.volatile_exec.paths = []", 1, "detectors.volatile_exec.paths"),
        ("detectors.volatile_exec.except = [\"/opt\"]", 1, "detectors.volatile_exec.except"),
    ] {
        let Err(ConfigError::Invalid { problems, .. }) = Config::parse(source.as_bytes(), "") else {
            panic!("accepted: {source}");
        };
        let found = problems.list().iter().map(|problem| match problem {
            Problem::Clash { line, key, .. } => (*line, key.as_str()),
            other => panic!("{other}"),
        });
        assert_eq!(found.collect::<Vec<_>>(), [(line, key)], "{source}");
    }
    assert_eq!(told("mqtt.brokers = [\"10.0.0.1:1883\"]\nmqtt.insecure = true"), [""; 0]);
}

/// A file of so many keys that do not exist.
fn many_keys(count: usize) -> String {
    (0..count).flat_map(|number| ["key".to_owned(), number.to_string(), " = 1\n".to_owned()]).collect()
}

#[test]
fn all_mistakes_are_told_in_order_and_bounded() {
    let lines = told("a = 1\nmqtt.in_flight = 0\nb =\nlog.level = \"loud\"");
    let numbers: Vec<&str> = lines.iter().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(numbers, ["1", "2", "3", "4"], "{lines:?}");
    let many = many_keys(100);
    let lines = told(&many);
    assert_eq!(lines.len(), PROBLEM_COUNT + 1);
    assert_eq!(lines.last().unwrap(), "agent.toml: and 84 more");
    let flood = many_keys(ENTRY_COUNT * 2);
    assert!(told(&flood).iter().any(|line| line.contains("more than 256 keys")), "{:?}", told(&flood));
}

#[test]
fn files_that_cannot_be_text_are_refused() {
    assert_eq!(Config::parse(b"a = 1\n\xff", "f").unwrap_err().to_string(), "f:2: not UTF-8 text");
    let long = vec![b'#'; FILE_BYTES + 1];
    assert_eq!(Config::parse(&long, "f").unwrap_err().to_string(), "f: longer than 98304 bytes");
    let absent = Config::load(Path::new("/nonexistent/a.toml")).unwrap_err().to_string();
    assert!(absent.starts_with("/nonexistent/a.toml: "), "{absent}");
}

#[test]
fn messages_hold_no_control_bytes_and_stay_short() {
    let lines = told(&format!("log.level = \"\\u001b[31m{}\"\n'a\\\u{7f}' = 1\n", "x".repeat(4096)));
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.len() < 250 && !line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn the_size_of_a_config_is_known() {
    // Held twice during a reload. Most of it are the programs (320) and the watched paths (48).
    assert!(size_of::<Config>() <= 17 * 1024, "{}", size_of::<Config>());
}

#[test]
fn the_master_switch_decides() {
    let mut config = Config::default();
    assert_eq!(config.permitted(Action::Kill), Action::Observe);
    config.policy.action = Mode::Enforce;
    assert_eq!(config.permitted(Action::Kill), Action::Kill);
    assert_eq!(config.permitted(Action::Observe), Action::Observe);
}
