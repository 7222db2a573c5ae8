//! Verdicts with the common evidence as gateways in the field would send them: one each of thirteen detectors, with the
//! heads of `usual.rs`, and every field of `Act` used by at least one of them.

use edge_wire::{
    Act, Action, Bytes, DetectorId, Disposition, Evidence, Head, Reason, Rung, Severity, Technique, Verdict,
};

use crate::usual::{SSH, START_MS, TELNET, WEB, head, subject};

/// A named verdict and what happened.
type Usual = (&'static str, &'static str, Verdict);

/// What differs from one verdict to the next besides subject and evidence.
struct Judged(DetectorId, Technique, Severity, Rung);

/// A verdict whose first act came 480 ms after the subject's start.
fn verdict(Judged(detector, technique, severity, rung): Judged, head: Head, act: Act) -> Verdict {
    let event_us = (START_MS + 480 + u64::from(act.elapsed_ms)) * 1000 + 137;
    let count = act.count.max(1);
    Verdict {
        head: Head { detector, technique, severity, rung, event_us, ..head },
        evidence: Evidence::Act(Act { count, ..act }),
    }
}

/// The thirteen, by the number of the detector.
pub(crate) fn all() -> Vec<Usual> {
    let mut all = executions();
    all.extend(files());
    all.extend(processes());
    all.extend(traffic());
    all
}

