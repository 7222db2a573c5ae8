//! `manifest`: the list of what may be executed on a device, made from the root file system of its image; shown, compared, and learnt.

mod compare;
mod endpoint;
mod etc;
mod learn;
mod make;
mod options;
mod root;
mod show;
mod walk;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use edge_manifest::{MAX_BYTES, Maker, Manifest};

use crate::error::WatchError;
pub(crate) use options::{ManifestVerb, options};

/// Does what the command line asks for.
pub(crate) fn run(verb: &ManifestVerb) -> Result<(), WatchError> {
    match verb {
        ManifestVerb::Check { tree, file } => compare::check(tree, file),
        ManifestVerb::Diff { old, new } => compare::diff(old, new),
        ManifestVerb::Learn(options) => learn::run(options),
        ManifestVerb::Make(options) => make::run(options),
        ManifestVerb::Show { file, json } => show::run(file, *json),
    }
}

/// A path for a person: what could mislead is escaped, as everywhere.
fn shown(path: &[u8]) -> String {
    edge_wire::Bytes::<{ 2 * edge_manifest::MAX_PATH_BYTES }>::cut(path).to_string()
}

/// The bytes of a manifest, and no more than it may have.
fn load(file: &Path) -> Result<Vec<u8>, WatchError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| WatchError::Input { path: file.to_owned(), source })?;
    Ok(bytes)
}

/// What a manifest states.
fn read(file: &Path) -> Result<Maker, WatchError> {
    let bytes = load(file)?;
    let refused = |source| WatchError::Manifest { path: file.to_owned(), source };
    Manifest::parse(&bytes).map(|manifest| Maker::of(&manifest)).map_err(refused)
}

/// Writes a manifest, and returns its size.
fn save(maker: &Maker, file: &Path) -> Result<usize, WatchError> {
    let bytes = maker.encode().map_err(|source| WatchError::Manifest { path: file.to_owned(), source })?;
    fs::write(file, &bytes).map_err(|source| WatchError::Save { path: file.to_owned(), source })?;
    Ok(bytes.len())
}

/// To standard output.
fn say(text: &str) -> Result<(), WatchError> {
    std::io::stdout().write_all(text.as_bytes()).map_err(WatchError::Output)
}

/// To standard error: what a person should know, and a script need not.
fn note(notes: &[String]) {
    for text in notes {
        // With standard error closed there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "edge-watch: {text}");
    }
}

#[cfg(test)]
mod tests;
