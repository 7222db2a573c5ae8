//! `demo`: a broker, an agent and a harmless ransomware of our own; shows the verdict, the files lost and the time it took.
//!
//! # Safety for the machine it runs on
//! The agent is confined to a cgroup made for the demo, in which only the emulation runs; the emulation touches only files
//! that the demo made in a folder of its own (see [`victim`]). All of it is removed again, also after an error or Ctrl-C.

mod agent;
mod cgroup;
mod error;
mod folder;
mod stage;
pub(crate) mod victim;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use edge_wire::{Channel, DetectorId, Evidence, Message, State, Topics, Verdict, decode};
use lexopt::prelude::{Long, Short};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::cli::{self, BrokerOptions, Color, Verb};
use crate::error::WatchError;
use crate::link::{self, LinkEvent, Wish};
use crate::moment::Clock;
use crate::render::words::span;
use crate::render::{Received, Style};
use crate::{broker, watch};
pub(crate) use error::DemoError;
use folder::Folder;
use stage::{Ending, Stage};

/// How long the agent may take to load its programs and connect; in an emulated guest that took 5 s.
const ONLINE_LIMIT: Duration = Duration::from_secs(30);
/// How long the verdict may take.
const VERDICT_LIMIT: Duration = Duration::from_secs(15);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoOptions {
    /// The agent; `None`: beside this program.
    pub(crate) agent: Option<PathBuf>,
    /// Whether the attack may run to its end.
    pub(crate) observe: bool,
    /// Files to attack.
    pub(crate) files: u32,
    /// Files the agent lets go before it acts.
    pub(crate) threshold: u32,
    /// Whether the verdict is shown as JSON.
    pub(crate) json: bool,
    /// Colours.
    pub(crate) color: Color,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { agent: None, observe: false, files: 200, threshold: 30, json: false, color: Color::Auto }
    }
}

