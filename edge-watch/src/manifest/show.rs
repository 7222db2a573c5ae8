//! `show`: what a manifest says, for people and for programs.

use std::path::Path;

use edge_manifest::{Found, Kind, Maker, Manifest};
use serde_json::{Value, json};

use super::endpoint::{listen_text, peer_text, protocol_name};
use super::{load, say, shown};
use crate::error::WatchError;

/// Reads and prints.
pub(super) fn run(file: &Path, as_json: bool) -> Result<(), WatchError> {
    let bytes = load(file)?;
    let refused = |source| WatchError::Manifest { path: file.to_owned(), source };
    let manifest = Manifest::parse(&bytes).map_err(refused)?;
    let (maker, seal) = (Maker::of(&manifest), hex(&manifest.seal()));
    say(&if as_json {
        format!("{}\n", object(&maker, &seal, bytes.len()))
    } else {
        text(&maker, &seal, bytes.len())
    })
}

/// In hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What is not an entry: a word for what it is, and the item.
pub(super) fn head(maker: &Maker) -> Vec<(&'static str, String)> {
    let mut lines = vec![("image", shown(maker.image.as_bytes()))];
    let folder = |(link, target): (&Vec<u8>, &Vec<u8>)| format!("{} -> {}", shown(link), shown(target));
    lines.extend(
        maker.file_systems.iter().map(|(mount, kind)| ("fs", shown(format!("{mount}={kind}").as_bytes()))),
    );
    lines.extend(
        maker
            .listens
            .iter()
            .map(|(protocol, port, program)| ("listen", listen_text(*protocol, *port, program))),
    );
    lines.extend(maker.peers.iter().map(|peer| ("peer", peer_text(peer))));
    lines.extend(maker.folder_links.iter().map(|link| ("folder", folder(link))));
    lines
}

/// As lines.
fn text(maker: &Maker, seal: &str, bytes: usize) -> String {
    let mut lines: Vec<String> =
        head(maker).iter().map(|(what, item)| format!("{what:<8}{item}\n")).collect();
    lines.insert(1, format!("{:<8}{seal}, {bytes} bytes\n", "seal"));
    for (path, Found { kind, size, digest }) in &maker.entries {
        let (name, path) = (kind.name(), shown(path));
        lines.push(match kind {
            Kind::Link => format!("{name:<8}{:>10} {:<32} {path}\n", "-", "-"),
            _ => format!("{name:<8}{size:>10} {:<32} {path}\n", hex(digest)),
        });
    }
    lines.concat()
}

/// As an object of JSON.
fn object(maker: &Maker, seal: &str, bytes: usize) -> Value {
    let entry = |(path, found): (&Vec<u8>, &Found)| match found.kind {
        Kind::Link => json!({ "path": shown(path), "kind": found.kind.name() }),
        kind => {
            json!({ "path": shown(path), "kind": kind.name(), "size": found.size, "digest": hex(&found.digest) })
        }
    };
    let listen = |(protocol, port, program): &(u8, u16, String)| {
        let program = (!program.is_empty()).then(|| shown(program.as_bytes()));
        json!({ "protocol": protocol_name(*protocol), "port": port, "program": program })
    };
    json!({
        "image": maker.image,
        "seal": seal,
        "bytes": bytes,
        "file_systems": maker.file_systems.iter().map(|(mount, kind)| json!({ "mount": mount, "type": kind })).collect::<Value>(),
        "listens": maker.listens.iter().map(listen).collect::<Value>(),
        "peers": maker.peers.iter().map(|peer| json!({
            "protocol": protocol_name(peer.protocol),
            "address": peer.address.to_string(),
            "prefix": peer.prefix,
            "port": (peer.port > 0).then_some(peer.port),
        })).collect::<Value>(),
        "folder_links": maker.folder_links.iter().map(|(link, target)| json!({ "link": shown(link), "target": shown(target) })).collect::<Value>(),
        "entries": maker.entries.iter().map(entry).collect::<Value>(),
    })
}
