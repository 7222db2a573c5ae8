//! The part of the schema that follows from [`SPECS`]: the keys of the detectors of acts, and the lists of programs with a
//! role, those of the other detectors and of `[policy]` included.

use super::default::{SPAWNERS, TRUSTED};
use super::document::Value;
use super::programs::{SPAWN, TRUST, mark, passes};
use super::reader::{Reader, text};
use super::types::{
    ActDetector, Action, PREFIX_BYTES, PROGRAM_BYTES, PROGRAM_COUNT, Programs, ROLE_COUNT, TRUSTED_COUNT,
    WATCH_COUNT, WATCHED_COUNT, Watched,
};
use super::value;
use crate::decide::detectors::{SPECS, Spec, spec::Pass};
use edge_abi::{Allow, Detector};
use heapless::{String, Vec};

/// What ends an entry of an `allow` list that holds for what the program starts, too.
const CHILDREN: &str = ":children";

/// One entry of a list of programs.
#[derive(PartialEq)]
struct Named {
    /// The program's path.
    path: String<PROGRAM_BYTES>,
    /// Whether [`CHILDREN`] stood behind it.
    children: bool,
}

/// Lists of programs being merged.
pub(super) struct Merge<'p> {
    /// Where they go.
    programs: &'p mut Programs,
    /// Line of the last entry that the file itself gave.
    line: usize,
    /// Whether there were too many, which is told once.
    full: bool,
}

impl<'p> Merge<'p> {
    /// Begins with no program.
    pub(super) fn new(programs: &'p mut Programs) -> Self {
        programs.clear();
        Self { programs, line: 0, full: false }
    }

    /// Gives one program of the list in `line` (0: a default) a role.
    fn mark(&mut self, reader: &mut Reader<'_>, line: usize, path: &str, role: Allow) {
        self.line = self.line.max(line);
        if !mark(self.programs, path, role) && !self.full {
            self.full = true;
            let what = "programs in `policy.trusted`, `policy.spawners` and every `allow` together";
            // Defaults alone are never too many: some entry of the file came before.
            reader.too_many(if line == 0 { self.line } else { line }, what, PROGRAM_COUNT);
        }
    }

    /// Reads a list of programs that get a flag. [`CHILDREN`] means nothing here and is refused.
    fn flagged(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        most: usize,
        role: Allow,
        defaults: &[&str],
    ) {
        let form = format_args!(
            "an absolute path of 2..{PROGRAM_BYTES} bytes without \".\", \"..\", \"//\" or \"{CHILDREN}\""
        );
        match reader.elements(key, 0, most, alone, form) {
            Some(given) => given.iter().for_each(|(line, named)| self.mark(reader, *line, &named.path, role)),
            None => defaults.iter().for_each(|path| self.mark(reader, 0, path, role)),
        }
    }

    /// Reads the list of programs that a detector lets pass.
    pub(super) fn allowed(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        detector: Detector,
        defaults: &[Pass],
    ) {
        let form = format_args!(
            "an absolute path of 2..{PROGRAM_BYTES} bytes without \".\", \"..\" or \"//\", \"{CHILDREN}\" behind it if what it starts passes too"
        );
        match reader.elements(key, 0, ROLE_COUNT, named, form) {
            Some(given) => given.iter().for_each(|(line, named)| {
                self.mark(reader, *line, &named.path, passes(detector, named.children));
            }),
            None => defaults.iter().for_each(|pass| {
                self.mark(reader, 0, pass.path, passes(detector, pass.children));
            }),
        }
    }
}

/// An entry of a list in which [`CHILDREN`] has no meaning.
fn alone(value: &Value<'_>) -> Option<Named> {
    named(value).filter(|named| !named.children)
}

/// An entry of a list of programs.
fn named(value: &Value<'_>) -> Option<Named> {
    let text = text(value)?;
    let (path, children) = text.strip_suffix(CHILDREN).map_or((text, false), |path| (path, true));
    let path = String::try_from(path).ok().filter(|_| value::is_path(path))?;
    Some(Named { path, children })
}

/// `policy.trusted` and `policy.spawners`.
pub(super) fn policy(reader: &mut Reader<'_>, merge: &mut Merge<'_>) {
    merge.flagged(reader, "policy.trusted", TRUSTED_COUNT, TRUST, &TRUSTED);
    merge.flagged(reader, "policy.spawners", ROLE_COUNT, SPAWN, &SPAWNERS);
}

/// `[detectors.*]` of every detector of acts.
pub(super) fn acts(
    reader: &mut Reader<'_>,
    merge: &mut Merge<'_>,
    acts: &mut [ActDetector],
) -> Vec<Watched, WATCHED_COUNT> {
    let mut watched = Vec::new();
    let mut full = false;
    for (spec, act) in SPECS.into_iter().zip(acts) {
        detector(reader, spec, act);
        merge.allowed(reader, spec.keys.allow, spec.detector, spec.allow);
        if !spec.watch.is_empty() {
            full |= watch(reader, spec, &mut watched, full);
        }
    }
    watched
}

/// One detector's switch, action and numbers.
fn detector(reader: &mut Reader<'_>, spec: &Spec, act: &mut ActDetector) {
    let keys = &spec.keys;
    reader.flag(keys.enabled, &mut act.enabled);
    let all = [("observe", Action::Observe), ("kill", Action::Kill), ("deny", Action::Deny)];
    let may = |(_, action): &(&str, Action)| *action == Action::Observe || spec.actions.contains(action);
    let words: Vec<_, 3> = all.into_iter().filter(may).collect();
    reader.choice(keys.action, &mut act.action, &words);
    if let Some(bounds) = spec.threshold {
        reader.number(keys.threshold, &mut act.threshold, &(bounds.least..=bounds.most));
    }
    if let Some(span) = spec.window {
        reader.duration(keys.window, &mut act.window, &(span.least..=span.most));
    }
    if let Some(choice) = spec.option {
        reader.number(choice.key, &mut act.option, &(choice.bounds.least..=choice.bounds.most));
    }
}

/// The paths one detector watches besides its own. Whether there were too many, which is told unless it was before.
fn watch(
    reader: &mut Reader<'_>,
    spec: &Spec,
    watched: &mut Vec<Watched, WATCHED_COUNT>,
    told: bool,
) -> bool {
    let form = format_args!("an absolute path of 2..{PREFIX_BYTES} bytes without \".\", \"..\" or \"//\"");
    let given =
        reader.elements(spec.keys.watch, 0, WATCH_COUNT, |item| text(item).and_then(value::watched), form);
    for (line, path) in given.unwrap_or_default() {
        if watched.push(Watched { detector: spec.detector as u8, path }).is_err() {
            if !told {
                reader.too_many(line, "paths in every `watch` together", WATCHED_COUNT);
            }
            return true;
        }
    }
    false
}
