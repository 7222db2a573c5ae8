//! The commit that the recipes fetch. It is older than the layer beside it in the same repository, so the layer is compared
//! with the sources of that commit, not with the work tree.

use super::LAYER;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;

/// The file that names the commit, in the layer.
const FILE: &str = "recipes-security/edge-agent/edge-agent-source.inc";
/// The variable.
const VARIABLE: &str = "SRCREV";
/// What of the sources the layer depends on.
const USED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "packaging",
    "edge-agent/Cargo.toml",
    "edge-watch/Cargo.toml",
];

/// The sources that the recipes fetch.
pub(super) struct Source<'a> {
    /// Where the repository is.
    workspace: &'a Workspace,
    /// What git finds them by: the full hash.
    commit: String,
}

/// What stands for the sources where the history that has them is cut off.
const CURRENT: &str = "HEAD";

impl<'a> Source<'a> {
    /// Finds the commit.
    ///
    /// # Errors
    /// A recipe that names none, or one that the repository does not have.
    pub(super) fn of(workspace: &'a Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.root.join(LAYER).join(FILE)).context(FILE)?;
        let commit = commit_in(&text).with_context(|| format!("{FILE} names no {VARIABLE}"))?;
        let known = |name: &str| process::capture(workspace.git().args(["cat-file", "-e", name])).is_ok();
        if known(&format!("{commit}^{{commit}}")) {
            return Ok(Self { workspace, commit: commit.to_owned() });
        }
        let shallow = process::capture(workspace.git().args(["rev-parse", "--is-shallow-repository"]))?;
        if shallow.trim() != "true" && known("HEAD^") {
            bail!("{VARIABLE} {commit} is not in this repository");
        }
        println!("{VARIABLE} {commit} is older than this clone's history: {CURRENT} is compared instead");
        Ok(Self { workspace, commit: CURRENT.to_owned() })
    }

    /// The text of a file.
    pub(super) fn read(&self, path: &str) -> Result<String> {
        process::capture(self.workspace.git().arg("show").arg(format!("{}:{path}", self.commit)))
    }

    /// Lays out what the layer depends on, and returns the folder.
    pub(super) fn unpack(&self) -> Result<PathBuf> {
        let folder = self.workspace.target.join("yocto-source");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let archive = folder.with_extension("tar");
        let mut pack = self.workspace.git();
        process::capture(pack.args(["archive", "-o"]).arg(&archive).arg(&self.commit).args(USED))?;
        process::capture(process::command("tar").arg("xf").arg(&archive).arg("-C").arg(&folder))?;
        fs::remove_file(&archive)?;
        Ok(folder)
    }
}

/// Makes the recipes fetch `commit`, anything that git resolves to one.
pub(super) fn pin(workspace: &Workspace, commit: &str) -> Result<()> {
    let mut resolve = workspace.git();
    resolve.args(["rev-parse", "--verify", "--end-of-options"]).arg(format!("{commit}^{{commit}}"));
    let new = process::capture(&mut resolve)?;
    let path = workspace.root.join(LAYER).join(FILE);
    let text = fs::read_to_string(&path).context(FILE)?;
    let old = commit_in(&text).with_context(|| format!("{FILE} names no {VARIABLE}"))?;
    fs::write(&path, text.replace(old, new.trim()))?;
    Ok(())
}

/// The commit in the text of the file.
fn commit_in(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| line.strip_prefix(VARIABLE)?.strip_prefix(" = \""))?;
    value
        .strip_suffix('"')
        .filter(|hash| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_hash_is_a_commit() {
        let hash = "4637ad11fea03df7ec698197d8960a52c469814f";
        assert_eq!(commit_in(&format!("# x\nSRCREV = \"{hash}\"\n")), Some(hash));
        assert_eq!(commit_in("SRCREV = \"4637ad1\"\n"), None);
        assert_eq!(commit_in("SRCREV = \"${AUTOREV}\"\n"), None);
    }
}
