//! Verdicts as gateways in the field would send them, three each of the detectors that have an evidence of their own (`acts.rs`
//! has the others): ten days after boot, a root or web user's process with its
//! full path and four ancestors, counts as the default thresholds give them. Their median length is what the
//! specification calls usual, so nothing here is short on purpose.

use edge_wire::{
    Action, Ancestor, Bytes, DetectorId, Disposition, Evidence, FileTamper, Head, LateralScan, Reason, Rung,
    Severity, Subject, Technique, Verdict, VolatileExec,
};

/// 7c9e6679-7425-40de-944b-e07fc1f90ae7.
pub(crate) const BOOT_ID: [u8; 16] =
    [0x7c, 0x9e, 0x66, 0x79, 0x74, 0x25, 0x40, 0xde, 0x94, 0x4b, 0xe0, 0x7f, 0xc1, 0xf9, 0x0a, 0xe7];
/// 2026-05-28 20:26:40 UTC.
pub(crate) const WALL_MS: u64 = 1_780_000_000_000;
/// The subjects start ten days after boot.
pub(crate) const START_MS: u64 = 864_000_000;

/// A process that has just started.
pub(crate) fn subject(tgid: u32, uid: u32, comm: &str, exe: &str) -> Subject {
    let [comm, exe] = [comm.as_bytes(), exe.as_bytes()];
    Subject { tgid, start_ms: START_MS, uid, comm: Bytes::cut(comm), exe: Bytes::cut(exe) }
}

/// Ancestors, parent first: tgid, start in milliseconds of boot time, name.
fn lineage(ancestors: &[(u32, u64, &str)]) -> heapless::Vec<Ancestor, 4> {
    ancestors
        .iter()
        .map(|&(tgid, start_ms, comm)| Ancestor { tgid, start_ms, comm: Bytes::cut(comm.as_bytes()) })
        .collect()
}

/// What they have in common. The agent started 14 seconds after boot and decides 480 ms after the subject's start.
pub(crate) fn head(sequence: u32, subject: Subject, ancestors: &[(u32, u64, &str)]) -> Head {
    Head {
        boot_id: BOOT_ID,
        incarnation: 14,
        sequence,
        event_us: (START_MS + 480) * 1000 + 137,
        wall_ms: WALL_MS,
        subject,
        lineage: lineage(ancestors),
        ..Head::default()
    }
}

/// Somebody logged in over ssh.
pub(crate) const SSH: &[(u32, u64, &str)] = &[
    (21_870, 863_941_200, "sh"),
    (21_866, 863_940_730, "dropbear"),
    (412, 9_310, "dropbear"),
    (1, 10, "init"),
];
/// A worm came in over telnet.
pub(crate) const TELNET: &[(u32, u64, &str)] =
    &[(3_310, 863_998_760, "sh"), (3_306, 863_997_020, "telnetd"), (398, 8_900, "telnetd"), (1, 10, "init")];
/// A hole in a web page.
pub(crate) const WEB: &[(u32, u64, &str)] =
    &[(21_870, 863_999_910, "sh"), (1_220, 21_080, "php-cgi"), (612, 14_250, "lighttpd"), (1, 10, "systemd")];

/// The realistic verdicts of every detector, each with its name and what happened.
pub(crate) fn all() -> Vec<(&'static str, &'static str, Verdict)> {
    let mut all = file_tamper();
    all.extend(lateral_scan());
    all.extend(volatile_exec());
    all.extend(crate::acts::all());
    all
}

fn file_tamper() -> Vec<(&'static str, &'static str, Verdict)> {
    let judged = |head: Head, technique, evidence: FileTamper| Verdict {
        head: Head {
            detector: DetectorId::FILE_TAMPER,
            technique,
            severity: Severity::CRITICAL,
            rung: Rung::TRACEPOINT,
            ..head
        },
        evidence: Evidence::FileTamper(FileTamper { window_ms: 10_000, ..evidence }),
    };
    let script = head(3, subject(21_877, 33, "python3", "/usr/bin/python3.11"), WEB);
    let dropper = head(9, subject(21_877, 0, ".kworker", "/tmp/.x/.kworker (deleted)"), SSH);
    let dropper = Head { action: Action::KILL, disposition: Disposition::KILLED, ..dropper };
    let wiper = head(140, subject(21_902, 0, "rm", "/bin/busybox"), SSH);
    vec![
        (
            "verdict_file_tamper_encrypting",
            "a script behind a web page encrypts measured data; observed",
            judged(
                script,
                Technique::T1486,
                FileTamper {
                    reason: Reason::ENCRYPTED_CONTENT,
                    files: 30,
                    renames: 29,
                    overwrites: 30,
                    samples_high: 23,
                    samples: 23,
                    elapsed_ms: 342,
                    path: Bytes::cut(b"/srv/data/history/2026-05-17.sqlite"),
                    ..FileTamper::default()
                },
            ),
        ),
        (
            "verdict_file_tamper_killed",
            "a dropped program that deleted itself renames as it encrypts; killed",
            judged(
                dropper,
                Technique::T1486,
                FileTamper {
                    reason: Reason::NEW_ENDING,
                    files: 30,
                    renames: 30,
                    overwrites: 30,
                    samples_high: 21,
                    samples: 22,
                    elapsed_ms: 96,
                    path: Bytes::cut(b"/var/lib/mosquitto/mosquitto.db"),
                    ..FileTamper::default()
                },
            ),
        ),
        (
            "verdict_file_tamper_wiping",
            "rm -rf over the logs, from a login shell",
            judged(
                wiper,
                Technique::T1485,
                FileTamper {
                    reason: Reason::MASS_DELETE,
                    files: 300,
                    unlinks: 300,
                    elapsed_ms: 451,
                    path: Bytes::cut(b"/var/log/gateway/modbus.log.3"),
                    ..FileTamper::default()
                },
            ),
        ),
    ]
}

