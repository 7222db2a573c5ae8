//! docs/cost.md and benches/cost.json: the results as they are committed.

use super::results::{GuestResult, Results};
use super::table;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;

/// The line after which the document is generated.
const BEGIN: &str = "<!-- begin: written by `cargo xtask bench cost --write` -->";
/// The line before which it is.
const END: &str = "<!-- end -->";

/// Puts the results of `guests` beside those of guests that were not measured this time, and writes both files.
pub(super) fn write(workspace: &Workspace, guests: Vec<GuestResult>) -> Result<()> {
    let data = workspace.root.join("benches/cost.json");
    let mut results = match fs::read_to_string(&data) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is damaged", data.display()))?,
        Err(_) => Results::default(),
    };
    for guest in guests {
        results.replace(guest);
    }
    let document = workspace.root.join("docs/cost.md");
    let text = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
    let block: Vec<_> = results.guests.iter().map(table::markdown).collect();
    fs::write(&document, replace(&text, &block.join("\n"))?)?;
    fs::write(&data, serde_json::to_string_pretty(&results)? + "\n")?;
    println!("written: docs/cost.md, benches/cost.json");
    Ok(())
}

/// Replaces what stands between the two marks.
fn replace(text: &str, block: &str) -> Result<String> {
    let (before, rest) =
        text.split_once(BEGIN).context("docs/cost.md has lost the mark where results begin")?;
    let (_, after) = rest.split_once(END).context("docs/cost.md has lost the mark where results end")?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", block.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_between_the_marks_changes_and_again_gives_the_same() {
        let text = format!("# Cost\n{BEGIN}\nold\n{END}\nend\n");
        let once = replace(&text, "new\n").unwrap();
        assert_eq!(once, format!("# Cost\n{BEGIN}\n\nnew\n\n{END}\nend\n"));
        assert_eq!(replace(&once, "new\n").unwrap(), once);
        assert!(replace("# Cost\n", "new").is_err());
    }

    #[test]
    fn the_committed_document_has_the_marks() {
        let workspace = Workspace::locate().unwrap();
        let text = fs::read_to_string(workspace.root.join("docs/cost.md")).unwrap();
        assert!(replace(&text, "x").is_ok());
    }
}
