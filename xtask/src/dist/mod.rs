//! `dist`: the files of a release, made from the commit HEAD and nothing else.
//!
//! Everything but the programs depends on the commit and on cargo's version alone, and two runs give the same bytes.

mod archive;
mod buildroot;
mod graph;
mod licences;
mod programs;
mod prune;
mod sbom;
mod sources;

use crate::build::{PROGRAMS, Program, Target, WITH_TLS};
use crate::digest::sha256;
use crate::ebpf;
use crate::lock::Lock;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use graph::Graph;
use lexopt::Arg;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The file with the digests of all others.
const SUMS: &str = "SHA256SUMS";
/// The package of the object, and what it is compiled for.
const OBJECT: (&str, &str) = ("edge-ebpf", "bpfel-unknown-none");

/// What is released.
struct Release {
    /// Its version, that of the workspace.
    version: String,
    /// The commit.
    commit: String,
    /// When that was made, in seconds since 1970; what all files in archives carry.
    epoch: u64,
    /// The same as text, in UTC.
    time: String,
}

/// An agent that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    /// The smallest one.
    Plain,
    /// With TLS and spool.
    Tls,
}

impl Flavour {
    /// Both, the smallest last, so that it is the one that cargo leaves behind.
    const ALL: [Self; 2] = [Self::Tls, Self::Plain];

    /// The program.
    fn program(self) -> Result<&'static Program> {
        match self {
            Self::Plain => PROGRAMS.first().context("there are no programs"),
            Self::Tls => Ok(&WITH_TLS),
        }
    }
}

impl Release {
    /// Describes the commit HEAD.
    ///
    /// # Errors
    /// A tree that differs from the commit: what is released must be what others can check out.
    fn of(workspace: &Workspace) -> Result<Self> {
        clean(&process::capture(workspace.git().args(["status", "--porcelain"]))?)?;
        let mut log = workspace.git();
        log.env("TZ", "UTC").args([
            "log",
            "-1",
            "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            "--format=%H %ct %cd",
        ]);
        let said = process::capture(&mut log)?;
        let mut words = said.split_whitespace();
        let mut word = || words.next().map(str::to_owned).context("git describes no commit");
        let (commit, epoch, time) = (word()?, word()?, word()?);
        let epoch = epoch.parse().with_context(|| format!("git's time {epoch}"))?;
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), commit, epoch, time })
    }

    /// The folder of an archive.
    fn folder(&self, name: &str) -> String {
        format!("{name}-{}", self.version)
    }
}

/// Refuses a tree for which `git status --porcelain` printed something.
fn clean(status: &str) -> Result<()> {
    let mut lines = status.lines();
    let Some(first) = lines.next() else { return Ok(()) };
    let more = match lines.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    bail!(
        "the tree differs from its last commit, of which releases are made: `{first}`{more}; commit or stash that first"
    )
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    let (mut out, mut with_programs) = (None, true);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("out") => out = Some(PathBuf::from(args.value()?)),
            Arg::Long("sources") => with_programs = false,
            other => return Err(other.unexpected().into()),
        }
    }
    let release = Release::of(workspace)?;
    let home = workspace.target.join("releases");
    let out = out.unwrap_or_else(|| home.join(&release.version));
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let work = home.join("work");
    let mut files = archives(workspace, &release, &work, &out)?;
    for flavour in Flavour::ALL {
        let name = format!("{}-{}.cdx.json", flavour.program()?.name, release.version);
        fs::write(out.join(&name), bill(workspace, &release, flavour)?)?;
        files.push(name);
    }
    if with_programs {
        files.extend(programs::build(workspace, &release, &out)?);
    }
    files.sort();
    fs::write(out.join(SUMS), sums(&out, &files)?)?;
    for name in files.iter().map(String::as_str).chain([SUMS]) {
        println!("{:>9} bytes  {}", fs::metadata(out.join(name))?.len(), out.join(name).display());
    }
    Ok(())
}

