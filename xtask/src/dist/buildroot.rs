//! The tree for Buildroot, in which stands what no commit can say: the digest of the archive it fetches.

use super::{Release, archive, sources};
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What is in the archive: the tree, the kernel options that its defconfigs name, and the licences of both.
const PATHS: &[&str] = &["buildroot", "packaging/kernel", "LICENSE-APACHE", "LICENSE-MIT"];
/// The digests of both packages, which build from the same archive.
const HASHES: &[&str] =
    &["buildroot/package/edge-agent/edge-agent.hash", "buildroot/package/edge-watch/edge-watch.hash"];

/// Packs the tree of the commit as `out`, with the digest `sha256` of the archive of sources called `fetched`.
///
/// # Errors
/// A commit without the tree, or a file of digests that has a line for the archive already.
pub(super) fn pack(
    workspace: &Workspace,
    release: &Release,
    work: &Path,
    (fetched, sha256): (&str, &str),
    out: &Path,
) -> Result<()> {
    let name = release.folder("edge-agent-buildroot");
    let folder = work.join(&name);
    let paths: Vec<_> = PATHS.iter().map(|&path| path.to_owned()).collect();
    sources::check_out(workspace, &paths, &folder)?;
    for name in HASHES {
        let path = folder.join(name);
        let hashes = fs::read_to_string(&path).context(*name)?;
        fs::write(path, with_archive(&hashes, fetched, sha256).context(*name)?)?;
    }
    archive::pack(work, &name, release.epoch, out)
}

/// The digests `hashes` with a line for the archive, in front of those of the licences.
fn with_archive(hashes: &str, fetched: &str, sha256: &str) -> Result<String> {
    ensure!(!hashes.contains(".tar."), "there is a line for an archive already");
    let mut text = String::new();
    let mut written = false;
    for line in hashes.lines() {
        if !written && !line.starts_with('#') {
            let _ = writeln!(text, "sha256  {sha256}  {fetched}");
            written = true;
        }
        let _ = writeln!(text, "{line}");
    }
    ensure!(written, "there is no line for a licence");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_comes_before_the_licences() {
        let hashes = "# Locally calculated\nsha256  aa  LICENSE-MIT\n";
        let wanted = "# Locally calculated\nsha256  bb  edge-1.tar.gz\nsha256  aa  LICENSE-MIT\n";
        assert_eq!(with_archive(hashes, "edge-1.tar.gz", "bb").unwrap(), wanted);
        assert!(with_archive(wanted, "edge-1.tar.gz", "bb").unwrap_err().to_string().contains("already"));
        assert!(with_archive("# nothing\n", "edge-1.tar.gz", "bb").is_err());
    }
}
