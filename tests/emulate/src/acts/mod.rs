//! Acts: for every detector at least one harmless attack, the ordinary work that resembles it, and the evasions. One
//! file per family.
//!
//! An act shows the shape of an attack that a sensor can see, and nothing else: programs that are started only sleep,
//! modules and rules are garbage that the kernel refuses, memory that is written belongs to a child made for it.

mod child;
mod place;
mod program;
mod tally;

mod bus;
mod credential;
mod device;
mod egress;
mod evasion;
mod exec;
mod fetch;
mod hijack;
mod impair;
mod injection;
mod kernel_code;
mod login;
mod masquerade;
mod namespace;
mod net_tamper;
mod persistence;
mod privilege;
mod raw_socket;
mod scan;
mod shell;
mod sysctl;
mod tamper;
mod uring;
mod volatile;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use crate::usage;
use tally::Tally;

/// What an act counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// A detector should find it.
    Attack,
    /// Ordinary work that no detector should find.
    Benign,
}

/// Where an act may run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Anywhere: it touches its own files, its own children and loopback or other addresses of its own machine.
    Anywhere,
    /// Only on a machine that forgets everything, since it changes more than its own.
    Guest,
}

/// One act.
#[derive(Debug)]
struct Act {
    /// `detector.variant`.
    name: &'static str,
    /// What it counts as.
    kind: Kind,
    /// Where it may run.
    place: Place,
    /// Its options, for a person.
    options: &'static str,
    /// What it does, in one line.
    what: &'static str,
    /// Does it; counts what was done, denied and refused.
    run: fn(&Options, &mut Tally) -> Result<(), Failure>,
}

impl Act {
    /// An attack that may run anywhere.
    const fn attack(name: &'static str, options: &'static str, what: &'static str, run: Run) -> Self {
        Self { name, kind: Kind::Attack, place: Place::Anywhere, options, what, run }
    }

    /// Ordinary work that may run anywhere.
    const fn benign(name: &'static str, options: &'static str, what: &'static str, run: Run) -> Self {
        Self { name, kind: Kind::Benign, place: Place::Anywhere, options, what, run }
    }

    /// The same, but only in a guest.
    const fn in_guest(self) -> Self {
        Self { place: Place::Guest, ..self }
    }
}

/// What does an act.
type Run = fn(&Options, &mut Tally) -> Result<(), Failure>;

/// Every family.
const FAMILIES: [&[Act]; 24] = [
    exec::ACTS,
    volatile::ACTS,
    masquerade::ACTS,
    shell::ACTS,
    scan::ACTS,
    login::ACTS,
    raw_socket::ACTS,
    device::ACTS,
    sysctl::ACTS,
    persistence::ACTS,
    credential::ACTS,
    kernel_code::ACTS,
    injection::ACTS,
    privilege::ACTS,
    impair::ACTS,
    hijack::ACTS,
    uring::ACTS,
    namespace::ACTS,
    net_tamper::ACTS,
    fetch::ACTS,
    egress::ACTS,
    bus::ACTS,
    tamper::ACTS,
    evasion::ACTS,
];

/// `act list`, `act NAME ...`, and what acts start themselves.
pub(crate) fn main(mut words: impl Iterator<Item = String>) -> ExitCode {
    let Some(name) = words.next() else { return usage::refuse("no act given; `act list` lists them") };
    match name.as_str() {
        "list" => return usage::print(acts().map(line)),
        program::IDLE => return program::idle(words),
        _ => {}
    }
    match Options::parse(words).and_then(|options| run(&name, &options)) {
        Ok(report) => report.end(),
        Err(Failure::Usage(message)) => usage::refuse(&message),
        Err(failure) => usage::fail(&name, &failure),
    }
}

/// Does one act `--act` `count` times in this process, for a flood; how often it was done.
pub(crate) fn again(options: &Options, count: u64) -> Result<u64, Failure> {
    let act = named(options.required("act")?)?;
    allow(act, options)?;
    let mut tally = Tally::default();
    for _ in 0..count {
        (act.run)(options, &mut tally)?;
    }
    Ok(count)
}

/// Every act.
fn acts() -> impl Iterator<Item = &'static Act> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// An act as `act list` shows it, with tabs between the columns.
fn line(act: &Act) -> String {
    let kind = match act.kind {
        Kind::Attack => "attack",
        Kind::Benign => "benign",
    };
    let place = match act.place {
        Place::Anywhere => "anywhere",
        Place::Guest => "guest",
    };
    format!("{kind}\t{place}\t{}\t{}\t{}", act.name, act.options, act.what)
}

/// The act called `name`.
fn named(name: &str) -> Result<&'static Act, Failure> {
    let found = acts().find(|act| act.name == name);
    found.ok_or_else(|| Failure::Usage(format!("unknown act `{name}`; `act list` lists them")))
}

/// Refuses an act that changes more than its own where the machine does not forget it.
fn allow(act: &Act, options: &Options) -> Result<(), Failure> {
    if act.place == Place::Guest && !options.flag("throw-away") && !place::is_throw_away() {
        return Err(Failure::Usage(format!(
            "act `{}` changes the machine: it runs where / is in memory, or with --throw-away",
            act.name
        )));
    }
    Ok(())
}

/// Runs one act.
fn run(name: &str, options: &Options) -> Result<Report, Failure> {
    let act = named(name)?;
    allow(act, options)?;
    let report = Report::start(act.name);
    let mut tally = Tally::default();
    (act.run)(options, &mut tally)?;
    Ok(tally.into_report(report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The detectors that acts are for.
    const DETECTORS: [&str; 26] = [
        "bus_flood",
        "credential_access",
        "device_tamper",
        "fetch_loop",
        "file_tamper",
        "fileless_exec",
        "flood_out",
        "foreign_exec",
        "impair_defenses",
        "kernel_code",
        "lateral_scan",
        "login_guessing",
        "masquerade",
        "mass_kill",
        "namespace_escape",
        "net_tamper",
        "new_egress",
        "persistence",
        "privilege_jump",
        "process_injection",
        "raw_socket",
        "resource_hijack",
        "shell_on_socket",
        "sysctl_tamper",
        "uring_use",
        "volatile_exec",
    ];

    #[test]
    fn every_detector_has_an_attack_and_a_benign_twin() {
        let mut kinds = BTreeMap::<&str, (u32, u32)>::new();
        for act in acts() {
            let detector = act.name.split_once('.').unwrap().0;
            let (attacks, twins) = kinds.entry(detector).or_default();
            match act.kind {
                Kind::Attack => *attacks += 1,
                Kind::Benign => *twins += 1,
            }
        }
        assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), DETECTORS);
        let lacking: Vec<_> = kinds.iter().filter(|(_, (attacks, twins))| attacks * twins == 0).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn names_are_unique_and_tell_the_kind() {
        let names: BTreeSet<_> = acts().map(|act| act.name).collect();
        assert_eq!(names.len(), acts().count());
        for act in acts() {
            assert_eq!(act.name.contains(".benign_"), act.kind == Kind::Benign, "{}", act.name);
        }
    }

    #[test]
    fn unknown_acts_and_acts_for_guests_are_refused_here() {
        let options = Options::default();
        assert!(matches!(run("fileless_exec.none", &options), Err(Failure::Usage(_))));
        if !place::is_throw_away() {
            assert!(matches!(run("sysctl_tamper.core_pattern", &options), Err(Failure::Usage(_))));
        }
    }
}
