//! A Debian in a folder, in which commands run as in a container: other files, an environment of their own, and no network
//! unless they are to have it.

use crate::process;
use anyhow::{Context, Result};
use edge_tests::vm::debian_mirror;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release that the images are made from.
const RELEASE: &str = "bookworm";
/// Mounts each pair of folder and place below the root, then runs the rest there. The mounts end with it.
const ENTER: &str = r#"root=$1; shift
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
shift; exec chroot "$root" "$@""#;
/// The search path of Debian's image.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The folder and what commands find in it.
pub(super) struct Chroot {
    /// The root.
    root: PathBuf,
    /// Folders outside, and where they are seen.
    mounts: Vec<(PathBuf, &'static str)>,
    /// The whole environment but `PATH`.
    pub(super) environment: Vec<(String, String)>,
}

impl Chroot {
    /// Makes a new Debian at `root` with the packages that its image has. Needs root.
    ///
    /// # Errors
    /// No mirror, or a debootstrap that fails.
    pub(super) fn make(root: &Path) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        let (main, security) = debian_mirror()?;
        let mut bootstrap = process::command("debootstrap");
        bootstrap.args(["--variant=minbase", RELEASE]).arg(root).arg(&main);
        process::capture(&mut bootstrap)?;
        let mut sources = format!("deb {main} {RELEASE} main\n");
        if let Some(security) = security {
            sources = format!("{sources}deb {security} {RELEASE}-security main\n");
        }
        fs::write(root.join("etc/apt/sources.list"), sources)?;
        fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).context("/etc/resolv.conf")?;
        Ok(Self { root: root.to_owned(), mounts: Vec::new(), environment: Vec::new() })
    }

    /// Shows `folder` at `place`.
    pub(super) fn mount(&mut self, folder: &Path, place: &'static str) {
        self.mounts.push((folder.to_owned(), place));
    }

    /// Where a file of the root lies outside.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The bytes of all files of the root.
    ///
    /// # Errors
    /// A du that cannot be run.
    pub(super) fn bytes(&self) -> Result<u64> {
        let text = process::capture(process::command("du").args(["-sb", "-x"]).arg(&self.root))?;
        text.split_whitespace().next().and_then(|number| number.parse().ok()).context("du told no number")
    }

    /// The shell command `line`, with `paths` behind the search path, in the folder `cwd`.
    pub(super) fn shell(&self, line: &str, paths: &str, cwd: &str, network: bool) -> Command {
        let mut command = process::command("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if !network {
            command.arg("--net");
        }
        command.args(["sh", "-euc", ENTER, "sh"]).arg(&self.root);
        for (folder, place) in &self.mounts {
            command.arg(folder).arg(place);
        }
        command.args(["--", "env", "-i", &format!("PATH={PATH}{paths}")]);
        command.args(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.args(["sh", "-ec", &format!("cd {cwd}; {line}")]);
        command
    }
}
