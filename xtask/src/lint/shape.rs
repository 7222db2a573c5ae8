//! A file does one thing and fits on a few screens; a `main.rs` only starts it.

use super::tree::{TextFile, Tree};
use anyhow::{Result, bail};

/// Most lines of a source file, its unit tests included.
const FILE_LINES: usize = 400;
/// Most lines of a `main.rs`.
const MAIN_LINES: usize = 80;
/// Endings of the files this is about.
const SOURCES: &[&str] = &[".rs", ".py", ".sh"];

/// Reports every source file that is too long.
pub(super) fn check(tree: &Tree) -> Result<()> {
    let long: Vec<_> = tree.texts.iter().filter_map(too_long).collect();
    if !long.is_empty() {
        bail!("{}", long.join("; "));
    }
    Ok(())
}

/// What is wrong with the length of a file, if anything.
fn too_long(file: &TextFile) -> Option<String> {
    if !SOURCES.iter().any(|ending| file.path.ends_with(ending)) {
        return None;
    }
    let is_main = file.path == "main.rs" || file.path.ends_with("/main.rs");
    let (lines, limit) = (file.text.lines().count(), if is_main { MAIN_LINES } else { FILE_LINES });
    (lines > limit).then(|| format!("{} has {lines} lines, more than {limit}", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> TextFile {
        TextFile { path: path.to_owned(), text: "x\n".repeat(lines) }
    }

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(too_long(&file("a/b.rs", 400)), None);
        assert_eq!(too_long(&file("a/b.rs", 401)).unwrap(), "a/b.rs has 401 lines, more than 400");
        assert_eq!(too_long(&file("a/main.rs", 80)), None);
        assert!(too_long(&file("a/main.rs", 81)).is_some());
        assert_eq!(too_long(&file("a/domain.rs", 81)), None);
        assert_eq!(too_long(&file("Cargo.lock", 4000)), None);
    }
}
