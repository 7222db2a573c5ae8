//! The programs of the workspace.

use anyhow::{Context, Result};

/// A program and the package it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Name of the binary.
    pub(crate) name: &'static str,
    /// The package that holds it.
    pub(crate) package: &'static str,
    /// Most bytes it may have on each ARM target; `None` when nothing was promised.
    pub(crate) budget: Option<u64>,
}

/// All programs. The agent comes first; the others are tools around it.
pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "edge-agent", package: "edge-agent", budget: Some(1_100_000) },
    Program { name: "edge-watch", package: "edge-watch", budget: None },
    Program { name: "edge-emulate", package: "edge-emulate", budget: None },
];

/// The program called `name`, or every one for `all`.
pub(super) fn named(name: &str) -> Result<Vec<&'static Program>> {
    if name == "all" {
        return Ok(PROGRAMS.iter().collect());
    }
    let found = PROGRAMS.iter().find(|program| program.name == name);
    let names = || PROGRAMS.iter().map(|program| program.name).collect::<Vec<_>>().join(", ");
    Ok(vec![found.with_context(|| format!("program `{name}` is none of {}, all", names()))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_all_or_a_refusal() {
        assert_eq!(named("edge-watch").unwrap(), [&PROGRAMS[1]]);
        assert_eq!(named("all").unwrap().len(), PROGRAMS.len());
        assert!(named("edge").unwrap_err().to_string().contains("edge-agent, edge-watch"));
    }
}
