//! `watch`: deliveries in, lines out.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use chrono::TimeZone as _;
use edge_wire::{Bytes, Channel, Message, decode};
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::cli::{Color, WatchOptions};
use crate::error::WatchError;
use crate::link::{self, Delivery, LinkEvent, Wish};
use crate::moment::Clock;
use crate::render::{Item, LinkNews, Paint, Received, Style, Summary};
use crate::verify::{Arrival, Completeness, MAX_DEVICES, Notice, Report};

/// Time between looks at what has become due.
const TICK: Duration = Duration::from_millis(500);

/// Watches until told to end.
pub(crate) fn run(options: &WatchOptions) -> Result<(), WatchError> {
    runtime()?.block_on(async {
        let devices = options.filter.devices.clone();
        let wish = Wish { topics: options.topics.clone(), devices, share: options.share.clone() };
        let events = link::start(&options.broker, wish)?;
        Watch::new(options).run(events).await
    })
}

/// An event loop on this one thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, WatchError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WatchError::Runtime)
}

/// Ends when a person or a service manager wants the program to end.
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The colours wanted, as far as the environment allows.
pub(crate) fn paint(color: Color) -> Paint {
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colored = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !quiet && std::io::stdout().is_terminal(),
    };
    if colored { Paint::Ansi } else { Paint::Plain }
}

/// Local time to the second; a number if the calendar does not reach that far.
pub(crate) fn local_time(wall_ms: u64) -> String {
    let local = i64::try_from(wall_ms).ok().and_then(|ms| chrono::Local.timestamp_millis_opt(ms).single());
    local.map_or_else(|| format!("{wall_ms} ms"), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Yes.
    Continue,
    /// All wanted verdicts were shown.
    Enough,
}

/// The state of one run.
struct Watch<'a> {
    /// What was asked for.
    options: &'a WatchOptions,
    /// How lines look.
    style: Style,
    /// What is missing.
    completeness: Completeness,
    /// Agent versions by device, at most as many as the completeness check remembers.
    versions: HashMap<String, Bytes<16>>,
    /// Counts.
    summary: Summary,
    /// The time.
    clock: Clock,
}

