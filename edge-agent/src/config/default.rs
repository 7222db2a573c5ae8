//! What an empty file means. `packaging/edge-agent.toml` spells the same values out for people; a test keeps both equal.

use super::programs;
use super::types::{
    ActDetector, Action, Agent, Broker, Config, Detectors, Device, Egress, FileTamper, LateralScan, Limits,
    Load, Log, Mode, Mqtt, PORT_COUNT, Policy, Scope, Spool, VolatileExec,
};
use core::time::Duration;

use crate::decide::detectors::SPECS;
use heapless::{String, Vec};
use log::LevelFilter;

/// Package managers and image updaters: they rename hundreds of files and unpack in volatile places for a living.
pub(super) const TRUSTED: [&str; 6] = [
    "/usr/bin/dpkg",
    "/usr/bin/mender-update",
    "/usr/bin/opkg",
    "/usr/bin/rauc",
    "/usr/bin/rpm",
    "/usr/bin/swupdate",
];

/// Init systems, login services, timers, super-servers and container runtimes: each thing they start is a service, a session
/// or a job of its own. BusyBox is not among them, as every applet would be one, nor is `start-stop-daemon`, which becomes
/// what it starts.
pub(super) const SPAWNERS: [&str; 21] = [
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/sbin/dropbear",
    "/usr/sbin/telnetd",
    "/bin/login",
    "/sbin/getty",
    "/sbin/agetty",
    "/usr/sbin/crond",
    "/usr/sbin/cron",
    "/usr/sbin/atd",
    "/usr/sbin/inetd",
    "/usr/sbin/xinetd",
    "/usr/bin/tcpsvd",
    "/usr/bin/dbus-daemon",
    "/usr/bin/containerd-shim-runc-v2",
    "/usr/bin/dockerd",
    "/usr/bin/monit",
    "/usr/bin/runsvdir",
];

/// FTP, SSH, Telnet, SMB, the second doors 2222 and 2323 that worms try, RDP, ADB, VNC, TR-069 and Winbox. Ports where
/// a gateway's own duty looks like a scan stay out: 80 and 443 (any web client), 161 (SNMP polling), 69 (TFTP boot).
const PORTS: [u16; 11] = [21, 22, 23, 445, 2222, 2323, 3389, 5555, 5900, 7547, 8291];

/// Places that are memory-backed, or writable by all, on the usual Yocto and Buildroot images. Paths are compared as
/// text, so that links into them (`/var/run`, `/var/lock`) stand beside what they lead to.
const VOLATILE: [&str; 8] =
    ["/tmp/", "/var/tmp/", "/var/volatile/", "/dev/shm/", "/dev/mqueue/", "/run/", "/var/run/", "/var/lock/"];

/// Where bpf file systems are mounted, by systemd and by the init script of this project.
const PINS: &str = "/sys/fs/bpf/edge-agent";

impl Default for Config {
    fn default() -> Self {
        Self {
            device: Device::default(),
            mqtt: Mqtt::default(),
            agent: Agent::default(),
            log: Log::default(),
            policy: Policy::default(),
            scope: Scope::default(),
            load: Load { pins: text(PINS), ..Load::default() },
            detectors: Detectors::default(),
            spool: Spool::default(),
            limits: Limits::default(),
            programs: Box::new(programs::defaults()),
            egress: Box::default(),
            manifest: Box::default(),
            watched: Box::default(),
        }
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            brokers: list([Broker { host: text("127.0.0.1"), port: 1883 }]),
            client_id: String::new(),
            username: String::new(),
            password_file: String::new(),
            keep_alive: Duration::from_secs(60),
            in_flight: 8,
            topic_prefix: text("edge/v1"),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(120),
            heartbeat: Duration::from_secs(300),
            insecure: false,
            tls: super::types::Tls::default(),
        }
    }
}

impl Default for Agent {
    fn default() -> Self {
        Self { confine: true }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LevelFilter::Info }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { action: Mode::Observe }
    }
}

impl Default for FileTamper {
    fn default() -> Self {
        Self {
            enabled: true,
            action: Action::Observe,
            threshold: 30,
            window: Duration::from_secs(10),
            unlink_threshold: 300,
            origin_threshold: 60,
            origin_window: Duration::from_secs(300),
            suspicion: 8,
            diversity: 80,
        }
    }
}

impl Default for LateralScan {
    fn default() -> Self {
        Self {
            enabled: true,
            action: Action::Observe,
            hosts: 12,
            tries: 40,
            window: Duration::from_secs(60),
            ports: list::<u16, 11, PORT_COUNT>(PORTS),
        }
    }
}

impl Default for VolatileExec {
    fn default() -> Self {
        Self { enabled: true, action: Action::Observe, paths: list(VOLATILE.map(text)), except: Vec::new() }
    }
}

impl Default for Detectors {
    fn default() -> Self {
        Self {
            file_tamper: FileTamper::default(),
            lateral_scan: LateralScan::default(),
            volatile_exec: VolatileExec::default(),
            acts: SPECS.map(|spec| ActDetector {
                enabled: spec.enabled,
                action: Action::Observe,
                threshold: spec.threshold.map_or(1, |bounds| bounds.default),
                window: spec.window.map_or(Duration::ZERO, |span| span.default),
                option: spec.option.map_or(0, |choice| choice.bounds.default),
            }),
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            learn: Duration::from_secs(7 * 86_400),
            state: text("/var/lib/edge-agent/egress"),
            loopback: false,
            declare: Vec::new(),
            listen: Vec::new(),
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            folder: String::new(),
            bytes: 1024 * 1024,
            daily_bytes: 16 * 1024 * 1024,
            delay: Duration::from_secs(5),
            replay: 500,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { repeats: Duration::from_secs(60), detector_rate: 0, device_rate: 0 }
    }
}

/// A literal as a bounded string. A literal too long would come out empty, which the test against the packaged file
/// shows; there is no other caller.
fn text<const N: usize>(literal: &str) -> String<N> {
    String::try_from(literal).unwrap_or_default()
}

/// A literal list as a bounded one; a list too long does not compile.
fn list<T, const COUNT: usize, const N: usize>(items: [T; COUNT]) -> Vec<T, N> {
    const { assert!(COUNT <= N, "a default list longer than its limit") };
    items.into_iter().collect()
}
