//! The programs of the workspace.

use anyhow::{Context, Result};

/// A program and the package it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// What it is called here, and its file.
    pub(crate) name: &'static str,
    /// Name of the binary in its package.
    pub(crate) bin: &'static str,
    /// The package that holds it.
    pub(crate) package: &'static str,
    /// What it is built with besides its defaults.
    pub(crate) features: Option<&'static str>,
    /// Most bytes it may have on each ARM target; `None` when nothing was promised.
    pub(crate) budget: Option<u64>,
}

/// All programs. The agent comes first; the others are tools around it.
pub(crate) const PROGRAMS: &[Program] =
    &[plain("edge-agent", Some(1_170_000)), plain("edge-watch", None), plain("edge-emulate", None)];

/// The agent that images get: it encrypts. Apart, so that what is measured and tested everywhere stays the smallest one.
pub(crate) const WITH_TLS: Program = Program {
    name: "edge-agent-tls",
    bin: "edge-agent",
    package: "edge-agent",
    features: Some("tls,spool"),
    budget: Some(2_000_000),
};

/// A program that is called like its package.
const fn plain(name: &'static str, budget: Option<u64>) -> Program {
    Program { name, bin: name, package: name, features: None, budget }
}

/// The program called `name`, or every one for `all`.
pub(super) fn named(name: &str) -> Result<Vec<&'static Program>> {
    if name == "all" {
        return Ok(PROGRAMS.iter().collect());
    }
    let all = || PROGRAMS.iter().chain([&WITH_TLS]);
    let found = all().find(|program| program.name == name);
    let names = || all().map(|program| program.name).collect::<Vec<_>>().join(", ");
    Ok(vec![found.with_context(|| format!("program `{name}` is none of {}, all", names()))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_all_or_a_refusal() {
        assert_eq!(named("edge-watch").unwrap(), [&PROGRAMS[1]]);
        assert_eq!(named("edge-agent-tls").unwrap(), [&WITH_TLS]);
        assert_eq!(named("all").unwrap().len(), PROGRAMS.len());
        assert!(named("edge").unwrap_err().to_string().contains("edge-agent, edge-watch"));
    }
}
