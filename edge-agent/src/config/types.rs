//! The configuration as the rest of the agent sees it: plain values, already checked, of fixed size.
//!
//! Nothing here allocates; a `Config` occupies the same memory whatever the file said. Every range named below is
//! enforced by the reader (`read`), whose bounds stand in `ranges`.

use core::time::Duration;

use crate::decide::detectors::SPECS;
use heapless::{String, Vec};
use log::LevelFilter;

/// Most bytes of a device id; it becomes one level of every topic.
pub const DEVICE_ID_BYTES: usize = 64;
/// Most bytes of an MQTT client id: a device id with a prefix still fits.
pub const CLIENT_ID_BYTES: usize = 80;
/// Most bytes of an MQTT user name.
pub const USERNAME_BYTES: usize = 64;
/// Most bytes of a topic prefix.
pub const TOPIC_PREFIX_BYTES: usize = 48;
/// Most bytes of a broker's host name, the limit of DNS itself.
pub const HOST_BYTES: usize = 253;
/// Most bytes of a path to a file or a cgroup.
pub const PATH_BYTES: usize = 255;
/// Hexadecimal digits of a SHA-256.
pub const PIN_BYTES: usize = 64;
/// Longest application protocol; a sentence of RFC 7301 allows 255, no cloud has more than these.
pub const ALPN_BYTES: usize = 32;
/// Most bytes of a directory prefix the kernel compares, its trailing slash included.
pub const PREFIX_BYTES: usize = 63;
/// Most brokers.
pub const BROKER_COUNT: usize = 4;
/// Most trusted programs.
pub const TRUSTED_COUNT: usize = 16;
/// Most programs in any other list of them.
pub const ROLE_COUNT: usize = 64;
/// Most bytes of the path of a program with a role: what the kernel side sees of a path, less the NUL that ends it.
pub const PROGRAM_BYTES: usize = edge_abi::PATH_BYTES - 1;
/// Most directory prefixes in each list of `volatile_exec`.
pub const PREFIX_COUNT: usize = 16;
/// Most programs with a role: trusted, allowed to set a detector off, or starting services and sessions.
pub const PROGRAM_COUNT: usize = 320;
/// Most paths in one list of paths to watch.
pub const WATCH_COUNT: usize = 16;
/// Most paths watched besides the built-in ones, of all detectors together.
pub const WATCHED_COUNT: usize = 48;
/// Most destinations declared to `new_egress`.
pub const DECLARE_COUNT: usize = 32;
/// Most listening ports declared to `new_egress`.
pub const LISTEN_COUNT: usize = edge_abi::EGRESS_DECLARED - DECLARE_COUNT;
/// Most ports `lateral_scan` looks at.
pub const PORT_COUNT: usize = 32;

/// Everything the agent can be told. `Config::default()` is what an empty file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[device]`: who this gateway is.
    pub device: Device,
    /// `[mqtt]`: where findings go.
    pub mqtt: Mqtt,
    /// `[agent]`: how the agent itself runs.
    pub agent: Agent,
    /// `[log]`: what the agent says locally.
    pub log: Log,
    /// `[policy]`: what may be done, and who is exempt.
    pub policy: Policy,
    /// `[scope]`: which processes are watched.
    pub scope: Scope,
    /// `[load]`: how the kernel side is attached.
    pub load: Load,
    /// `[detectors.*]`: what is looked for.
    pub detectors: Detectors,
    /// `[spool]`: what outlives a power cut.
    pub spool: Spool,
    /// `[limits]`: what bounds the output.
    pub limits: Limits,
    /// Programs with a role, from `policy.trusted`, `policy.spawners` and every `detectors.*.allow`, merged; by hash, since a
    /// list of paths would take more memory than the rest of the agent's state.
    ///
    /// Boxed, like the next: a `Config` is handed through several stack frames, and each copy would stay resident.
    pub programs: Box<Programs>,
    /// `[detectors.new_egress]`, what it has besides the keys of every detector.
    pub egress: Box<Egress>,
    /// `detectors.foreign_exec.manifest`: a file, or a folder of several; empty: there is none.
    pub manifest: Box<String<PATH_BYTES>>,
    /// Paths watched besides the built-in ones, from every `detectors.*.watch`.
    pub watched: Box<Vec<Watched, WATCHED_COUNT>>,
}

/// See [`Config::programs`]. Sorted by hash, none twice.
pub type Programs = Vec<Program, PROGRAM_COUNT>;

/// A program with a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// [`edge_abi::exe_hash`] of its path.
    pub hash: u64,
    /// What it may do.
    pub allow: edge_abi::Allow,
}

/// A path watched by one detector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// [`edge_abi::Detector`] by number.
    pub detector: u8,
    /// Absolute; one that ends in a slash stands for everything below it.
    pub path: String<PREFIX_BYTES>,
}

