//! What a gateway does all day, none of which is a finding.

use std::error::Error;

use crate::machine::Machine;

/// A job of the day: what it is, and the commands of it.
type Job = (&'static str, &'static str);

/// Runs the jobs of the minute, of the hour and of the night by the real crond, four times: it is started two seconds before a full hour. The second hour
/// is midnight.
const CRON: &str = "for hour in 22 23 00 01; do /etc/init.d/S50crond stop; date -s $hour:59:57 >/dev/null; /etc/init.d/S50crond start; \
     for i in $(seq 60); do [ $(grep -c rotated /run/jobs) -ge $((n + 1)) ] && break; usleep 200000; done; n=$((n + 1)); done; \
     for i in $(seq 50); do grep -q daily /run/jobs && break; usleep 200000; done; [ $(grep -c rotated /run/jobs) -eq 4 ] && grep daily /run/jobs";

/// The jobs, in order.
const JOBS: &[Job] = &[
    ("a day of cron, with rotation and the night's backup", CRON),
    ("an update of the other slot", "/usr/bin/swupdate /data/update.img"),
    (
        "an upgrade of a package, done again",
        "opkg /data/gateway.ipk && opkg /data/gateway.ipk && pidof gateway",
    ),
    ("a program of that package", "gateway-helper true"),
    (
        "services started again",
        "for service in S01syslogd S02klogd S50crond S55dropbear S70gateway; do /etc/init.d/$service restart || exit 1; done",
    ),
    ("a new lease of the network", "/etc/init.d/S40network restart && ping -c 1 10.0.2.2"),
    (
        "logins by SSH",
        "for i in 1 2 3; do dbclient -y -y -i /data/ssh/client root@127.0.0.1 'id && uptime && tail -n 3 /var/log/messages' || exit 1; done",
    ),
    (
        "somebody who looks around",
        "ps; df; free; mount; dmesg | tail -n 5; cat /etc/passwd /proc/net/tcp /etc/init.d/S60edge-agent; find /etc -name '*.conf'; \
         cat /etc/edge-agent/edge-agent.toml | head -n 3; logger 'was here'; kill -0 1",
    ),
];

/// Runs all of them. Each has to do its work, so that nothing is quiet because nothing was done.
pub(crate) fn passes(machine: &mut Machine<'_>) -> Result<(), Box<dyn Error>> {
    for (what, command) in JOBS {
        let mark = machine.uplink.watch.mark();
        machine.run(&format!("n=0; : >>/run/jobs; {command}")).map_err(|error| format!("{what}: {error}"))?;
        machine.quiet(mark, what)?;
    }
    Ok(())
}
