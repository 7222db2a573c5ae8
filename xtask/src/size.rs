//! `size`: the bytes of everything that goes into an image, against what was promised.

use crate::build::{self, PROGRAMS, Target, WITH_TLS};
use crate::ebpf;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;

/// One measured file.
struct Row {
    /// What it is.
    name: &'static str,
    /// What it runs on.
    target: &'static str,
    /// Its size.
    bytes: u64,
    /// Most bytes it may have; `None` when nothing was promised.
    budget: Option<u64>,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    if let Some(other) = args.next()? {
        return Err(other.unexpected().into());
    }
    let object = ebpf::object_path(workspace);
    let bytes = fs::metadata(&object).with_context(|| format!("{} is missing", object.display()))?.len();
    let mut rows = vec![Row { name: "edge-ebpf.o", target: "bpf", bytes, budget: None }];
    // The plain agent last, so that it is the one that cargo leaves behind.
    let plain = PROGRAMS.iter().filter(|program| program.name != "edge-emulate");
    let programs: Vec<_> = [&WITH_TLS].into_iter().chain(plain).collect();
    for target in Target::ARM {
        for built in build::programs_for(workspace, target, &programs, target.profile())? {
            let program = built.program;
            rows.push(Row {
                name: program.name,
                target: target.name(),
                bytes: built.bytes,
                budget: program.budget,
            });
        }
    }
    print!("{}", table(&rows));
    let over: Vec<_> = rows
        .iter()
        .filter(|row| row.is_over())
        .map(|row| format!("{} on {}", row.name, row.target))
        .collect();
    if !over.is_empty() {
        bail!("over budget: {}", over.join(", "));
    }
    Ok(())
}

impl Row {
    /// Whether it is larger than promised.
    fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| self.bytes > budget)
    }
}

/// The rows as a table for a terminal.
fn table(rows: &[Row]) -> String {
    let mut text =
        format!("{:<14} {:<8} {:>9} {:>9} {:>7}\n", "program", "target", "bytes", "budget", "percent");
    for row in rows {
        let (budget, percent) = row.budget.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            // Rounded up: 100 % is over only when it is.
            |budget| (budget.to_string(), (row.bytes * 100).div_ceil(budget.max(1)).to_string()),
        );
        let _ =
            writeln!(text, "{:<14} {:<8} {:>9} {budget:>9} {percent:>7}", row.name, row.target, row.bytes);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_itself_is_allowed_and_one_byte_more_is_not() {
        let row = |bytes| Row { name: "edge-agent", target: "armv7", bytes, budget: Some(1000) };
        assert!(!row(1000).is_over() && row(1001).is_over());
        let text = table(&[row(1001), Row { budget: None, ..row(5) }]);
        assert!(
            text.contains("1001      1000     101\n") && text.contains("5         -       -\n"),
            "{text}"
        );
    }
}
