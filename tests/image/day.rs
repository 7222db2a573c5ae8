//! What a gateway does all day, none of which is a finding.

use std::error::Error;

use edge_tests::said;

use crate::machine::Machine;

/// A job of the day: what it is, and the commands of it.
type Job = (&'static str, &'static str);

/// Runs the jobs of the minute, of the hour and of the night by the real crond, four times: it is started two seconds before a full hour. The second hour
/// is midnight.
const CRON: &str = "for hour in 22 23 00 01; do /etc/init.d/S50crond stop; date -s $hour:59:57 >/dev/null; /etc/init.d/S50crond start; \
     for i in $(seq 60); do [ $(grep -c rotated /run/jobs) -ge $((n + 1)) ] && break; usleep 200000; done; n=$((n + 1)); done; \
     for i in $(seq 50); do grep -q daily /run/jobs && break; usleep 200000; done; [ $(grep -c rotated /run/jobs) -eq 4 ] && grep daily /run/jobs";

/// Ordinary work that is told: what it is, its commands, and the detector.
type Told = (&'static str, &'static str, &'static str);

/// A person, or a fleet's tool, logs in.
pub(crate) const LOGIN: Told = (
    "a login by SSH",
    "dbclient -y -y -i /data/ssh/client root@127.0.0.1 'id && uptime && tail -n 3 /etc/profile'",
    "credential_access",
);

/// The jobs, in order.
const JOBS: &[Job] = &[
    ("a day of cron, with rotation and the night's backup", CRON),
    (
        "services started again",
        "for service in S01syslogd S02klogd S50crond S55dropbear S70gateway; do /etc/init.d/$service restart || exit 1; done",
    ),
    ("an update of the other slot", "/usr/bin/swupdate /data/update.img"),
    (
        "an upgrade of a package, done again",
        "opkg /data/gateway.ipk && opkg /data/gateway.ipk && pidof gateway",
    ),
    ("a program of a package just installed, by who installed it", "nproc"),
    ("a service of a package just upgraded, started again by hand", "/etc/init.d/S70gateway restart"),
    ("a new lease of the network", "/etc/init.d/S40network restart && ping -c 1 10.0.2.2"),
    (
        "somebody who looks around",
        "ps; df; free; mount; dmesg | tail -n 5; cat /etc/passwd /proc/net/tcp /etc/init.d/S60edge-agent; find /etc -name '*.conf'; \
         logger 'was here'; kill -0 1",
    ),
];

/// Ordinary work that is told today, and by which detector: each is an entry in the documentation, or a mistake to be mended.
pub(crate) const TOLD: &[Told] = &[LOGIN];

/// Runs all of them. Each has to do its work, so that nothing is quiet because nothing was done.
pub(crate) fn passes(machine: &mut Machine<'_>) -> Result<(), Box<dyn Error>> {
    let mark = machine.uplink.watch.mark();
    for (what, command) in JOBS {
        machine.run(&format!("n=0; : >>/run/jobs; {command}")).map_err(|error| format!("{what}: {error}"))?;
    }
    machine.quiet(mark, "the day")
}

/// Does what is told today, and returns what was. Whatever another detector says of it is an error.
pub(crate) fn told(machine: &mut Machine<'_>, all: &[Told]) -> Result<String, Box<dyn Error>> {
    let mut told = Vec::new();
    for (what, command, expected) in all {
        let mark = machine.uplink.watch.mark();
        machine.run(command).map_err(|error| format!("{what}: {error}"))?;
        machine.drained()?;
        let found = machine.verdicts(mark);
        if let Some(line) = found.iter().find(|line| !said::is_verdict_of(line, expected)) {
            return Err(format!("{what} became another finding: {}", line.json).into());
        }
        told.push(format!("{what}: {}", if found.is_empty() { "nothing" } else { expected }));
    }
    Ok(told.join("; "))
}
