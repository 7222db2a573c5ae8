//! The schema: one line for each key, in the order of the packaged file, then what must hold between keys.

use super::document::Value;
use super::problem::Problems;
use super::read_acts::{self, Merge};
use super::reader::{Reader, number, text};
use super::types::{
    Action, Ceiling, Config, Detectors, Egress, FileTamper, LateralScan, Mode, Mqtt, PREFIX_BYTES,
    PREFIX_COUNT, Policy, Spool, Tls, VolatileExec,
};
use super::{declare, ranges, value};
use edge_abi::Detector;
use heapless::{String, Vec};
use log::LevelFilter;

/// The levels `log.level` and `--log-level` take.
pub const LEVELS: [(&str, LevelFilter); 5] = [
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
    ("trace", LevelFilter::Trace),
];

/// What `load.rung` takes, as the wire calls them.
const RUNGS: [(&str, Ceiling); 3] =
    [("lsm", Ceiling::Lsm), ("kprobe", Ceiling::Kprobe), ("tracepoint", Ceiling::Tracepoint)];
/// What a detector that can do both may do.
const ACTIONS: [(&str, Action); 3] =
    [("observe", Action::Observe), ("kill", Action::Kill), ("deny", Action::Deny)];
/// What a detector that can deny may do.
const DENY_ACTIONS: [(&str, Action); 2] = [("observe", Action::Observe), ("deny", Action::Deny)];
/// Form of an id, for messages.
const ID_FORM: &str = "letters, digits, \".\", \"_\" and \"-\"";
/// Form of a path, for messages.
const PATH_FORM: &str = "an absolute path without \".\", \"..\" or \"//\"";

/// Reads a whole file. The configuration is only meant to be used when there is no problem.
pub(super) fn read(source: &str) -> (Config, Problems) {
    let mut reader = Reader::new(source);
    let config = read_keys(&mut reader);
    (config, reader.finish())
}

/// Reads every key, then checks what must hold between them.
pub(super) fn read_keys(reader: &mut Reader<'_>) -> Config {
    let mut config = Config::default();
    reader.text("device.id", &mut config.device.id, value::is_id, ID_FORM);
    mqtt(reader, &mut config.mqtt);
    spool(reader, &mut config.spool);
    reader.flag("agent.confine", &mut config.agent.confine);
    reader.choice("log.level", &mut config.log.level, &LEVELS);
    let mut merge = Merge::new(&mut config.programs);
    policy(reader, &mut merge, &mut config.policy);
    reader.text("scope.cgroup", &mut config.scope.cgroup, value::is_path, PATH_FORM);
    reader.choice("load.rung", &mut config.load.rung, &RUNGS);
    reader.text("load.offsets", &mut config.load.offsets, value::is_path, PATH_FORM);
    reader.text("load.pins", &mut config.load.pins, value::is_path, PATH_FORM);
    detectors(reader, &mut merge, &mut config.detectors);
    *config.watched = read_acts::acts(reader, &mut merge, &mut config.detectors.acts);
    new_egress(reader, &mut config.egress);
    reader.text("detectors.foreign_exec.manifest", &mut config.manifest, value::is_path, PATH_FORM);
    reader.duration("limits.repeats", &mut config.limits.repeats, &ranges::REPEATS);
    reader.number("limits.detector_rate", &mut config.limits.detector_rate, &ranges::RATE);
    reader.number("limits.device_rate", &mut config.limits.device_rate, &ranges::RATE);
    config
}

