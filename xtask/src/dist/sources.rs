//! The sources of a release: those of the commit, with every crate they need, so that they build without a network.

use super::{Release, archive, prune};
use crate::lock::Lock;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of the crates. Buildroot passes an archive that has it on as it is.
pub(super) const VENDOR: &str = "VENDOR";
/// What tells cargo to look there, and nowhere else.
const CONFIG: &str = "
# Every crate stands in this archive.
[source.crates-io]
replace-with = \"vendored-sources\"

[source.vendored-sources]
directory = \"VENDOR\"
";
/// How the lock file names the index.
const INDEX: &str = "crates.io";
/// What is not in the archive: the build systems' own trees, which carry its digest or name its commit.
const LEFT_OUT: &[&str] = &["buildroot", "yocto"];
/// What must be in it, from its folder.
const HELD: &[&str] = &[
    ".cargo/config.toml",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "VENDOR/",
    "edge-agent/Cargo.toml",
    "edge-ebpf/dist/PROVENANCE.toml",
    "edge-ebpf/dist/edge-ebpf.o",
    "packaging/S60edge-agent",
    "packaging/edge-agent.service",
    "packaging/edge-agent.toml",
];

/// Puts what git has of `paths` in the commit HEAD into `folder`, which is made anew.
///
/// # Errors
/// No git work tree, or a path that the commit does not have.
pub(super) fn check_out(workspace: &Workspace, paths: &[String], folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let tar = folder.with_extension("tar");
    let mut git = workspace.git();
    git.args(["archive", "--format=tar", "--output"]).arg(&tar).args(["HEAD", "--"]).args(paths);
    process::run(&mut git)?;
    archive::unpack(&tar, folder)?;
    Ok(fs::remove_file(tar)?)
}

/// The paths of the sources, as git takes them.
fn paths() -> Vec<String> {
    [".".to_owned()].into_iter().chain(LEFT_OUT.iter().map(|path| format!(":!{path}"))).collect()
}

/// Makes the folder of the archive in `work`: the sources, their crates, and the configuration that joins them.
///
/// # Errors
/// A crate that is not the index's, or that cannot be fetched.
pub(super) fn assemble(workspace: &Workspace, release: &Release, work: &Path) -> Result<PathBuf> {
    let folder = work.join(release.folder("edge-agent"));
    check_out(workspace, &paths(), &folder)?;
    only_index(&Lock::read(&fs::read_to_string(folder.join("Cargo.lock"))?)?)?;
    let mut cargo = process::cargo();
    // A mirror that this machine is told to use is used; what cargo prints, which would name it, is not.
    cargo.args(["vendor", "--quiet", "--locked", "--versioned-dirs", "--respect-source-config", VENDOR]);
    process::capture(cargo.current_dir(&folder))?;
    let needed = prune::needed(&folder)?;
    let vendor = folder.join(VENDOR);
    let emptied = prune::prune(&vendor, &needed)?;
    println!(
        "{} crates, {emptied} of them emptied: no Linux build compiles them",
        fs::read_dir(&vendor)?.count()
    );
    let mut config =
        fs::OpenOptions::new().append(true).create(true).open(folder.join(".cargo/config.toml"))?;
    config.write_all(CONFIG.as_bytes())?;
    Ok(folder)
}

/// Refuses a crate that comes from elsewhere: [`CONFIG`] stands in for the index alone.
fn only_index(lock: &Lock) -> Result<()> {
    for package in &lock.packages {
        if let Some(source) = package.source.as_ref().filter(|source| !source.contains(INDEX)) {
            bail!("{} {} comes from {source}, not from the index", package.name, package.version);
        }
    }
    Ok(())
}

/// Packs the folder that [`assemble`] made, and looks at what is in it.
///
/// # Errors
/// An archive that lacks what it is for, or holds what it must not.
pub(super) fn pack(release: &Release, work: &Path, out: &Path) -> Result<()> {
    let folder = release.folder("edge-agent");
    archive::pack(work, &folder, release.epoch, out)?;
    inspect(&folder, &archive::names(out)?)
}

/// Compares the names in an archive whose folder is `folder` with [`HELD`] and [`LEFT_OUT`].
fn inspect(folder: &str, names: &[String]) -> Result<()> {
    let inside = |path: &str| format!("{folder}/{path}");
    for path in HELD {
        ensure!(names.contains(&inside(path)), "the archive has no {path}");
    }
    for path in LEFT_OUT {
        let prefix = inside(&format!("{path}/"));
        ensure!(!names.iter().any(|name| name.starts_with(&prefix)), "the archive has {path}/");
    }
    if let Some(stray) = names.iter().find(|name| !name.starts_with(&inside(""))) {
        bail!("the archive has {stray}, outside of {folder}/");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::scratch;

    /// The names of a good archive.
    fn good() -> Vec<String> {
        [String::new()]
            .into_iter()
            .chain(HELD.iter().map(|&path| path.to_owned()))
            .map(|path| format!("e-1/{path}"))
            .collect()
    }

    #[test]
    fn an_archive_that_lacks_or_adds_something_is_refused() {
        inspect("e-1", &good()).unwrap();
        for (index, path) in HELD.iter().enumerate() {
            let mut names = good();
            names.remove(index + 1);
            assert_eq!(inspect("e-1", &names).unwrap_err().to_string(), format!("the archive has no {path}"));
        }
        for stray in ["e-1/buildroot/Config.in", "e-1/yocto/README.md", "./e-1/", "e-2/x"] {
            let mut names = good();
            names.push(stray.to_owned());
            assert!(inspect("e-1", &names).is_err(), "{stray}");
        }
    }

    #[test]
    fn the_commit_is_unpacked_without_the_trees_of_build_systems() {
        let scratch = scratch("sources");
        let folder = scratch.join("e-1");
        check_out(&Workspace::locate().unwrap(), &paths(), &folder).unwrap();
        let made_later = |path: &&&str| **path != "VENDOR/";
        for path in HELD.iter().filter(made_later) {
            assert!(folder.join(path).is_file(), "{path}");
        }
        assert!(!folder.join("buildroot").exists() && !folder.join("yocto").exists());
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn a_crate_from_elsewhere_is_refused() {
        let lock = "[[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"git+https://example.org/b\"\n";
        let error = only_index(&Lock::read(lock).unwrap()).unwrap_err().to_string();
        assert!(error.contains("b 1.0.0 comes from git+https://example.org/b"), "{error}");
        only_index(
            &Lock::read(
                &lock.replace("git+https://example.org/b", "registry+https://example.org/crates.io-index"),
            )
            .unwrap(),
        )
        .unwrap();
    }

    #[test]
    fn the_configuration_replaces_the_index_and_names_no_place() {
        let table: toml::Table = toml::from_str(CONFIG).unwrap();
        let index = table["source"]["crates-io"].as_table().unwrap();
        let replacement = index["replace-with"].as_str().unwrap();
        assert_eq!(table["source"][replacement]["directory"].as_str(), Some(VENDOR));
        assert_eq!(index.len(), 1);
    }
}
