//! The agent: wires the stages and runs them on one thread.
//!
//! ```text
//! kernel ring -> collect -> enrich -> decide -> queue -> publish -> broker
//!                                       ^                  |
//!                          config (SIGHUP)      health (timer)
//! ```

mod inherit;
mod reload;

use std::cell::RefCell;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use edge_abi::Detector;
use edge_wire::{DetectorHealth, DetectorId, encode_heartbeat};
use futures_lite::future;
use log::LevelFilter;

use crate::budget::{QUEUE_BLOCKS, RECORDS_PER_TURN};
use crate::clock::{Now, boot_id};
use crate::config::Config;
use crate::confine::{self, Confined};
use crate::coverage;
use crate::decide::Identity;
use crate::enrich::history;
use crate::error::AgentError;
use crate::health::{Meter, Parts, Totals, heartbeat};
use crate::learn::{Keeper, LOOK_EVERY};
use crate::load::{self, Features, Sensors, Stay};
use crate::pipeline::{KernelProcesses, Pipeline};
use crate::publish::{self, Channel, Port};
use crate::rt::{self, Io, Runtime, Signal, Signals};
use crate::service::Manager;
use crate::session;
use crate::sweep::{Proc, Scope, Seen, Sweep};
use inherit::Inherited;

/// Longest time to the first heartbeat, so that a subscriber knows the books soon after a start.
const FIRST_BEAT: Duration = Duration::from_secs(5);

/// Time in which a heartbeat is sent, as a rule.
const SENT: Duration = Duration::from_secs(1);

/// Time to the first look at all processes: what was there before the agent is told soon after it.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// Time between two looks at all processes.
const LOOK_AROUND_EVERY: Duration = Duration::from_secs(120);

/// Looks after which what is watched is registered once more: opening every watched path costs more than the look.
const LOOKS_PER_REGISTRATION: u32 = 5;

thread_local! {
    /// The queue, where it costs nothing until it is used: as a part of the future that runs the agent it would be moved
    /// through several stack frames, and each copy would stay resident (200 KiB in all, on armv7).
    static PORT: Port<QUEUE_BLOCKS> = const { Port::new() };
}

/// The running agent.
pub struct Agent<'a> {
    /// The configuration in force.
    config: RefCell<Config>,
    /// Where it came from.
    path: &'a Path,
    /// The log level of the command line, which outlives reloads.
    log_level: Option<LevelFilter>,
    /// The kernel side.
    sensors: RefCell<Sensors>,
    /// What of it is older than this agent.
    inherited: Inherited,
    /// From records to verdicts.
    pipeline: RefCell<Pipeline>,
    /// From verdicts to the broker.
    port: &'a Port<QUEUE_BLOCKS>,
    /// Who we are.
    identity: Identity,
    /// What the kernel offers.
    features: Features,
    /// When what was learnt is written.
    keeper: RefCell<Keeper>,
    /// What was found by looking around.
    sweep: RefCell<Sweep>,
    /// What the agent may still do.
    confined: Confined,
    /// Who wants to be told that the agent lives.
    manager: Option<Manager>,
}

/// Loads everything and runs until told to end.
///
/// # Errors
/// What nothing can work without; once running, only a reactor that fails.
pub fn run(path: &Path, log_level: Option<LevelFilter>) -> Result<(), AgentError> {
    let config = Config::load(path)?;
    log::set_max_level(log_level.unwrap_or(config.log.level));
    let manager = Manager::from_env().unwrap_or_else(|error| {
        log::warn!("service: {error}");
        None
    });
    let device = crate::config::device::of_this_machine(&config.device)?;
    let features = Features::probe();
    let options = session::options(&config, &device)?;
    let mut sensors = Sensors::load(&config, &features, Stay::AsConfigured).map_err(|failed| failed.error)?;
    sensors.arm(&config)?;
    coverage::tell(&config, &sensors);
    #[cfg(feature = "spool")]
    let spool = session::open_spool(&config);
    // From here on only what is open is used, and paths that are watched.
    let confined = confine::confine(&config);
    let keeper = Keeper::new(&config.egress.state, sensors.learnt.clone());

    let runtime =
        Runtime::new().map_err(|source| AgentError::Runtime { what: "starting the reactor", source })?;
    let live = |port: &Port<QUEUE_BLOCKS>| {
        #[cfg(feature = "spool")]
        if let Some(spool) = spool {
            port.set_spool(spool);
        }
        runtime.block_on(async {
            let files = load::rung(&sensors.report, DetectorId::FILE_TAMPER);
            let identity = Identity { boot_id: boot_id(), incarnation: next_second().await, files };
            let options = session::complete(options, identity);
            let agent = Agent {
                config: RefCell::new(config),
                path,
                log_level,
                inherited: Inherited::of(&mut sensors),
                sensors: RefCell::new(sensors),
                pipeline: RefCell::new(Pipeline::default()),
                port,
                identity,
                features,
                keeper: RefCell::new(keeper),
                sweep: RefCell::default(),
                confined,
                manager,
            };
            agent.tell_ready();
            crate::pages::give_back();
            let ended = agent.live(&options).await;
            agent.keep(true);
            #[cfg(feature = "spool")]
            while agent.port.keep(true) {}
            ended
        })
    };
    PORT.with(live).map_err(|source| AgentError::Runtime { what: "waiting for events", source })?
}