/// Reads the command line after the verb.
pub(crate) fn options(mut parser: lexopt::Parser) -> Result<Verb, lexopt::Error> {
    let within = |limits: std::ops::RangeInclusive<u32>| {
        move |text: &str| text.parse().ok().filter(|number| limits.contains(number))
    };
    let mut options = DemoOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Long("agent") => options.agent = Some(parser.value()?.into()),
            Long("observe") => options.observe = true,
            Long("json") => options.json = true,
            Long("no-color") => options.color = Color::Never,
            Long("color") => options.color = cli::color(&mut parser)?,
            Long("files") => {
                options.files = cli::checked(&mut parser, "files", "1..10000", within(1..=10_000))?;
            }
            Long("threshold") => {
                options.threshold = cli::checked(&mut parser, "threshold", "3..1000", within(3..=1000))?;
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.files <= options.threshold {
        return Err(
            format!("--files {} does not exceed --threshold {}", options.files, options.threshold).into()
        );
    }
    Ok(Verb::Demo(options))
}

/// Plays it.
pub(crate) fn run(options: &DemoOptions) -> Result<(), WatchError> {
    watch::runtime()?.block_on(async {
        tokio::select! {
            // Signals first, so that they are caught before there is anything to remove.
            biased;
            // Dropping the play ends and removes everything.
            () = watch::asked_to_end() => Err(DemoError::Interrupted.into()),
            played = play(options) => played,
        }
    })
}

/// From the checks to the result.
async fn play(options: &DemoOptions) -> Result<(), WatchError> {
    let agent = agent::find(options.agent.as_deref())?;
    let mount = cgroup::mount()?;
    let name = format!("edge-demo-{}", std::process::id());
    say(&format!(
        "edge-watch demo: a harmless ransomware emulation against {} temporary files\n",
        options.files
    ))?;

    let listen = broker::free_address()?;
    // Its threads end with this process.
    broker::start(listen)?;
    let folder = Folder::create(&name, options.files)?;
    let mut stage = Stage::build(folder, &mount, &name)?;
    say(&format!("  broker    {listen}\n  scope     {}\n", stage.cgroup().display()))?;

    let topics = Topics::default();
    let wish = Wish { topics, devices: vec![name.clone()], share: None };
    let mut events = link::start(&BrokerOptions::at(listen.ip().to_string(), listen.port()), wish)?;
    let begun = Instant::now();
    stage.start_agent(&agent, &agent::config(options, listen, &name, stage.cgroup()))?;
    let version = online(&mut events, &mut stage).await?;
    say(&format!("  agent     {version} online after {}\n", span(millis(begun.elapsed()))))?;

    let tgid = stage.start_attack()?;
    say(&format!(
        "  attack    process {tgid} encrypts and renames files in {}\n\n",
        stage.files().display()
    ))?;
    let (verdict, at) = verdict(&mut events, &mut stage).await?;
    let ending = stage.attack_end().await?;
    let lost = stage.lost()?;
    let first = stage.first_harm()?;

    show(options, &name, &verdict)?;
    let since_first = millis(at.duration_since(first).unwrap_or_default());
    say(&summary(options, lost, since_first, until_threshold(&verdict), &ending))?;
    judge(options, lost, &ending).map_err(WatchError::Demo)
}

/// Waits until the agent says that it watches; its version.
async fn online(events: &mut Receiver<LinkEvent>, stage: &mut Stage) -> Result<String, WatchError> {
    let wait = async {
        loop {
            if let (_, Some(Message::Status(status))) = next(events, Channel::Status).await?
                && status.state == State::ONLINE
            {
                return Ok(status.version.to_string());
            }
        }
    };
    stage.watching_agent("the agent to be online", timeout(ONLINE_LIMIT, wait)).await
}

/// Waits for the verdict; with the time of its coming.
async fn verdict(
    events: &mut Receiver<LinkEvent>,
    stage: &mut Stage,
) -> Result<(Verdict, SystemTime), WatchError> {
    let wait = async {
        loop {
            if let (at, Some(Message::Verdict(verdict))) = next(events, Channel::Verdict).await?
                && verdict.head.detector == DetectorId::FILE_TAMPER
            {
                return Ok((verdict, at));
            }
        }
    };
    stage.watching_agent("the verdict", timeout(VERDICT_LIMIT, wait)).await
}

/// The next message on `channel` and when it came; other deliveries give `None`.
async fn next(
    events: &mut Receiver<LinkEvent>,
    channel: Channel,
) -> Result<(SystemTime, Option<Message>), DemoError> {
    match events.recv().await {
        Some(LinkEvent::Delivery(delivery)) => {
            let at = SystemTime::now();
            let message = decode(&delivery.payload).ok().filter(|_| delivery.channel == channel);
            Ok((at, message))
        }
        Some(LinkEvent::Down { .. } | LinkEvent::Up { .. }) => Ok((SystemTime::now(), None)),
        Some(LinkEvent::Refused(reason)) => Err(DemoError::Broker(reason)),
        None => Err(DemoError::Broker("the link ended".to_owned())),
    }
}

/// Prints the verdict as `watch` does.
fn show(options: &DemoOptions, device: &str, verdict: &Verdict) -> Result<(), WatchError> {
    let text = Style::Text { paint: watch::paint(options.color), verbose: true, time_of: watch::local_time };
    let style = if options.json { Style::Json } else { text };
    let now = Clock::new().now();
    let received = Received { device, verdict, now, version: None, late: false };
    say(&style.show(crate::render::Item::Verdict(received), now))
}

/// From the first counted operation to the decision, as the kernel saw it, in milliseconds.
fn until_threshold(verdict: &Verdict) -> u64 {
    match &verdict.evidence {
        Evidence::FileTamper(facts) => u64::from(facts.elapsed_ms),
        _ => 0,
    }
}

/// The result in words. `ms` from the first harmful operation to the verdict here; `attack_ms` of them until the kernel decided.
fn summary(options: &DemoOptions, lost: u32, ms: u64, attack_ms: u64, ending: &Ending) -> String {
    let DemoOptions { files, threshold, .. } = options;
    let end = match ending {
        Ending::Finished => "nobody stopped it (observed only)".to_owned(),
        Ending::Killed => "stopped by SIGKILL".to_owned(),
        Ending::Other(how) => format!("ended by itself: {how}"),
    };
    format!(
        "\n  files     {lost} of {files} lost, {end}; the threshold is {threshold}\n  \
         time      {ms} ms from the first harmful operation to this verdict; after {attack_ms} ms of them the kernel decided\n"
    )
}

/// Whether it ended as it must.
fn judge(options: &DemoOptions, lost: u32, ending: &Ending) -> Result<(), DemoError> {
    let (expected, killed) = if options.observe { (options.files, false) } else { (options.threshold, true) };
    match ending {
        Ending::Killed if killed && lost == expected => Ok(()),
        Ending::Finished if !killed && lost == expected => Ok(()),
        _ => Err(DemoError::Outcome { lost, expected, ending: ending.to_string() }),
    }
}

/// Whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Prints.
fn say(text: &str) -> Result<(), WatchError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(WatchError::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Verb, String> {
        options(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn more_files_than_the_threshold_are_needed() {
        let Ok(Verb::Demo(options)) = read(&["--files", "50", "--threshold", "10", "--observe"]) else {
            panic!("these are right")
        };
        assert!(options.observe && options.files == 50);
        assert_eq!(read(&["--files", "30"]).unwrap_err(), "--files 30 does not exceed --threshold 30");
        assert!(read(&["--threshold", "2"]).is_err());
    }

    #[test]
    fn only_the_exact_end_is_good() {
        let kill = DemoOptions::default();
        let observe = DemoOptions { observe: true, ..DemoOptions::default() };
        assert_eq!(judge(&kill, 30, &Ending::Killed), Ok(()));
        assert_eq!(judge(&observe, 200, &Ending::Finished), Ok(()));
        assert!(judge(&kill, 31, &Ending::Killed).is_err());
        assert!(judge(&kill, 30, &Ending::Finished).is_err());
        assert!(judge(&observe, 200, &Ending::Killed).is_err());
        assert!(judge(&observe, 200, &Ending::Other("exit code 3".to_owned())).is_err());
    }

    #[test]
    fn the_result_says_files_and_time() {
        let text = summary(&DemoOptions::default(), 30, 12, 9, &Ending::Killed);
        assert!(text.contains("30 of 200 lost, stopped by SIGKILL; the threshold is 30"), "{text}");
        assert!(text.contains("12 ms from the first harmful operation"), "{text}");
    }
}