/// `[mqtt]`.
fn mqtt(reader: &mut Reader<'_>, mqtt: &mut Mqtt) {
    let form = format_args!("\"host:port\", an IPv6 address in brackets");
    reader.list("mqtt.brokers", &mut mqtt.brokers, 1, |item| text(item).and_then(value::broker), form);
    reader.text("mqtt.client_id", &mut mqtt.client_id, value::is_id, ID_FORM);
    reader.text("mqtt.username", &mut mqtt.username, value::is_printable, "printable text");
    reader.text("mqtt.password_file", &mut mqtt.password_file, value::is_path, PATH_FORM);
    reader.duration("mqtt.keep_alive", &mut mqtt.keep_alive, &ranges::KEEP_ALIVE);
    reader.number("mqtt.in_flight", &mut mqtt.in_flight, &ranges::IN_FLIGHT);
    let form = "levels of letters, digits, \".\", \"_\" and \"-\", single slashes between them";
    reader.text("mqtt.topic_prefix", &mut mqtt.topic_prefix, value::is_topic_prefix, form);
    reader.duration("mqtt.reconnect_min", &mut mqtt.reconnect_min, &ranges::RECONNECT_MIN);
    reader.duration("mqtt.reconnect_max", &mut mqtt.reconnect_max, &ranges::RECONNECT_MAX);
    reader.duration("mqtt.heartbeat", &mut mqtt.heartbeat, &ranges::HEARTBEAT);
    reader.flag("mqtt.insecure", &mut mqtt.insecure);
    tls(reader, &mut mqtt.tls);

    if mqtt.topic_prefix.is_empty() {
        reader.clash(&["mqtt.topic_prefix"], "must not be empty, every topic begins with it".into());
    }
    if mqtt.reconnect_min > mqtt.reconnect_max {
        let (least, most) =
            (value::ShowDuration(mqtt.reconnect_min), value::ShowDuration(mqtt.reconnect_max));
        let reason = format!("{least} is longer than `mqtt.reconnect_max`, {most}");
        reader.clash(&["mqtt.reconnect_min", "mqtt.reconnect_max"], reason);
    }
    if mqtt.username.is_empty() && !mqtt.password_file.is_empty() {
        let reason = "needs `mqtt.username`: MQTT 3.1.1 forbids a password alone";
        reader.clash(&["mqtt.password_file"], reason.into());
    }
    let plain = mqtt.tls.ca.is_empty() && !mqtt.insecure;
    if let Some(remote) = mqtt.brokers.iter().find(|broker| plain && !value::is_loopback(broker)) {
        let (host, port) = (&remote.host, remote.port);
        let reason = format!(
            "plain TCP to {host} port {port} leaves this machine readable by anyone on the way: set `mqtt.tls.ca`, use a local broker, or set `mqtt.insecure = true` if that is meant"
        );
        reader.clash(&["mqtt.brokers", "mqtt.insecure"], reason);
    }
}

/// `[mqtt.tls]`.
fn tls(reader: &mut Reader<'_>, tls: &mut Tls) {
    reader.text("mqtt.tls.ca", &mut tls.ca, value::is_path, PATH_FORM);
    reader.text("mqtt.tls.certificate", &mut tls.certificate, value::is_path, PATH_FORM);
    reader.text("mqtt.tls.key", &mut tls.key, value::is_path, PATH_FORM);
    reader.text("mqtt.tls.server_name", &mut tls.server_name, value::is_host, "a host name or IPv4 address");
    reader.text("mqtt.tls.pin", &mut tls.pin, value::is_sha256, "a SHA-256 in hexadecimal digits");
    reader.text("mqtt.tls.alpn", &mut tls.alpn, value::is_printable, "printable text");

    let optional = [
        ("mqtt.tls.certificate", !tls.certificate.is_empty()),
        ("mqtt.tls.key", !tls.key.is_empty()),
        ("mqtt.tls.server_name", !tls.server_name.is_empty()),
        ("mqtt.tls.pin", !tls.pin.is_empty()),
        ("mqtt.tls.alpn", !tls.alpn.is_empty()),
    ];
    let given = optional.into_iter().find(|(_, given)| *given).map(|(key, _)| key);
    let first = if tls.ca.is_empty() { given } else { Some("mqtt.tls.ca") };
    if let Some(key) = first.filter(|_| !cfg!(feature = "tls")) {
        let reason = "cannot be used: this agent was built without TLS (feature `tls`)";
        // Nothing further is said of it, and the broker is not called insecure, which would lead nowhere.
        tls.ca = String::try_from("/").unwrap_or_default();
        reader.clash(&[key], reason.into());
    } else if let Some(key) = given.filter(|_| tls.ca.is_empty()) {
        reader.clash(&[key], "needs `mqtt.tls.ca`, the certificates that the broker's must lead to".into());
    } else if tls.certificate.is_empty() != tls.key.is_empty() {
        let (key, other) = if tls.key.is_empty() {
            ("mqtt.tls.certificate", "mqtt.tls.key")
        } else {
            ("mqtt.tls.key", "mqtt.tls.certificate")
        };
        reader.clash(&[key], format!("needs `{other}`: one is nothing without the other"));
    }
}