/// Waits for the next full second of boot time and returns it. An agent that is restarted at once so gets another number
/// than the one before it, and their sequence numbers are never confused. The sensors watch meanwhile.
async fn next_second() -> u32 {
    let now_ns = Now::read().boot_ns;
    let rest = 1_000_000_000 - now_ns % 1_000_000_000;
    let _ = rt::sleep(Duration::from_nanos(rest)).await;
    (Now::read().boot_ns / 1_000_000_000) as u32
}

impl Agent<'_> {
    /// Runs all stages until a signal ends them; drains and says goodbye.
    async fn live(&self, options: &publish::Options) -> Result<(), AgentError> {
        let failed = |source| AgentError::Runtime { what: "waiting for records or signals", source };
        let ring = self.sensors.borrow().events.as_fd().try_clone_to_owned().map_err(failed)?;
        let ring = Io::new(ring).map_err(failed)?;
        let mut signals = Signals::new().map_err(failed)?;
        let mut no_commands = |_: &[u8]| {};
        let link = async {
            publish::run(self.port, options, &mut no_commands).await.map_err(|source| AgentError::Publish {
                what: "the options of the link".into(),
                source: source.into(),
            })
        };
        // The link ends when `stop` was called and everything is said; the others never end by themselves.
        let stages = future::or(
            async { self.collect(&ring).await.map_err(failed) },
            future::or(future::or(self.beat(), future::or(self.patrol(), self.learn())), async {
                future::or(future::or(self.obey(&mut signals), self.show_life()), self.keep_verdicts())
                    .await
                    .map_err(failed)
            }),
        );
        future::or(link, stages).await
    }

    /// Takes records as they come.
    async fn collect(&self, ring: &Io<OwnedFd>) -> std::io::Result<()> {
        loop {
            if self.take_inherited() || self.take_records() == RECORDS_PER_TURN || !self.settle_books() {
                // More is waiting; the link and the signals get their turn first.
                future::yield_now().await;
            } else {
                ring.readable().await?;
            }
        }
    }

    /// Takes at most [`RECORDS_PER_TURN`] records; how many there were.
    fn take_records(&self) -> usize {
        let mut sensors = self.sensors.borrow_mut();
        let Sensors { events, maps, .. } = &mut *sensors;
        let mut pipeline = self.pipeline.borrow_mut();
        let pipeline = &mut *pipeline;
        let config = self.config.borrow();
        for taken in 0..RECORDS_PER_TURN {
            let Some(record) = events.next() else { return taken };
            let Some(event) = pipeline.decode(&record) else { continue };
            drop(record);
            pipeline.handle(&event, &KernelProcesses(maps), &config, self.identity, self.port);
        }
        RECORDS_PER_TURN
    }

    /// Sends a heartbeat now and then. Never ends.
    async fn beat(&self) -> Result<(), AgentError> {
        let interval = self.config.borrow().mqtt.heartbeat;
        let mut due = Instant::now() + FIRST_BEAT.min(interval);
        loop {
            let _ = rt::sleep_until(due).await;
            due += interval;
            let payload = {
                let beat = heartbeat(&self.parts(&self.totals(), interval, &self.detectors()));
                self.pipeline.borrow_mut().vitals.beats = beat.beat.wrapping_add(1);
                self.note_told();
                encode_heartbeat(&beat)
            };
            match payload {
                Ok(payload) => {
                    // The payload has at most 512 bytes, which is what a post holds.
                    let _ = self.port.post(Channel::Health, &payload);
                }
                Err(error) => log::error!("health: heartbeat lost, {error}"),
            }
            // What was busy since the last one, then with sending this one. What is needed again costs a page fault for each sixteen pages.
            crate::pages::give_back();
            let _ = rt::sleep(SENT).await;
            crate::pages::give_back();
        }
    }

    /// Looks at all processes now and then. Never ends.
    async fn patrol(&self) -> Result<(), AgentError> {
        let (mut wait, mut look) = (FIRST_LOOK, 0);
        loop {
            let _ = rt::sleep(wait).await;
            look = (look + 1) % LOOKS_PER_REGISTRATION;
            let is_due = look == 0 || self.sensors.borrow().is_list_stale(&self.config.borrow());
            if is_due && let Err(error) = self.sensors.borrow_mut().register(&self.config.borrow()) {
                log::warn!("agent: watched paths not registered again, {error}");
            }
            self.look_around();
            // What was busy since then is mapped again as it is needed, the rest is not.
            crate::pages::give_back();
            wait = LOOK_AROUND_EVERY;
        }
    }

    /// Compares the kernel side's table of processes with /proc, and reports what only /proc shows.
    fn look_around(&self) {
        let config = self.config.borrow();
        let mut sensors = self.sensors.borrow_mut();
        let scope = Scope::of(&config.scope.cgroup, self.features.cgroup2.as_deref());
        let (look, now, mut records) = (Proc { scope: &scope }, Now::read(), Vec::new());
        let off =
            Detector::ALL.iter().filter(|detector| !load::is_enabled(&config, DetectorId(**detector as u8)));
        let off = off.fold(0, |bits, detector| bits | detector.bit());
        let mended = sensors.mend(&config, &mut |seen| {
            let seen = Seen { allow: seen.allow | off, ..*seen };
            self.sweep.borrow_mut().look(&seen, &look, now.boot_ns, &mut records);
        });
        match mended {
            Ok(0) => {}
            Ok(repaired) => log::debug!("agent: processes repaired={repaired}"),
            Err(error) => log::warn!("agent: processes not repaired, {error}"),
        }
        let mut pipeline = self.pipeline.borrow_mut();
        for record in &records {
            let Some(event) = pipeline.decode(bytemuck::bytes_of(record)) else { continue };
            pipeline.handle(&event, &KernelProcesses(&sensors.maps), &config, self.identity, self.port);
        }
    }

    /// Moves verdicts that cannot be sent to flash. Never ends.
    async fn keep_verdicts(&self) -> std::io::Result<()> {
        #[cfg(feature = "spool")]
        if self.port.kept().is_some() {
            let delay = self.config.borrow().spool.delay;
            loop {
                self.port.keeping_due(delay).await;
                while self.port.keep(false) {
                    future::yield_now().await;
                }
            }
        }
        std::future::pending().await
    }

    /// Looks at what `new_egress` has learnt now and then. Never ends.
    async fn learn(&self) -> Result<(), AgentError> {
        loop {
            let _ = rt::sleep(LOOK_EVERY).await;
            self.keep(false);
        }
    }

    /// Writes what was learnt, when it is due. `ends`: the agent does.
    fn keep(&self, ends: bool) {
        let maps = &mut self.sensors.borrow_mut().maps;
        load::keep(maps, &self.config.borrow(), &mut self.keeper.borrow_mut(), ends);
    }

    /// What a heartbeat is made of, now.
    fn parts<'p>(
        &'p self,
        totals: &Totals,
        interval: Duration,
        detectors: &'p [DetectorHealth],
    ) -> Parts<'p> {
        Parts {
            identity: self.identity,
            now: Now::read(),
            interval,
            kernel: &self.features.release,
            totals: totals.with(self.sweep.borrow().counts()),
            vitals: self.pipeline.borrow().vitals,
            queue: self.port.books(),
            link: self.port.counters(),
            #[cfg(feature = "spool")]
            kept: self.port.kept().unwrap_or_default(),
            meter: Meter::read(),
            detectors,
            live: self.sensors.borrow().liveness.live,
        }
    }

    /// How each detector stands.
    fn detectors(&self) -> heapless::Vec<DetectorHealth, { edge_wire::MAX_DETECTORS }> {
        let (config, sensors) = (self.config.borrow(), self.sensors.borrow());
        let health = |detector: &DetectorId| DetectorHealth {
            detector: *detector,
            rung: if load::is_enabled(&config, *detector) {
                load::rung(&sensors.report, *detector)
            } else {
                edge_wire::Rung::OFF
            },
            action: load::effective(&config, &sensors.report, *detector),
            findings: 0,
        };
        DetectorId::ALL.iter().map(health).collect()
    }

    /// Obeys signals. Ends only when waiting for them fails; after a request to stop, the link ends the agent.
    async fn obey(&self, signals: &mut Signals) -> std::io::Result<()> {
        loop {
            match signals.next().await? {
                Signal::Hangup => {
                    self.manager.iter().for_each(Manager::reloading);
                    self.reload();
                    self.look_around();
                    self.tell_ready();
                    crate::pages::give_back();
                }
                Signal::Recall => self.recall(),
                Signal::Interrupt | Signal::Terminate => {
                    log::info!("agent: stopping");
                    self.manager.iter().for_each(Manager::stopping);
                    self.port.stop();
                }
            }
        }
    }

    /// Tells the service manager how many detectors watch.
    fn tell_ready(&self) {
        let Some(manager) = &self.manager else { return };
        let (watching, wanted) = coverage::watching(&self.config.borrow(), &self.sensors.borrow());
        manager.ready(format_args!("{watching} of {wanted} detectors watch"));
    }

    /// Gives the service manager signs of life. Never ends.
    async fn show_life(&self) -> std::io::Result<()> {
        match &self.manager {
            Some(manager) => manager.live().await,
            None => std::future::pending().await,
        }
    }

    /// Writes what happened lately into the log.
    fn recall(&self) {
        let lines = history::lines(&self.sensors.borrow().maps.history(), &self.pipeline.borrow().told);
        for line in &lines {
            log::info!("history: {line}");
        }
        log::info!("history: events={}", lines.len());
    }
}
