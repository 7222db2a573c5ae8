//! `learn`: a manifest with what was seen to be executed, on a device for development.
//!
//! What is read are the JSON lines of `watch` and `decode`, of which verdicts of `foreign_exec` count, or paths.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};

use edge_manifest::{Maker, check_path};
use edge_wire::DetectorId;
use serde_json::Value;

use super::options::LearnOptions;
use super::root::{Root, name};
use super::walk::LINK;
use super::{make, note, read, save, say, shown};
use crate::error::WatchError;

/// Longest line that is looked at; a verdict has some 3 KB.
const MAX_LINE: u64 = 64 * 1024;
/// Bytes of a path that a verdict has room for.
const VERDICT_PATH: usize = 96;

/// Reads, prints what is not in the manifest, writes it with that added.
pub(super) fn run(options: &LearnOptions) -> Result<(), WatchError> {
    let mut maker = read(&options.file)?;
    let input = |source| WatchError::Input { path: options.from.clone(), source };
    let paths = if options.from.as_os_str() == "-" {
        paths(io::stdin().lock()).map_err(input)?
    } else {
        paths(BufReader::new(fs::File::open(&options.from).map_err(input)?)).map_err(input)?
    };
    let root = Root::open(&options.tree)?;
    let mut lines = Vec::new();
    for path in &paths {
        lines.extend(learn(&root, path, &mut maker)?);
    }
    say(&lines.concat())?;
    let Some(out) = &options.out else { return Ok(()) };
    let bytes = save(&maker, out)?;
    say(&format!("{}: {bytes} bytes, {}\n", out.display(), make::summary(&maker)))
}

/// The paths in the lines of an input; what no line holds is told.
fn paths(mut input: impl io::BufRead) -> io::Result<BTreeSet<Vec<u8>>> {
    let (mut found, mut number, mut line) = (BTreeSet::new(), 0_u64, Vec::new());
    loop {
        line.clear();
        number += 1;
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        match line.trim_ascii() {
            b"" | [b'#', ..] => {}
            path @ [b'/', ..] => drop(found.insert(path.to_vec())),
            text => match serde_json::from_slice::<Value>(text) {
                Ok(value) => found.extend(executed(&value)),
                Err(_) => note(&[format!("line {number} is neither a path nor JSON, and left out")]),
            },
        }
    }
}

/// The path in a line of JSON, if that is a verdict of `foreign_exec`.
fn executed(line: &Value) -> Option<Vec<u8>> {
    let detector = line.pointer("/finding_info/analytic/name")?.as_str()?;
    let path = line.pointer("/evidences/0/file/path")?.as_str()?;
    (detector == DetectorId::FOREIGN_EXEC.to_string()).then(|| unescaped(path))
}

/// The bytes of a path that is shown with `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = text.split("\\x");
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(byte) => bytes.extend([&[byte], rest.as_bytes()].concat()),
            Err(_) => bytes.extend([b"\\x", part.as_bytes()].concat()),
        }
    }
    bytes
}

/// Adds what was executed, and says so in lines; nothing if it is known.
fn learn(root: &Root<'_>, path: &[u8], maker: &mut Maker) -> Result<Vec<String>, WatchError> {
    let not = |why: &str| Ok(vec![format!("? {}: {why}\n", shown(path))]);
    let outside = |path| {
        root.skipped(path).map(|folder| format!("lies in {}, which is not of the image", shown(folder)))
    };
    if let Some(why) = outside(path) {
        return not(&why);
    }
    let Some(file) = path.starts_with(b"/").then(|| root.resolve(path)).flatten() else {
        return not(match path.len() {
            VERDICT_PATH.. => "is not there; a verdict has only the first 96 bytes of a path",
            _ => "is not there",
        });
    };
    if let Some(why) = outside(&file) {
        return not(&why);
    }
    let look = || {
        let metadata = fs::symlink_metadata(root.host(&file))?;
        if metadata.is_file() { root.look(&file, &metadata, true) } else { Ok(None) }
    };
    let Some(found) = look().map_err(|error| root.refused(&file, error))? else {
        return not("is neither ELF nor a script");
    };
    // A link in a folder is listed by the folder's own path.
    let folder = path.strip_suffix(name(path)).and_then(|folder| root.resolve(folder)).unwrap_or_default();
    let link = [folder.strip_suffix(b"/").unwrap_or(&folder), b"/", name(path)].concat();
    let mut lines = Vec::new();
    for (path, found) in [(file, found), (link, LINK)] {
        if let Err(fault) = check_path(&path) {
            lines.push(format!("? {}: {fault}\n", shown(&path)));
            continue;
        }
        let sign = match maker.entries.get(&path) {
            Some(known) if *known == found || found == LINK => continue,
            Some(_) => '~',
            None => '+',
        };
        lines.push(format!("{sign} {} {}\n", found.kind.name(), shown(&path)));
        maker.entries.insert(path, found);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use edge_wire::{Act, Bytes, Evidence, Head, Verdict};

    use super::*;
    use crate::moment::Clock;
    use crate::render::{Item, Received, Style};

    #[test]
    fn what_watch_prints_is_read() {
        let object = Bytes::cut(b"/data/app/x\x1b");
        let head = Head { detector: DetectorId::FOREIGN_EXEC, ..Head::default() };
        let verdict = Verdict { head, evidence: Evidence::Act(Act { object, ..Act::default() }) };
        let now = Clock::new().now();
        let received = Received { device: "gw", verdict: &verdict, now, version: None, late: false };
        let line = Style::Json.show(Item::Verdict(received), now);
        assert_eq!(paths(line.as_bytes()).unwrap(), [b"/data/app/x\x1b".to_vec()].into());
    }

    #[test]
    fn paths_and_verdicts_are_read_and_nothing_else() {
        let verdict = |detector: &str, path: &str| {
            let path = serde_json::json!({ "finding_info": { "analytic": { "name": detector } },
                "evidences": [{ "file": { "path": path } }] });
            path.to_string()
        };
        let input = [
            "# seen on the bench".to_owned(),
            "/usr/bin/a b".to_owned(),
            String::new(),
            verdict("foreign_exec", "/opt/\\x5cx\\xff\\xzz"),
            verdict("volatile_exec", "/tmp/x"),
            r#"{"kind":"heartbeat"}"#.to_owned(),
            "garbage".to_owned(),
            "/last".to_owned(),
        ]
        .join("\n");
        let found: Vec<Vec<u8>> = paths(input.as_bytes()).unwrap().into_iter().collect();
        assert_eq!(found, [&b"/last"[..], b"/opt/\\x\xff\\xzz", b"/usr/bin/a b"]);
    }
}