impl Config {
    /// What a detector may really do: its own action under `policy.action = "enforce"`, else only observe.
    #[must_use]
    pub fn permitted(&self, wanted: Action) -> Action {
        match self.policy.action {
            Mode::Enforce => wanted,
            Mode::Observe => Action::Observe,
        }
    }
}

/// `[device]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The id in every topic, 1..=64 of `[A-Za-z0-9._-]`; empty means: take the machine id (see `device::resolve`).
    pub id: String<DEVICE_ID_BYTES>,
}

/// `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Brokers in order of preference, 1..=4; the next one is tried when one does not answer.
    pub brokers: Vec<Broker, BROKER_COUNT>,
    /// MQTT client id, `[A-Za-z0-9._-]`; empty means `edge-<device>`.
    pub client_id: String<CLIENT_ID_BYTES>,
    /// MQTT user name; empty means none is sent.
    pub username: String<USERNAME_BYTES>,
    /// File whose first line is the password, absolute; empty means none is sent. Never empty without `username`
    /// being set, since MQTT 3.1.1 forbids a password without a user name.
    pub password_file: String<PATH_BYTES>,
    /// Silence after which a ping is sent, 5 s..=20 min; the broker gives up after one and a half of it.
    pub keep_alive: Duration,
    /// Messages sent but not yet acknowledged, 1..=16.
    pub in_flight: u8,
    /// First levels of every topic, no wildcard, no leading or trailing slash.
    pub topic_prefix: String<TOPIC_PREFIX_BYTES>,
    /// First wait after a lost connection, 100 ms..=1 min; doubles up to `reconnect_max`.
    pub reconnect_min: Duration,
    /// Longest wait between two attempts, 1 s..=1 h and never below `reconnect_min`.
    pub reconnect_max: Duration,
    /// Time between two health messages, 10 s..=24 h.
    pub heartbeat: Duration,
    /// Plain TCP to a broker that is not this machine; without it such a broker is refused.
    pub insecure: bool,
    /// `[mqtt.tls]`.
    pub tls: Tls,
}

/// `[mqtt.tls]`: in use for every broker when `ca` is set. Needs a build with the feature `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// File with the certificates, in PEM, that the broker's must lead to, absolute; empty means no TLS.
    pub ca: String<PATH_BYTES>,
    /// File with this gateway's certificate and those between it and the broker's CA, in PEM, absolute; empty means that none is shown. Set exactly
    /// when `key` is.
    pub certificate: String<PATH_BYTES>,
    /// File with the private key to it, in PEM, absolute; readable by its owner alone.
    pub key: String<PATH_BYTES>,
    /// Name that the broker's certificate must be for; empty means the host of `brokers`.
    pub server_name: String<HOST_BYTES>,
    /// SHA-256 of the broker's public key (`SubjectPublicKeyInfo`), 64 hexadecimal digits; empty means any that leads to `ca`.
    pub pin: String<PIN_BYTES>,
    /// Application protocol that is offered (ALPN, RFC 7301); empty means none.
    pub alpn: String<ALPN_BYTES>,
}

/// One broker, parsed from `host:port` or `[ipv6]:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address, an IPv6 address without its brackets.
    pub host: String<HOST_BYTES>,
    /// TCP port, 1..=65535.
    pub port: u16,
}

/// `[agent]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Whether it gives up, once it watches, what it does not need any more ([`crate::confine`]).
    pub confine: bool,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important line still written; `Off` cannot be configured, errors are always said.
    pub level: LevelFilter,
}

/// `[policy]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Master switch over every detector's own action.
    pub action: Mode,
}

/// The master switch `policy.action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each detector's own action is taken.
    Enforce,
    /// Findings are reported, nothing is stopped, whatever a detector's own action is.
    #[default]
    Observe,
}

/// What one detector does about a finding. Each detector permits `Observe` and one more, see its `action` field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// The kernel refuses the operation.
    Deny,
    /// The kernel kills the process.
    Kill,
    /// Report only.
    #[default]
    Observe,
}

/// `[scope]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Absolute path of the cgroup2 directory whose processes are watched; empty means the whole machine.
    pub cgroup: String<PATH_BYTES>,
}

/// `[load]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The highest rung that a detector may stand on.
    pub rung: Ceiling,
    /// Absolute path of the offsets file of a kernel without BTF (`edge-watch offsets`); empty when there is none.
    pub offsets: String<PATH_BYTES>,
    /// Absolute path of the folder, on a bpf file system, where maps and links have names that keep them while no agent runs; empty: they
    /// end with the agent.
    pub pins: String<PATH_BYTES>,
}

/// `load.rung`: everything up to it is tried, from above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ceiling {
    /// LSM programs, which can refuse.
    #[default]
    Lsm,
    /// kprobes.
    Kprobe,
    /// Tracepoints only.
    Tracepoint,
}