/// `[spool]`.
fn spool(reader: &mut Reader<'_>, spool: &mut Spool) {
    reader.text("spool.folder", &mut spool.folder, value::is_path, PATH_FORM);
    reader.number("spool.bytes", &mut spool.bytes, &ranges::SPOOL_BYTES);
    reader.number("spool.daily_bytes", &mut spool.daily_bytes, &ranges::SPOOL_DAILY);
    reader.duration("spool.delay", &mut spool.delay, &ranges::SPOOL_DELAY);
    reader.number("spool.replay", &mut spool.replay, &ranges::SPOOL_REPLAY);

    if !spool.folder.is_empty() && !cfg!(feature = "spool") {
        let reason = "cannot be used: this agent was built without a spool (feature `spool`)";
        reader.clash(&["spool.folder"], reason.into());
    }
}

/// `[policy]`.
fn policy(reader: &mut Reader<'_>, merge: &mut Merge<'_>, policy: &mut Policy) {
    let modes = [("observe", Mode::Observe), ("enforce", Mode::Enforce)];
    reader.choice("policy.action", &mut policy.action, &modes);
    read_acts::policy(reader, merge);
}

/// `[detectors.*]` of the detectors with keys of their own. Nobody is let pass by default.
fn detectors(reader: &mut Reader<'_>, merge: &mut Merge<'_>, detectors: &mut Detectors) {
    file_tamper(reader, &mut detectors.file_tamper);
    merge.allowed(reader, "detectors.file_tamper.allow", Detector::FileTamper, &[]);
    lateral_scan(reader, &mut detectors.lateral_scan);
    merge.allowed(reader, "detectors.lateral_scan.allow", Detector::LateralScan, &[]);
    volatile_exec(reader, &mut detectors.volatile_exec);
    merge.allowed(reader, "detectors.volatile_exec.allow", Detector::VolatileExec, &[]);
}

/// `[detectors.file_tamper]`.
fn file_tamper(reader: &mut Reader<'_>, tamper: &mut FileTamper) {
    reader.flag("detectors.file_tamper.enabled", &mut tamper.enabled);
    reader.choice("detectors.file_tamper.action", &mut tamper.action, &ACTIONS);
    reader.number("detectors.file_tamper.threshold", &mut tamper.threshold, &ranges::TAMPER_THRESHOLD);
    reader.duration("detectors.file_tamper.window", &mut tamper.window, &ranges::TAMPER_WINDOW);
    reader.number(
        "detectors.file_tamper.unlink_threshold",
        &mut tamper.unlink_threshold,
        &ranges::UNLINK_THRESHOLD,
    );
    reader.number(
        "detectors.file_tamper.origin_threshold",
        &mut tamper.origin_threshold,
        &ranges::ORIGIN_THRESHOLD,
    );
    reader.duration("detectors.file_tamper.origin_window", &mut tamper.origin_window, &ranges::ORIGIN_WINDOW);
    reader.number("detectors.file_tamper.suspicion", &mut tamper.suspicion, &ranges::SUSPICION);
    reader.number("detectors.file_tamper.diversity", &mut tamper.diversity, &ranges::DIVERSITY);

    if tamper.suspicion > tamper.threshold {
        let (suspicion, threshold) = (tamper.suspicion, tamper.threshold);
        let reason = format!(
            "{suspicion} is above `detectors.file_tamper.threshold`, {threshold}: expected 1..{threshold}"
        );
        reader.clash(&["detectors.file_tamper.suspicion", "detectors.file_tamper.threshold"], reason);
    }
}

