//! `PROVENANCE.toml`: what the committed object was built from and with.

use crate::digest::sha256;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provenance {
    /// The committed object.
    pub(super) object: Object,
    /// The sources it was built from.
    pub(super) source: Source,
    /// The tools it was built with.
    pub(super) built_with: BuiltWith,
}

/// The committed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    /// SHA-256 of its bytes, in hexadecimal.
    pub(super) sha256: String,
    /// Its size.
    pub(super) bytes: usize,
}

/// The sources of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// SHA-256 over everything that `source.rs` lists, in hexadecimal.
    pub(super) sha256: String,
}

/// The tools that made the object. The same two lines and the same sources give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BuiltWith {
    /// The compiler and its LLVM.
    pub(super) compiler: String,
    /// The BPF linker.
    pub(super) linker: String,
}

impl Provenance {
    /// Describes `object`.
    pub(super) fn new(object: &[u8], source: String, compiler: String, linker: String) -> Self {
        Self {
            object: Object { sha256: sha256(object), bytes: object.len() },
            source: Source { sha256: source },
            built_with: BuiltWith { compiler, linker },
        }
    }

    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("PROVENANCE.toml is damaged; `cargo xtask ebpf` writes it anew")
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> String {
        format!(
            "# Where edge-ebpf.o comes from. Written by `cargo xtask ebpf`, proved by `cargo xtask ebpf --check`.\n\n\
             [object]\nsha256 = {:?}\nbytes = {}\n\n[source]\nsha256 = {:?}\n\n[built_with]\ncompiler = {:?}\nlinker = {:?}\n",
            self.object.sha256,
            self.object.bytes,
            self.source.sha256,
            self.built_with.compiler,
            self.built_with.linker
        )
    }

    /// What does not agree between this record and the object and sources at hand, one sentence each.
    pub(super) fn disagreements(&self, object: &[u8], source: &str) -> Vec<String> {
        let mut findings = Vec::new();
        if self.object.sha256 != sha256(object) || self.object.bytes != object.len() {
            findings.push("edge-ebpf.o is not the object that PROVENANCE.toml describes".to_owned());
        }
        if self.source.sha256 != source {
            findings.push("edge-ebpf.o is stale: its sources changed after it was built".to_owned());
        }
        findings
    }
}

impl BuiltWith {
    /// Whether these are the same tools.
    pub(super) fn is(&self, compiler: &str, linker: &str) -> bool {
        self.compiler == compiler && self.linker == linker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Provenance {
        Provenance::new(b"object", "aa".to_owned(), "rustc 1".to_owned(), "bpf-linker 2".to_owned())
    }

    #[test]
    fn text_round_trips() {
        assert_eq!(Provenance::parse(&sample().to_text()).unwrap(), sample());
        assert!(Provenance::parse("[object]\n").is_err());
    }

    #[test]
    fn each_disagreement_is_reported() {
        assert_eq!(sample().disagreements(b"object", "aa"), Vec::<String>::new());
        assert!(sample().disagreements(b"other!", "aa")[0].contains("describes"));
        assert!(sample().disagreements(b"object", "bb")[0].contains("stale"));
        assert_eq!(sample().disagreements(b"", "bb").len(), 2);
    }

    #[test]
    fn tools_are_the_same_only_together() {
        let tools = sample().built_with;
        assert!(tools.is("rustc 1", "bpf-linker 2"));
        assert!(!tools.is("rustc 2", "bpf-linker 2") && !tools.is("rustc 1", "bpf-linker 3"));
    }
}
