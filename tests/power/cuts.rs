//! An ext4 disk on which the agent keeps verdicts, and a guest that is killed again and again.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::{guest_program, host_program};
use edge_tests::said;
use edge_tests::subscriber::Subscriber;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Disk, Guest, GuestBuilder, Kernel};

/// How many times the power goes, unless [`CUTS_VARIABLE`] says otherwise.
const CUTS: u32 = 4;
/// A longer run by hand.
const CUTS_VARIABLE: &str = "EDGE_POWER_CUTS";
/// A command in a guest, the start of the agent included.
const SOON: Duration = Duration::from_secs(90);
/// Mebibytes of the disk.
const DISK_MIB: u64 = 32;

/// The agent without a broker, findings without end, and the power goes; again and again on the same disk, with ext4. Each start finds at least what
/// the agent before had said to be on the medium, and in the end all of it reaches a subscriber.
pub(crate) fn cost_nothing_that_was_synced() -> Outcome {
    let cuts = std::env::var(CUTS_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    let disk = Disk::ext4(DISK_MIB)?;
    let mut promised = 0;
    let mut moment = Moments(0x9e37_79b9_7f4a_7c15);
    let mut most = 0;
    for cut in 0..cuts {
        // Every other time without the barriers that make a journal's order one of the medium's.
        let mut guest = boot(disk.path(), 1, if cut % 2 == 0 { "barrier=1" } else { "barrier=0" })?;
        let found = held(&mut guest, "opened")?;
        if found < promised {
            return Err(
                format!("after {cut} cuts {found} verdicts are there, {promised} were promised").into()
            );
        }
        most = found - promised;
        run(
            &mut guest,
            "i=0; while :; do i=$((i+1)); printf '#!/bin/sh\\n' >/tmp/d$i; chmod +x /tmp/d$i; /tmp/d$i; rm /tmp/d$i; \
             usleep 20000; done >/dev/null 2>&1 &",
        )?;
        // At least one look, so that every cut comes after something was promised by this run as well, if it got that far.
        let until = Instant::now() + Duration::from_millis(1_200 + moment.next() % 2_500);
        promised = found;
        while Instant::now() < until {
            promised = promised.max(held(&mut guest, "kept")?);
        }
        // And a moment in which nobody looks, so that it may go in the middle of a write. Without any goodbye: QEMU is killed.
        std::thread::sleep(Duration::from_millis(moment.next() % 1_500));
        drop(guest);
    }
    let broker = Mosquitto::start("")?;
    let mut watch = Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v"])?;
    let mut guest = boot(disk.path(), broker.port(), "barrier=1")?;
    let found = held(&mut guest, "opened")?;
    if found < promised {
        return Err(format!("in the end {found} verdicts are there, {promised} were promised").into());
    }
    let last = watch.wait(0, SOON, "status online", said::is_online)?.at("/boot_id").to_string();
    let limit = Instant::now() + SOON;
    let mut arrived = 0;
    while arrived < found {
        if Instant::now() > limit {
            return Err(format!("{arrived} of {found} kept verdicts arrived: {}", log(&mut guest)?).into());
        }
        std::thread::sleep(Duration::from_millis(200));
        arrived = different(&mut watch, &last);
    }
    Ok(Some(format!(
        "{cuts} cuts, {found} verdicts kept and delivered, {most} more than were promised at the last cut"
    )))
}

/// How many different verdicts of runs before the last have arrived; what the last one finds by itself does not count.
fn different(watch: &mut Subscriber, last: &str) -> u32 {
    let verdicts = watch.since(0).iter().filter(|line| said::is_verdict(line));
    let mut keys: Vec<_> = verdicts
        .map(|line| {
            ["boot_id", "incarnation", "sequence"]
                .map(|field| line.at(&format!("/unmapped/{field}")).to_string())
        })
        .filter(|[boot, ..]| boot != last)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len() as u32
}

/// Boots a guest on the disk and starts the agent, whose broker is on this port.
fn boot(disk: &Path, port: u16, options: &str) -> Result<Guest, Box<dyn Error>> {
    let agent = guest_program(Arch::Arm64, "edge-agent-tls")?;
    let mut guest = GuestBuilder::new(Arch::Arm64, Kernel::V6_12).program(&agent)?.disk(disk).boot()?;
    run(&mut guest, &format!("mkdir -p /flash && mount -t ext4 -o {options} /dev/vda /flash"))?;
    let config = format!(
        "[device]\nid = \"power\"\n[mqtt]\nbrokers = [\"10.0.2.2:{port}\"]\ninsecure = true\nin_flight = 1\n\
         [log]\nlevel = \"debug\"\n[limits]\nrepeats = \"1s\"\n[detectors.new_egress]\nstate = \"\"\n\
         [spool]\nfolder = \"/flash/spool\"\nbytes = 4194304\ndaily_bytes = 1073741824\ndelay = \"1s\"\nreplay = 2000\n"
    );
    guest.write("/run/agent.toml", config.as_bytes(), SOON)?;
    run(
        &mut guest,
        "edge-agent-tls run --config /run/agent.toml >/run/agent.log 2>&1 & for i in $(seq 1200); do \
         grep -q 'spool: opened' /run/agent.log && exit 0; usleep 50000; done; cat /run/agent.log; exit 1",
    )?;
    Ok(guest)
}

/// The latest number of verdicts that the agent said to be on the medium; 0 when it has said none of this kind.
fn held(guest: &mut Guest, kind: &str) -> Result<u32, Box<dyn Error>> {
    let line = run(guest, &format!("grep 'spool: {kind}' /run/agent.log | tail -n 1"))?;
    let number = line.rsplit_once("held=").map(|(_, number)| number.trim().parse());
    Ok(number.transpose()?.unwrap_or(0))
}

/// The agent's log.
fn log(guest: &mut Guest) -> Result<String, Box<dyn Error>> {
    run(guest, "tail -n 30 /run/agent.log")
}

/// Runs a command that must succeed.
fn run(guest: &mut Guest, command: &str) -> Result<String, Box<dyn Error>> {
    let done = guest.run(command, SOON)?;
    if done.code == 0 { Ok(done.output) } else { Err(format!("`{command}` in the guest: {done:?}").into()) }
}

/// Numbers that look random and are the same in every run (xorshift of Marsaglia, 2003).
struct Moments(u64);

impl Moments {
    /// The next one.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