/// What ran, or came in.
fn executions() -> Vec<Usual> {
    let memfd = head(15, subject(21_878, 33, "3", "/memfd:update (deleted)"), WEB);
    let memfd = Head { action: Action::KILL, disposition: Disposition::KILLED, ..memfd };
    let shell = head(16, subject(21_881, 33, "sh", "/bin/busybox"), WEB);
    let daemon = head(31, subject(412, 0, "dropbear", "/usr/sbin/dropbear"), &SSH[3..]);
    vec![
        (
            "verdict_fileless_exec_memfd",
            "a program that has no name on any disk, started through a web page; killed",
            verdict(
                Judged(DetectorId::FILELESS_EXEC, Technique::T1620, Severity::HIGH, Rung::LSM),
                memfd,
                Act { reason: Reason::MEMFD, object: Bytes::cut(b"/proc/self/fd/3"), ..Act::default() },
            ),
        ),
        (
            "verdict_shell_on_socket_reverse",
            "a shell whose input, output and errors are one connection to the outside",
            verdict(
                Judged(
                    DetectorId::SHELL_ON_SOCKET,
                    Technique::T1059_004,
                    Severity::CRITICAL,
                    Rung::TRACEPOINT,
                ),
                shell,
                Act {
                    reason: Reason::SOCKET_STDIO,
                    value: 0b111,
                    protocol: 6,
                    port: 4_444,
                    address: Bytes::cut(&[203, 0, 113, 66]),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_login_guessing_ssh",
            "thirty connections to this gateway's ssh from one address, over IPv6",
            verdict(
                Judged(DetectorId::LOGIN_GUESSING, Technique::T1110, Severity::MEDIUM, Rung::CGROUP),
                daemon,
                Act {
                    reason: Reason::GUESSING,
                    count: 30,
                    window_ms: 60_000,
                    elapsed_ms: 41_210,
                    protocol: 6,
                    port: 22,
                    address: Bytes::cut(&[0xfd, 0x12, 0x34, 0x56, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a]),
                    ..Act::default()
                },
            ),
        ),
    ]
}

/// What was opened, written, read or loaded.
fn files() -> Vec<Usual> {
    let wiper = head(140, subject(21_902, 0, "dd", "/bin/busybox"), SSH);
    let wiper = Head { action: Action::DENY, disposition: Disposition::DENIED, ..wiper };
    let keys = head(17, subject(3_316, 0, "sh", "/bin/busybox"), TELNET);
    let reader = head(18, subject(21_884, 0, "cat", "/bin/busybox"), SSH);
    let module = head(19, subject(21_890, 0, "insmod", "/bin/busybox"), SSH);
    vec![
        (
            "verdict_device_tamper_flash",
            "the flash that holds the root file system, opened for writing; refused",
            verdict(
                Judged(DetectorId::DEVICE_TAMPER, Technique::T1495, Severity::CRITICAL, Rung::LSM),
                wiper,
                Act {
                    reason: Reason::FLASH,
                    // Block device 31:3 as the kernel packs it.
                    value: 31 << 20 | 3,
                    object: Bytes::cut(b"/dev/mtdblock3"),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_persistence_authorized_keys",
            "a worm adds its own key to root's",
            verdict(
                Judged(DetectorId::PERSISTENCE, Technique::T1098_004, Severity::HIGH, Rung::KPROBE),
                keys,
                Act {
                    reason: Reason::AUTHORIZED_KEYS,
                    object: Bytes::cut(b"/root/.ssh/authorized_keys"),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_credential_access_shadow",
            "password hashes read by a relative path, which the tracepoint rung cannot resolve",
            verdict(
                Judged(
                    DetectorId::CREDENTIAL_ACCESS,
                    Technique::T1003_008,
                    Severity::MEDIUM,
                    Rung::TRACEPOINT,
                ),
                reader,
                Act {
                    reason: Reason::PASSWORD_FILE,
                    flags: Act::RELATIVE,
                    object: Bytes::cut(b"../etc/shadow"),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_kernel_code_module",
            "a kernel module loaded from memory that does not survive a restart",
            verdict(
                Judged(DetectorId::KERNEL_CODE, Technique::T1547_006, Severity::CRITICAL, Rung::LSM),
                module,
                Act { reason: Reason::MODULE, object: Bytes::cut(b"/var/run/.k.ko"), ..Act::default() },
            ),
        ),
    ]
}

/// What was done to other processes.
fn processes() -> Vec<Usual> {
    let debugger = head(20, subject(21_893, 0, "gdbserver", "/tmp/gdbserver"), SSH);
    let silencer = head(21, subject(3_318, 0, "killall", "/bin/busybox"), TELNET);
    let killer = head(22, subject(3_311, 0, "arm7", "/var/run/.arm7"), TELNET);
    vec![
        (
            "verdict_process_injection_ptrace",
            "a debugger from /tmp attaches to the web server",
            verdict(
                Judged(DetectorId::PROCESS_INJECTION, Technique::T1055_008, Severity::HIGH, Rung::TRACEPOINT),
                debugger,
                Act {
                    reason: Reason::PTRACE,
                    value: 16, // PTRACE_ATTACH
                    target: 612,
                    target_comm: Bytes::cut(b"lighttpd"),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_impair_defenses_syslog",
            "the system's logger is sent SIGKILL",
            verdict(
                Judged(DetectorId::IMPAIR_DEFENSES, Technique::T1562_001, Severity::HIGH, Rung::TRACEPOINT),
                silencer,
                Act {
                    reason: Reason::GUARD_SIGNALLED,
                    value: 9,
                    target: 431,
                    target_comm: Bytes::cut(b"syslogd"),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_mass_kill_rivals",
            "a worm ends what holds the login ports; counted over its children",
            verdict(
                Judged(DetectorId::MASS_KILL, Technique::T1489, Severity::HIGH, Rung::KPROBE),
                killer,
                Act {
                    flags: Act::ORIGIN,
                    count: 10,
                    window_ms: 10_000,
                    elapsed_ms: 312,
                    value: 9,
                    target: 398,
                    target_comm: Bytes::cut(b"telnetd"),
                    ..Act::default()
                },
            ),
        ),
    ]
}

/// What went out.
fn traffic() -> Vec<Usual> {
    let beacon = head(23, subject(21_899, 33, "kdevtmpfsi", "/tmp/kdevtmpfsi"), WEB);
    let flooder = head(24, subject(3_311, 0, "arm7", "/var/run/.arm7"), TELNET);
    // Gone before anything of it could be read.
    let writer = head(25, edge_wire::Subject { start_ms: 0, ..subject(21_950, 0, "python3", "") }, &[]);
    vec![
        (
            "verdict_new_egress_destination",
            "a broker that this gateway has never spoken to",
            verdict(
                Judged(DetectorId::NEW_EGRESS, Technique::T1071, Severity::MEDIUM, Rung::CGROUP),
                beacon,
                Act {
                    reason: Reason::DESTINATION,
                    protocol: 6,
                    port: 8_883,
                    address: Bytes::cut(&[198, 51, 100, 7]),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_flood_out_packets",
            "18,422 packets in a second, to one address",
            verdict(
                Judged(DetectorId::FLOOD_OUT, Technique::T1498, Severity::CRITICAL, Rung::CGROUP),
                flooder,
                Act {
                    reason: Reason::PACKETS,
                    window_ms: 1_000,
                    elapsed_ms: 1_000,
                    value: 18_422,
                    protocol: 17,
                    port: 80,
                    address: Bytes::cut(&[203, 0, 113, 9]),
                    ..Act::default()
                },
            ),
        ),
        (
            "verdict_bus_flood_serial",
            "random frames on a meter bus, by a process that was gone when the agent looked",
            verdict(
                Judged(DetectorId::BUS_FLOOD, Technique::T0806, Severity::HIGH, Rung::TRACEPOINT),
                writer,
                Act {
                    flags: Act::UNVERIFIED,
                    count: 600,
                    window_ms: 1_000,
                    elapsed_ms: 874,
                    value: 4_800,
                    object: Bytes::cut(b"/dev/ttyS1"),
                    ..Act::default()
                },
            ),
        ),
    ]
}
