//! `diff` and `check`: in what two manifests, or a manifest and a root file system, differ.

use std::collections::BTreeSet;
use std::path::Path;

use edge_manifest::{Found, Kind, Maker};

use super::options::Tree;
use super::show::head;
use super::walk::{Walked, walk};
use super::{note, read, say, shown};
use crate::error::WatchError;

/// Two manifests.
pub(super) fn diff(old: &Path, new: &Path) -> Result<(), WatchError> {
    told(&differences(&read(old)?, &read(new)?))
}

/// A manifest, and what it should be of: only what can be found in a root file system.
pub(super) fn check(tree: &Tree, file: &Path) -> Result<(), WatchError> {
    let stated = read(file)?;
    let Walked { entries, folder_links, notes } = walk(tree)?;
    note(&notes);
    told(&differences(&stated, &Maker { entries, folder_links, ..stated.clone() }))
}

/// Prints lines; any is a failure.
fn told(lines: &[String]) -> Result<(), WatchError> {
    say(&lines.concat())?;
    if lines.is_empty() { Ok(()) } else { Err(WatchError::Differ { count: lines.len() }) }
}

/// A line for each difference: what is new with `+`, what is gone with `-`, what is another with `~`.
pub(super) fn differences(old: &Maker, new: &Maker) -> Vec<String> {
    let heads = |maker: &Maker| head(maker).into_iter().collect::<BTreeSet<_>>();
    let (before, after) = (heads(old), heads(new));
    let gone = before.difference(&after).map(|(what, item)| format!("- {what} {item}\n"));
    let come = after.difference(&before).map(|(what, item)| format!("+ {what} {item}\n"));
    let mut lines: Vec<String> = gone.chain(come).collect();
    let paths: BTreeSet<&Vec<u8>> = old.entries.keys().chain(new.entries.keys()).collect();
    for path in paths {
        let line = match (old.entries.get(path), new.entries.get(path)) {
            (Some(old), None) => format!("- {} {}\n", old.kind.name(), shown(path)),
            (None, Some(new)) => format!("+ {} {}\n", new.kind.name(), shown(path)),
            (Some(old), Some(new)) if old != new => changed(path, old, new),
            _ => continue,
        };
        lines.push(line);
    }
    lines
}

/// The line of what is another.
fn changed(path: &[u8], old: &Found, new: &Found) -> String {
    let how = if old.kind != new.kind {
        format!("was a {}", old.kind.name())
    } else if old.size == new.size || new.kind == Kind::Link {
        format!("other content of {} bytes", new.size)
    } else {
        format!("{} bytes, were {}", new.size, old.size)
    };
    format!("~ {} {}: {how}\n", new.kind.name(), shown(path))
}
