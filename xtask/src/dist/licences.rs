//! The licences of the crates in the agent, as their archives carry them: most ask that their text goes with every copy.

use super::Release;
use super::graph::{Crate, Graph};
use crate::lock::Lock;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How names of files with licences begin, in capitals.
const BEGINNINGS: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
/// A folder with licences, as some crates have one.
const FOLDER: &str = "LICENSES";

/// The one licence whose text is ours to add.
const APACHE: &str = "Apache-2.0";

/// Texts, each once.
#[derive(Default)]
struct Texts {
    /// In the order in which they were met.
    texts: Vec<String>,
}

impl Texts {
    /// The number of `text`, from 1.
    fn number(&mut self, text: &str) -> usize {
        // Line ends and the last line differ between crates that carry the same text.
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        let text = lines.join("\n").trim().to_owned();
        if let Some(index) = self.texts.iter().position(|known| *known == text) {
            return index + 1;
        }
        self.texts.push(text);
        self.texts.len()
    }
}

/// The document for the crates of `graph` that come from the index, whose sources lie in `vendor`. `apache` is the text of
/// [`APACHE`], which names no author and so is the same for every crate that left it out.
///
/// # Errors
/// A crate that is not there, or whose licence no text can be found for.
pub(super) fn document(
    release: &Release,
    lock: &Lock,
    graph: &Graph,
    vendor: &Path,
    apache: &str,
) -> Result<String> {
    let mut text = format!(
        "Licences of the crates that edge-agent {} is made of or built with, with TLS and spool.\n\
         Each crate is followed by the files in its archive and the number of their text below.\n\
         The agent itself is under MIT OR Apache-2.0, as is Rust's standard library. Static programs\n\
         also hold musl, whose licence goes with them in a file of its own.\n\n",
        release.version
    );
    let mut texts = Texts::default();
    for (name, node) in graph.crates.iter().filter(|(name, _)| is_foreign(name, lock)) {
        let _ = writeln!(text, "{} {}: {}", name.0, name.1, node.licence);
        let folder = vendor.join(format!("{}-{}", name.0, name.1));
        let files = files(&folder).with_context(|| folder.display().to_string())?;
        if files.is_empty() {
            ensure!(
                node.licence.contains(APACHE),
                "{} {} carries no text of {}",
                name.0,
                name.1,
                node.licence
            );
            let _ = writeln!(text, "    {APACHE}, not in the archive: text {}", texts.number(apache));
        }
        for path in files {
            let held = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let file = crate::workspace::relative(&folder, &path);
            let _ = writeln!(text, "    {file}: text {}", texts.number(&held));
        }
    }
    for (index, held) in texts.texts.iter().enumerate() {
        let _ = write!(text, "\n{:=<80}\nText {}\n{:=<80}\n\n{held}\n", "", index + 1, "");
    }
    Ok(text)
}

/// Whether `name` comes from the index.
fn is_foreign(name: &Crate, lock: &Lock) -> bool {
    lock.packages
        .iter()
        .any(|package| package.name == name.0 && package.version == name.1 && package.source.is_some())
}

/// The files with licences in the crate `folder`, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_dir() && name == FOLDER {
            for entry in fs::read_dir(&path)? {
                found.push(entry?.path());
            }
        } else if path.is_file() && BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::graph::Node;
    use crate::dist::scratch;

    /// A lock file with two crates of the index and one of the workspace.
    const LOCK: &str = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"index\"\n\
        [[package]]\nname = \"b\"\nversion = \"2.0.0\"\nsource = \"index\"\n\
        [[package]]\nname = \"edge-agent\"\nversion = \"0.1.0\"\n";

    #[test]
    fn a_text_that_two_crates_carry_is_printed_once() {
        let vendor = scratch("licences");
        for (path, text) in [
            ("a-1.0.0/LICENSE-MIT", "Permission\r\nis granted\n"),
            ("a-1.0.0/LICENSES/Zlib.txt", "Origin\n"),
            ("b-2.0.0/license", "Permission\nis granted"),
            ("b-2.0.0/README.md", "Read\n"),
        ] {
            let path = vendor.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut graph = Graph::default();
        for (name, version) in [("a", "1.0.0"), ("b", "2.0.0"), ("edge-agent", "0.1.0")] {
            let node = Node { licence: "MIT".to_owned(), ..Node::default() };
            graph.crates.insert((name.to_owned(), version.to_owned()), node);
        }
        let lock = Lock::read(LOCK).unwrap();
        let made = |graph: &Graph| document(&Release::of_test(), &lock, graph, &vendor, "Apache\n");
        let text = made(&graph).unwrap();
        assert!(
            text.contains(
                "a 1.0.0: MIT\n    LICENSE-MIT: text 1\n    LICENSES/Zlib.txt: text 2\nb 2.0.0: MIT\n    license: text 1\n"
            ),
            "{text}"
        );
        assert_eq!(text.matches("Permission").count(), 1);
        assert!(
            text.contains("Text 2\n") && !text.contains("Text 3\n") && !text.contains("edge-agent 0.1.0:")
        );
        fs::remove_file(vendor.join("b-2.0.0/license")).unwrap();
        assert!(made(&graph).unwrap_err().to_string().contains("b 2.0.0 carries no text of MIT"));
        for node in graph.crates.values_mut() {
            node.licence = "MIT OR Apache-2.0".to_owned();
        }
        let text = made(&graph).unwrap();
        assert!(
            text.contains("Apache-2.0, not in the archive: text 3\n") && text.ends_with("\nApache\n"),
            "{text}"
        );
        fs::remove_dir_all(&vendor).unwrap();
        assert!(made(&graph).is_err());
    }
}