/// `[detectors]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detectors {
    /// `[detectors.file_tamper]`.
    pub file_tamper: FileTamper,
    /// `[detectors.lateral_scan]`.
    pub lateral_scan: LateralScan,
    /// `[detectors.volatile_exec]`.
    pub volatile_exec: VolatileExec,
    /// The detectors of acts, in the order of [`SPECS`].
    pub acts: [ActDetector; SPECS.len()],
}

/// A detector of acts. Which of the fields mean something, and within what limits, stands in its `Spec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActDetector {
    /// Whether it runs.
    pub enabled: bool,
    /// What it does.
    pub action: Action,
    /// Acts in a window that make a finding; 1 where a single one does.
    pub threshold: u32,
    /// Length of the window; zero where a single act decides.
    pub window: Duration,
    /// The detector's own number; 0 where it has none.
    pub option: u32,
}

impl Config {
    /// How a detector of acts is configured.
    #[must_use]
    pub fn act(&self, detector: edge_abi::Detector) -> ActDetector {
        let index = SPECS.iter().position(|spec| spec.detector == detector);
        index.and_then(|index| self.detectors.acts.get(index)).copied().unwrap_or_default()
    }
}

/// `[detectors.file_tamper]`: ransomware and wipers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTamper {
    /// Whether the detector runs.
    pub enabled: bool,
    /// `Observe` or `Kill`.
    pub action: Action,
    /// Files one process may rename or overwrite within `window` before it is a finding, 3..=10,000.
    pub threshold: u32,
    /// The window of all three counts, 1 s..=10 min.
    pub window: Duration,
    /// Files one process may unlink within `window` before it is a finding, 10..=100,000.
    pub unlink_threshold: u32,
    /// Files everything of one origin may rename or overwrite within `origin_window`, 3..=100,000.
    pub origin_threshold: u32,
    /// The window of an origin's counts, 10 s..=1 h.
    pub origin_window: Duration,
    /// Count from which written content is sampled, 1..=`threshold`.
    pub suspicion: u32,
    /// Distinct byte values in a 128-byte sample at or above which it looks encrypted, 16..=128.
    pub diversity: u8,
}

/// `[detectors.lateral_scan]`: fan-out towards login and admin ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateralScan {
    /// Whether the detector runs.
    pub enabled: bool,
    /// `Observe` or `Deny`.
    pub action: Action,
    /// Distinct destinations one process may try within `window`, 3..=1024.
    pub hosts: u32,
    /// Connections one process may try to one login port within `window`, 5..=100,000.
    pub tries: u32,
    /// The window of both counts, 1 s..=1 h.
    pub window: Duration,
    /// The login and admin ports looked at, ascending, no duplicates, at most 32; empty only when not enabled.
    pub ports: Vec<u16, PORT_COUNT>,
}

/// `[detectors.volatile_exec]`: programs started from places that do not survive a reboot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolatileExec {
    /// Whether the detector runs.
    pub enabled: bool,
    /// `Observe` or `Kill`.
    pub action: Action,
    /// Directories, each 2..=63 bytes, absolute, ending in exactly one slash; at most 16, empty only when not enabled.
    pub paths: Vec<String<PREFIX_BYTES>, PREFIX_COUNT>,
    /// Directories of the same form exempt from `paths`; each lies below one of them.
    pub except: Vec<String<PREFIX_BYTES>, PREFIX_COUNT>,
}

/// `[detectors.new_egress]`: what is known from the start, and how long what is new is learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Time for which what is new is learnt instead of told, 0..=90 days of running; zero: nothing is learnt.
    pub learn: Duration,
    /// File that keeps what was learnt; empty: it is learnt again after every start.
    pub state: String<PATH_BYTES>,
    /// Whether destinations and ports on loopback count.
    pub loopback: bool,
    /// Destinations that are known, at most 32.
    pub declare: Vec<edge_abi::Declared, DECLARE_COUNT>,
    /// TCP and UDP ports that any program may listen on, ascending, at most 16.
    pub listen: Vec<u16, LISTEN_COUNT>,
}

/// `[spool]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// Folder of the spool's files, made if it does not exist; empty: there is no spool.
    pub folder: String<PATH_BYTES>,
    /// Bytes of its files together, 128 KiB..=4 MiB.
    pub bytes: u32,
    /// Bytes that may be written to flash a day, 1 MiB..=1 GiB.
    pub daily_bytes: u32,
    /// Time for which verdicts that cannot be sent are collected in memory before they are written, 1 s..=10 min.
    pub delay: Duration,
    /// Verdicts sent a second, of those that were kept, 1..=10,000.
    pub replay: u32,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time within which identical findings are folded into one and counted, 1 s..=1 h.
    pub repeats: Duration,
    /// Verdicts a minute of one detector, 0..=60,000; 0: any number.
    pub detector_rate: u32,
    /// Verdicts a minute of all detectors together, 0..=60,000; 0: any number.
    pub device_rate: u32,
}