fn lateral_scan() -> Vec<(&'static str, &'static str, Verdict)> {
    let judged = |head: Head, technique, severity, evidence: LateralScan| Verdict {
        head: Head {
            detector: DetectorId::LATERAL_SCAN,
            technique,
            severity,
            rung: Rung::CGROUP,
            // The first try came 35 ms after the start.
            event_us: (START_MS + 35 + u64::from(evidence.elapsed_ms)) * 1000 + 137,
            ..head
        },
        evidence: Evidence::LateralScan(LateralScan { protocol: 6, window_ms: 60_000, ..evidence }),
    };
    let spreading = head(4, subject(3_311, 0, "arm7", "/var/run/.arm7"), TELNET);
    let mapping = head(11, subject(21_880, 0, "nc", "/bin/busybox"), SSH);
    let guessing = head(52, subject(21_911, 33, "hydra", "/var/tmp/.cache/hydra"), WEB);
    let guessing = Head { action: Action::DENY, disposition: Disposition::DENIED, repeats: 17, ..guessing };
    vec![
        (
            "verdict_lateral_scan_spreading",
            "a worm tries telnet on its neighbours",
            judged(
                spreading,
                Technique::T1021,
                Severity::HIGH,
                LateralScan {
                    reason: Reason::LATERAL,
                    family: 4,
                    port: 23,
                    address: Bytes::cut(&[192, 168, 10, 77]),
                    hosts: 12,
                    tries: 14,
                    elapsed_ms: 1_904,
                    ..LateralScan::default()
                },
            ),
        ),
        (
            "verdict_lateral_scan_mapping",
            "a login shell looks for login ports on the plant network",
            judged(
                mapping,
                Technique::T1046,
                Severity::MEDIUM,
                LateralScan {
                    reason: Reason::FAN_OUT,
                    family: 4,
                    port: 8291,
                    address: Bytes::cut(&[10, 20, 0, 141]),
                    hosts: 12,
                    tries: 31,
                    elapsed_ms: 20_118,
                    ..LateralScan::default()
                },
            ),
        ),
        (
            "verdict_lateral_scan_guessing",
            "passwords are guessed over ssh and IPv6; refused, 17 repeats",
            judged(
                guessing,
                Technique::T1110,
                Severity::HIGH,
                LateralScan {
                    reason: Reason::GUESSING,
                    family: 6,
                    port: 22,
                    address: Bytes::cut(&[0xfd, 0x12, 0x34, 0x56, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a]),
                    hosts: 2,
                    tries: 40,
                    elapsed_ms: 14_660,
                    ..LateralScan::default()
                },
            ),
        ),
    ]
}

fn volatile_exec() -> Vec<(&'static str, &'static str, Verdict)> {
    // As every sender does, a path that is the subject's own is left empty.
    let judged = |head: Head, technique, reason, flags, path: &str, cwd: &str| Verdict {
        head: Head {
            detector: DetectorId::VOLATILE_EXEC,
            technique,
            severity: Severity::HIGH,
            rung: Rung::TRACEPOINT,
            ..head
        },
        evidence: Evidence::VolatileExec(VolatileExec {
            flags,
            path: Bytes::cut(path.as_bytes()),
            cwd: Bytes::cut(cwd.as_bytes()),
            reason,
        }),
    };
    let miner = head(0, subject(21_877, 33, "kdevtmpfsi", "/tmp/kdevtmpfsi"), WEB);
    let script = head(6, subject(3_315, 0, "bins.sh", "/bin/busybox"), TELNET);
    let hidden = head(70, subject(21_940, 0, "dbus-daemon", "/dev/shm/.font-unix/dbus-daemon"), SSH);
    let relative = VolatileExec::RELATIVE | VolatileExec::RESOLVED;
    vec![
        (
            "verdict_volatile_exec_miner",
            "a miner dropped through a web page",
            judged(miner, Technique::T1105, Reason::SOLE, 0, "", ""),
        ),
        (
            "verdict_volatile_exec_script",
            "a script that its parent's sibling had just written, started as ./bins.sh; the path was resolved",
            judged(
                script,
                Technique::T1059,
                Reason::DROPPED_AND_RUN,
                relative,
                "/var/run/bins.sh",
                "/var/run",
            ),
        ),
        (
            "verdict_volatile_exec_hidden",
            "a program in shared memory that borrows a system name",
            judged(hidden, Technique::T1105, Reason::SOLE, 0, "", ""),
        ),
    ]
}
