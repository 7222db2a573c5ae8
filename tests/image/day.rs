//! What a gateway does all day, none of which is a finding.

use std::error::Error;

use edge_tests::said;
use edge_tests::subscriber::Line;

use crate::machine::Machine;

/// A job of the day: what it is, and the commands of it.
type Job = (&'static str, &'static str);

/// Runs the jobs of the minute, of the hour and of the night by the real crond, four times: it is started two seconds before a full hour. The second hour
/// is midnight.
const CRON: &str = "for hour in 22 23 00 01; do /etc/init.d/S50crond stop; date -s $hour:59:57 >/dev/null; /etc/init.d/S50crond start; \
     for i in $(seq 60); do [ $(grep -c rotated /run/jobs) -ge $((n + 1)) ] && break; usleep 200000; done; n=$((n + 1)); done; \
     for i in $(seq 50); do grep -q daily /run/jobs && break; usleep 200000; done; [ $(grep -c rotated /run/jobs) -eq 4 ] && grep daily /run/jobs";

/// A person, or a fleet's tool, logs in. Dropbear executes itself anew for each connection, by a descriptor.
const LOGIN: &str =
    "dbclient -y -y -i /data/ssh/client root@127.0.0.1 'id && uptime && tail -n 3 /etc/profile'";

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

/// Runs all of them. Each has to do its work, so that nothing is quiet because nothing was done.
pub(crate) fn passes(machine: &mut Machine<'_>) -> Result<(), Box<dyn Error>> {
    let mark = machine.uplink.watch.mark();
    for (what, command) in JOBS {
        machine.run(&format!("n=0; : >>/run/jobs; {command}")).map_err(|error| format!("{what}: {error}"))?;
    }
    machine.quiet(mark, "the day")
}

/// A login. What executed itself by a descriptor goes by no name that a list could have, and may be told for reading the accounts: where files
/// are not known, and where its file lies on an overlay and it was there before the agent. Returns what was.
pub(crate) fn login(machine: &mut Machine<'_>) -> Result<&'static str, Box<dyn Error>> {
    let mark = machine.uplink.watch.mark();
    machine.run(LOGIN)?;
    machine.drained()?;
    let found = machine.verdicts(mark);
    let is_expected = |line: &Line| said::is_verdict_of(line, "credential_access");
    if let Some(line) = found.iter().find(|line| !is_expected(line)) {
        return Err(format!("a login became a finding: {}", line.json).into());
    }
    Ok(if found.is_empty() { "quiet" } else { "told by credential_access" })
}
