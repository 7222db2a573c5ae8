//! `make`: the manifest of a finished root file system.

use edge_manifest::{Kind, Maker};

use super::options::MakeOptions;
use super::root::Root;
use super::walk::{Walked, walk};
use super::{etc, note, save, say};
use crate::error::WatchError;

/// Lists, writes, says what became of it.
pub(super) fn run(options: &MakeOptions) -> Result<(), WatchError> {
    let (maker, notes) = made(options)?;
    let bytes = save(&maker, &options.out)?;
    note(&notes);
    say(&format!("{}: {bytes} bytes, {}\n", options.out.display(), summary(&maker)))
}

/// The manifest, and what a person should know of it.
pub(super) fn made(options: &MakeOptions) -> Result<(Maker, Vec<String>), WatchError> {
    let Walked { entries, folder_links, mut notes } = walk(&options.tree)?;
    let file_systems = if options.file_systems.is_empty() {
        etc::file_systems(&options.tree, &entries)?
    } else {
        options.file_systems.iter().cloned().collect()
    };
    if file_systems.is_empty() {
        notes.push("no file systems are stated: name them by --fs".to_owned());
    }
    let image = options.image.clone().map_or_else(|| etc::image(&options.tree), Ok)?;
    let mut maker = Maker {
        image,
        file_systems,
        peers: options.peers.iter().copied().collect(),
        folder_links,
        entries,
        ..Maker::default()
    };
    let root = Root::open(&options.tree)?;
    for (protocol, port, program) in &options.listens {
        // The kernel knows a program by its file, not by a link to it.
        let file = root.resolve(program.as_bytes()).filter(|path| maker.entries.contains_key(path));
        let file = file.and_then(|path| String::from_utf8(path).ok());
        let program = match file {
            _ if program.is_empty() => String::new(),
            Some(file) => file,
            None => return Err(WatchError::Program { path: program.into() }),
        };
        maker.listens.insert((*protocol, *port, program));
    }
    Ok((maker, notes))
}

/// What a manifest holds, in a line.
pub(super) fn summary(maker: &Maker) -> String {
    let count = |kind| maker.entries.values().filter(|found| found.kind == kind).count();
    let counts = [Kind::Program, Kind::Script, Kind::Module, Kind::Link].map(|kind| match count(kind) {
        1 => format!("1 {}", kind.name()),
        count => format!("{count} {}s", kind.name()),
    });
    format!(
        "{} entries: {}; {} folder links",
        maker.entries.len(),
        counts.join(", "),
        maker.folder_links.len()
    )
}
