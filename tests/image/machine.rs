//! A running gateway with a broker and a subscriber on this machine.

use std::error::Error;
use std::time::Duration;

use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::host_program;
use edge_tests::said;
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::vm::{Arch, Disk, Guest, GuestBuilder, Kernel};

/// How long an ordinary command may take in a guest.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// How long an agent may take to come online.
pub(crate) const START: Duration = Duration::from_secs(240);
/// How long a verdict may take to the subscriber.
const DELIVERY: Duration = Duration::from_secs(20);

/// What programs are called that are executed to be found.
const SENTINEL: &str = "/data/sentinel-";

/// A broker and who listens to it.
pub(crate) struct Uplink {
    /// The broker on this machine.
    pub(crate) broker: Mosquitto,
    /// The subscriber on this machine.
    pub(crate) watch: Subscriber,
}

impl Uplink {
    /// Starts both.
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let broker = Mosquitto::start("")?;
        let watch = Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v"])?;
        Ok(Self { broker, watch })
    }
}

/// A guest that runs an image.
pub(crate) struct Machine<'a> {
    /// The guest.
    pub(crate) guest: Guest,
    /// Where it publishes.
    pub(crate) uplink: &'a mut Uplink,
    /// What the subscriber had said when it booted.
    pub(crate) booted: usize,
    /// How many programs were executed to be found, see [`Self::drained`].
    sentinels: u32,
}

impl<'a> Machine<'a> {
    /// Boots it from its disks, the first of which is the root.
    pub(crate) fn boot(
        arch: Arch,
        kernel: Kernel,
        disks: &[&Disk],
        uplink: &'a mut Uplink,
    ) -> Result<Self, Box<dyn Error>> {
        let booted = uplink.watch.mark();
        Ok(Self { guest: boot(arch, kernel, disks)?, uplink, booted, sentinels: 0 })
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&mut self, command: &str) -> Result<String, Box<dyn Error>> {
        run(&mut self.guest, command)
    }

    /// Waits until an agent comes online that was not there at `mark`.
    pub(crate) fn online(&mut self, mark: usize) -> Result<Line, Box<dyn Error>> {
        let online = self.uplink.watch.wait(mark, START, "status online", said::is_online);
        online.map_err(|error| self.explain(&error))
    }

    /// Waits for a verdict of a detector about a path, and returns it.
    pub(crate) fn verdict(
        &mut self,
        mark: usize,
        detector: &str,
        path: &str,
    ) -> Result<Line, Box<dyn Error>> {
        let wanted = |line: &Line| said::is_verdict_of(line, detector) && said::path(line) == Some(path);
        let what = format!("{detector} about {path}");
        let found = self.uplink.watch.wait(mark, DELIVERY, &what, wanted);
        found.map_err(|error| {
            let told: Vec<String> = self.verdicts(mark).iter().map(said::headline).collect();
            format!("{}; told were {told:?}", self.explain(&error)).into()
        })
    }

    /// Waits for a verdict of a detector about anything.
    pub(crate) fn any(&mut self, mark: usize, detector: &str) -> Result<Line, Box<dyn Error>> {
        let wanted = |line: &Line| said::is_verdict_of(line, detector);
        let found = self.uplink.watch.wait(mark, DELIVERY, detector, wanted);
        found.map_err(|error| self.explain(&error))
    }

    /// The verdicts that have come since `mark`, but those on programs that were executed to be found.
    pub(crate) fn verdicts(&mut self, mark: usize) -> Vec<Line> {
        let counts = |line: &&Line| {
            said::is_verdict(line) && !said::path(line).is_some_and(|path| path.starts_with(SENTINEL))
        };
        self.uplink.watch.since(mark).iter().filter(counts).cloned().collect()
    }

    /// Waits until what was found up to now has been delivered: a program that must be found goes the same way. No heartbeat is waited for,
    /// so the books are not looked at.
    pub(crate) fn drained(&mut self) -> Result<(), Box<dyn Error>> {
        self.sentinels += 1;
        let path = format!("{SENTINEL}{}", self.sentinels);
        let mark = self.uplink.watch.mark();
        self.run(&format!("cp /usr/bin/edge-emulate {path} && {path} --help >/dev/null && rm {path}"))?;
        self.verdict(mark, "foreign_exec", &path)?;
        // Verdicts leave by severity; one that is less severe than the sentinel's follows it closely.
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    }

    /// Waits for a heartbeat that tells that everything has been delivered, of a time after now.
    pub(crate) fn settled(&mut self) -> Result<Line, Box<dyn Error>> {
        let mark = self.uplink.watch.mark();
        let beat = self.uplink.watch.wait(mark, SOON, "settled heartbeat", said::is_settled);
        beat.map_err(|error| self.explain(&error))
    }

    /// Shows that nothing was found since `mark`, after `what`.
    pub(crate) fn quiet(&mut self, mark: usize, what: &str) -> Result<(), Box<dyn Error>> {
        self.drained()?;
        let found: Vec<String> = self.verdicts(mark).iter().map(|line| line.json.to_string()).collect();
        if found.is_empty() {
            return Ok(());
        }
        Err(format!("{what} became {} findings:\n{}", found.len(), found.join("\n")).into())
    }

    /// An error with what the guest knows.
    fn explain(&mut self, error: &dyn Error) -> Box<dyn Error> {
        let look = r"ps | grep -v ' \['; ip addr; tail -n 12 /var/log/messages; dmesg | tail -n 8";
        let seen = self.guest.run(look, SOON).map(|done| done.output).unwrap_or_default();
        format!("{error}\n{seen}").into()
    }
}

/// Boots a guest from disks.
pub(crate) fn boot(arch: Arch, kernel: Kernel, disks: &[&Disk]) -> Result<Guest, Box<dyn Error>> {
    let mut builder = GuestBuilder::new(arch, kernel).own_init();
    for disk in disks {
        builder = builder.disk(disk.path());
    }
    Ok(builder.boot()?)
}

/// Runs a command that must succeed.
pub(crate) fn run(guest: &mut Guest, command: &str) -> Result<String, Box<dyn Error>> {
    let done = guest.run(command, SOON)?;
    if done.code == 0 { Ok(done.output) } else { Err(format!("`{command}` in the guest: {done:?}").into()) }
}
