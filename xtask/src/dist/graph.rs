//! The crates that a program is made of, as `cargo tree` tells it: the one command that counts features per target and per
//! use, where the lock file and `cargo metadata` mix in those of tests and of other programs.

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};

/// A crate: its name and exact version.
pub(super) type Crate = (String, String);

/// What is known of a crate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// Its licence, as an SPDX expression.
    pub(super) licence: String,
    /// What it uses, for itself or for its build script.
    pub(super) uses: BTreeSet<Crate>,
    /// Whether code of it is in the program; otherwise it only ran when that was built.
    pub(super) linked: bool,
}

/// Crates and who uses whom.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// By name and version.
    pub(super) crates: BTreeMap<Crate, Node>,
}

impl Graph {
    /// Adds the crates of `package` built for `target` with `features`.
    ///
    /// # Errors
    /// A lock file that is not current, or a crate without a licence.
    pub(super) fn add(
        &mut self,
        workspace: &Workspace,
        package: &str,
        target: &str,
        features: Option<&str>,
    ) -> Result<()> {
        // What is compiled for the target and is no macro ends in the program.
        for (edges, linked) in [("normal,build", false), ("normal,no-proc-macro", true)] {
            let mut cargo = process::cargo();
            cargo.args(["tree", "--quiet", "--locked", "--package", package, "--target", target]);
            cargo.args(["--edges", edges, "--prefix", "depth", "--format", " {p}|{l}"]);
            cargo.args(features.iter().flat_map(|features| ["--features", *features]));
            self.read(&process::capture(cargo.current_dir(&workspace.root))?, linked)?;
        }
        Ok(())
    }

    /// Adds what cargo printed: a depth, a crate and its licence in each line.
    fn read(&mut self, tree: &str, linked: bool) -> Result<()> {
        let mut parents: Vec<Crate> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, name, licence) =
                split(line).with_context(|| format!("`{line}` is not a crate with depth and licence"))?;
            ensure!(!licence.is_empty(), "{} {} declares no licence", name.0, name.1);
            ensure!(depth <= parents.len(), "`{line}` hangs below nothing");
            parents.truncate(depth);
            if let Some(user) = parents.last().and_then(|parent| self.crates.get_mut(parent)) {
                user.uses.insert(name.clone());
            }
            let node = self.crates.entry(name.clone()).or_default();
            node.licence = licence;
            node.linked |= linked;
            parents.push(name);
        }
        if parents.is_empty() {
            bail!("cargo printed no tree");
        }
        Ok(())
    }
}

/// Depth, crate and licence of a line such as `2 slab v0.4.12 (proc-macro)|MIT (*)`.
fn split(line: &str) -> Option<(usize, Crate, String)> {
    let (depth, rest) = line.split_once(' ')?;
    let (package, licence) = rest.split_once('|')?;
    let mut words = package.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    // Printed before, with what it uses.
    let licence = licence.strip_suffix(" (*)").unwrap_or(licence);
    // An older way to write it, which is no SPDX.
    Some((depth.parse().ok()?, (name, version), licence.replace('/', " OR ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0 edge-agent v0.1.0 (/w/edge-agent)|MIT OR Apache-2.0\n\
        1 aya v0.14.0|MIT OR Apache-2.0\n\
        2 bytes v1.0.0|MIT\n\
        2 derive v2.0.0 (proc-macro)|MIT/Apache-2.0\n\
        1 bytes v1.0.0|MIT (*)\n";

    /// A crate.
    fn named(name: &str, version: &str) -> Crate {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn edges_follow_the_depth_and_macros_are_not_linked() {
        let mut graph = Graph::default();
        graph.read(TREE, false).unwrap();
        let linked: String = TREE.split_inclusive('\n').filter(|line| !line.contains("derive")).collect();
        graph.read(&linked, true).unwrap();
        let agent = &graph.crates[&named("edge-agent", "0.1.0")];
        assert_eq!(agent.uses, BTreeSet::from([named("aya", "0.14.0"), named("bytes", "1.0.0")]));
        let aya = &graph.crates[&named("aya", "0.14.0")];
        assert_eq!(aya.uses, BTreeSet::from([named("bytes", "1.0.0"), named("derive", "2.0.0")]));
        let derive = &graph.crates[&named("derive", "2.0.0")];
        assert!(aya.linked && !derive.linked);
        assert_eq!(derive.licence, "MIT OR Apache-2.0");
        assert_eq!(graph.crates[&named("bytes", "1.0.0")].licence, "MIT");
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let read = |text: &str| Graph::default().read(text, true).unwrap_err().to_string();
        assert!(read("0 bare v1.0.0|\n").contains("declares no licence"));
        assert!(read("[build-dependencies]\n").contains("is not a crate"));
        assert!(read("0 a v1.0.0|MIT\n2 b v1.0.0|MIT\n").contains("hangs below nothing"));
        assert!(read("").contains("no tree"));
    }
}