impl<'a> Watch<'a> {
    /// Nothing seen yet.
    fn new(options: &'a WatchOptions) -> Self {
        let text = Style::Text { paint: paint(options.color), verbose: options.verbose, time_of: local_time };
        let grace_ms = u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX);
        Self {
            options,
            style: if options.json { Style::Json } else { text },
            completeness: Completeness::new(grace_ms, options.share.is_none()),
            versions: HashMap::new(),
            summary: Summary::default(),
            clock: Clock::new(),
        }
    }

    /// Takes events until the count, the timeout, a signal or a refusal.
    async fn run(mut self, mut events: Receiver<LinkEvent>) -> Result<(), WatchError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = std::pin::pin!(asked_to_end());
        let limit = self.options.timeout;
        let mut timeout = std::pin::pin!(sleep(limit.unwrap_or(Duration::MAX)));
        loop {
            let flow = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(event)?,
                    // The task ends only after a refusal, which has been returned.
                    None => Flow::Enough,
                },
                _ = ticks.tick() => self.tick()?,
                () = &mut end => Flow::Enough,
                () = &mut timeout => {
                    self.conclude()?;
                    return self.timed_out();
                }
            };
            if flow == Flow::Enough {
                return self.conclude();
            }
        }
    }

    /// One event of the link.
    fn take(&mut self, event: LinkEvent) -> Result<Flow, WatchError> {
        let broker = || format!("{}:{}", self.options.broker.host, self.options.broker.port);
        match event {
            LinkEvent::Delivery(delivery) => return self.deliver(&delivery),
            LinkEvent::Down { reason, wait } => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let news = LinkNews::Down { broker: broker(), reason, wait_ms };
                self.show(Item::Link(&news))?;
            }
            LinkEvent::Refused(reason) => return Err(WatchError::Refused { broker: broker(), reason }),
            LinkEvent::Up { resumed } => {
                let news = LinkNews::Up { broker: broker(), resumed };
                self.completeness.reconnected(self.clock.now());
                self.show(Item::Link(&news))?;
            }
        }
        Ok(Flow::Continue)
    }

    /// One publication.
    fn deliver(&mut self, delivery: &Delivery) -> Result<Flow, WatchError> {
        let Delivery { device, channel, retained, payload } = delivery;
        // An empty retained payload is how a status is cleared.
        if !self.options.filter.admits_device(device) || payload.is_empty() {
            return Ok(Flow::Continue);
        }
        let now = self.clock.now();
        let mut reports = Vec::new();
        let flow = match (decode(payload), channel) {
            (Ok(Message::Verdict(verdict)), Channel::Verdict) => {
                let arrival = self.completeness.verdict(device, &verdict.head, now, &mut reports);
                // What explains a verdict, such as that its device is back, stands before it.
                self.report(std::mem::take(&mut reports))?;
                if arrival == Arrival::Duplicate {
                    return Ok(Flow::Continue);
                }
                self.summary.missing =
                    self.summary.missing.saturating_sub(u64::from(arrival == Arrival::Late));
                if !self.options.filter.admits(device, &verdict.head) {
                    self.summary.filtered += 1;
                    return Ok(Flow::Continue);
                }
                let version = self.versions.get(device);
                let late = arrival == Arrival::Late;
                let received = Received { device, verdict: &verdict, now, version, late };
                self.show(Item::Verdict(received))?;
                self.summary.shown += 1;
                if Some(self.summary.shown) == self.options.count { Flow::Enough } else { Flow::Continue }
            }
            (Ok(Message::Heartbeat(heartbeat)), Channel::Health) => {
                self.remember(device, &heartbeat.version);
                self.show(Item::Heartbeat(device, &heartbeat))?;
                self.completeness.heartbeat(device, &heartbeat, now, &mut reports);
                Flow::Continue
            }
            (Ok(Message::Status(status)), Channel::Status) => {
                self.remember(device, &status.version);
                self.show(Item::Status(device, &status, *retained))?;
                self.completeness.status(device, &status, *retained, now, &mut reports);
                Flow::Continue
            }
            (other, &channel) => {
                self.summary.invalid += 1;
                self.show(Item::Invalid { device, channel, length: payload.len(), error: other.err() })?;
                Flow::Continue
            }
        };
        self.report(reports)?;
        Ok(flow)
    }

    /// What time has brought.
    fn tick(&mut self) -> Result<Flow, WatchError> {
        let mut reports = Vec::new();
        self.completeness.tick(self.clock.now(), &mut reports);
        self.report(reports)?;
        Ok(Flow::Continue)
    }

    /// Notices of the completeness check.
    fn report(&mut self, reports: Vec<Report>) -> Result<(), WatchError> {
        for report in reports {
            match &report.notice {
                Notice::Gap(gap) => self.summary.missing += gap.count,
                Notice::Forgotten { .. } => {
                    self.versions.remove(&report.device);
                }
                _ => {}
            }
            self.show(Item::Report(&report))?;
        }
        Ok(())
    }

    /// Keeps a device's version for its verdicts.
    fn remember(&mut self, device: &str, version: &Bytes<16>) {
        if self.versions.contains_key(device) || self.versions.len() < MAX_DEVICES {
            self.versions.insert(device.to_owned(), version.clone());
        }
    }

    /// Prints an item.
    fn show(&self, item: Item<'_>) -> Result<(), WatchError> {
        let text = self.style.show(item, self.clock.now());
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(WatchError::Output)
    }

    /// Prints the counts.
    fn conclude(&mut self) -> Result<(), WatchError> {
        self.summary.duplicates = self.completeness.duplicates();
        if self.options.json || self.options.verbose {
            self.show(Item::Summary(&self.summary))?;
        }
        Ok(())
    }

    /// Whether the timeout is a failure.
    fn timed_out(&self) -> Result<(), WatchError> {
        let seconds = self.options.timeout.unwrap_or_default().as_secs();
        match self.options.count {
            Some(wanted) => Err(WatchError::Count { wanted, got: self.summary.shown, seconds }),
            None => Ok(()),
        }
    }
}