/// Makes both archives, and the licences, which are read from the crates in the first. Returns their names.
fn archives(workspace: &Workspace, release: &Release, work: &Path, out: &Path) -> Result<Vec<String>> {
    let vendored = format!("{}.tar.gz", release.folder("edge-agent-vendored"));
    let folder = sources::assemble(workspace, release, work)?;
    sources::pack(release, work, &out.join(&vendored))?;
    let tree = format!("{}.tar.gz", release.folder("edge-agent-buildroot"));
    let digest = sha256(&fs::read(out.join(&vendored))?);
    buildroot::pack(workspace, release, work, (&vendored, &digest), &out.join(&tree))?;
    let licences = format!("{}-licenses.txt", release.folder("edge-agent"));
    let vendor = folder.join(sources::VENDOR);
    let apache = fs::read_to_string(folder.join("LICENSE-APACHE"))?;
    let crates = crates(workspace, Flavour::Tls)?;
    let text = licences::document(release, &lock(workspace)?, &crates, &vendor, &apache)?;
    fs::write(out.join(&licences), text)?;
    fs::remove_dir_all(work)?;
    Ok(vec![vendored, tree, licences])
}

/// The bill of materials of a flavour, as text.
fn bill(workspace: &Workspace, release: &Release, flavour: Flavour) -> Result<String> {
    let program = flavour.program()?;
    let subject = sbom::Subject {
        program: program.name,
        package: program.package,
        features: program.features,
        targets: &triples(),
        graph: &crates(workspace, flavour)?,
        object: &fs::read(ebpf::object_path(workspace)).context("the eBPF object")?,
    };
    sbom::document(release, &lock(workspace)?, &subject)
}

/// The crates of a flavour on all ARM targets, and those of the object.
fn crates(workspace: &Workspace, flavour: Flavour) -> Result<Graph> {
    let program = flavour.program()?;
    let mut graph = Graph::default();
    for triple in triples() {
        graph.add(workspace, program.package, triple, program.features)?;
    }
    graph.add(workspace, OBJECT.0, OBJECT.1, None)?;
    Ok(graph)
}

/// The lock file.
fn lock(workspace: &Workspace) -> Result<Lock> {
    Lock::read(&fs::read_to_string(workspace.root.join("Cargo.lock")).context("Cargo.lock")?)
}

/// The triples of the ARM targets.
fn triples() -> Vec<&'static str> {
    Target::ARM.into_iter().filter_map(Target::triple).collect()
}

/// The digests of `files` in `folder`, as `sha256sum --check` reads them.
fn sums(folder: &Path, files: &[String]) -> Result<String> {
    let mut text = String::new();
    for name in files {
        let _ =
            writeln!(text, "{}  {name}", sha256(&fs::read(folder.join(name)).context("a file just made")?));
    }
    Ok(text)
}

/// A new folder for one test.
#[cfg(test)]
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("edge-dist-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[cfg(test)]
impl Release {
    /// One for tests.
    fn of_test() -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, commit: "c".to_owned(), epoch: 0, time: "1970-01-01T00:00:00Z".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_differs_from_its_commit_is_refused() {
        clean("").unwrap();
        let error = clean(" M Cargo.toml\n?? note\n").unwrap_err().to_string();
        assert!(error.contains("` M Cargo.toml` and 1 more"), "{error}");
    }

    #[test]
    fn the_sums_are_those_that_sha256sum_checks() {
        let folder = scratch("sums");
        fs::write(folder.join("b"), "abc").unwrap();
        let text = sums(&folder, &["b".to_owned()]).unwrap();
        fs::write(folder.join(SUMS), &text).unwrap();
        process::capture(
            process::command("sha256sum").args(["--check", "--strict", SUMS]).current_dir(&folder),
        )
        .unwrap();
        fs::write(folder.join("b"), "abd").unwrap();
        let again =
            process::capture(process::command("sha256sum").args(["--check", SUMS]).current_dir(&folder));
        assert!(again.is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_released_is_for_both_arms() {
        assert_eq!(triples(), ["aarch64-unknown-linux-musl", "armv7-unknown-linux-musleabihf"]);
        assert_eq!(
            Release::of_test().folder("edge-agent"),
            format!("edge-agent-{}", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(Flavour::Plain.program().unwrap().name, "edge-agent");
    }
}