/// `[detectors.lateral_scan]`.
fn lateral_scan(reader: &mut Reader<'_>, scan: &mut LateralScan) {
    reader.flag("detectors.lateral_scan.enabled", &mut scan.enabled);
    reader.choice("detectors.lateral_scan.action", &mut scan.action, &DENY_ACTIONS);
    reader.number("detectors.lateral_scan.hosts", &mut scan.hosts, &ranges::SCAN_HOSTS);
    reader.number("detectors.lateral_scan.tries", &mut scan.tries, &ranges::SCAN_TRIES);
    reader.duration("detectors.lateral_scan.window", &mut scan.window, &ranges::SCAN_WINDOW);
    let form = format_args!("a port of {}..{}", ranges::PORT.start(), ranges::PORT.end());
    reader.list("detectors.lateral_scan.ports", &mut scan.ports, 0, |item| number(item, &ranges::PORT), form);
    scan.ports.sort_unstable();

    if scan.enabled && scan.ports.is_empty() {
        let reason = "must not be empty while the detector is enabled: it would see nothing";
        reader.clash(&["detectors.lateral_scan.ports"], reason.into());
    }
}

/// `[detectors.volatile_exec]`.
fn volatile_exec(reader: &mut Reader<'_>, exec: &mut VolatileExec) {
    reader.flag("detectors.volatile_exec.enabled", &mut exec.enabled);
    reader.choice("detectors.volatile_exec.action", &mut exec.action, &ACTIONS);
    prefixes(reader, "detectors.volatile_exec.paths", &mut exec.paths);
    prefixes(reader, "detectors.volatile_exec.except", &mut exec.except);

    if exec.enabled && exec.paths.is_empty() {
        let reason = "must not be empty while the detector is enabled: it would see nothing";
        reader.clash(&["detectors.volatile_exec.paths"], reason.into());
    }
    let is_idle =
        |except: &&String<PREFIX_BYTES>| !exec.paths.iter().any(|path| except.starts_with(path.as_str()));
    if let Some(idle) = exec.except.iter().find(is_idle) {
        let reason =
            format!("\"{idle}\" lies below none of `detectors.volatile_exec.paths`, so it exempts nothing");
        reader.clash(&["detectors.volatile_exec.except", "detectors.volatile_exec.paths"], reason);
    }
}

/// `[detectors.new_egress]`, what it has besides the keys of every detector.
fn new_egress(reader: &mut Reader<'_>, egress: &mut Egress) {
    reader.duration("detectors.new_egress.learn", &mut egress.learn, &ranges::LEARN);
    reader.text("detectors.new_egress.state", &mut egress.state, value::is_path, PATH_FORM);
    reader.flag("detectors.new_egress.loopback", &mut egress.loopback);
    let form = format_args!("{}", declare::FORM);
    let parse = |item: &Value<'_>| text(item).and_then(declare::declared);
    reader.list("detectors.new_egress.declare", &mut egress.declare, 0, parse, form);
    let form = format_args!("a port of {}..{}", ranges::PORT.start(), ranges::PORT.end());
    reader.list(
        "detectors.new_egress.listen",
        &mut egress.listen,
        0,
        |item| number(item, &ranges::PORT),
        form,
    );
    egress.listen.sort_unstable();
}

/// A list of directory prefixes.
fn prefixes(reader: &mut Reader<'_>, key: &'static str, place: &mut Vec<String<PREFIX_BYTES>, PREFIX_COUNT>) {
    let form =
        format_args!("an absolute directory of 2..{PREFIX_BYTES} bytes without \".\", \"..\" or \"//\"");
    reader.list(key, place, 0, |item| text(item).and_then(value::prefix), form);
}
