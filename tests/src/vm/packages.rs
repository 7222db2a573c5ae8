//! A Debian program with the libraries it needs, for guests that compare it with ours, kept in the cache.
//!
//! A cached package is a folder `packages/<arch>-<name>/` with `tree`, the unpacked packages, and `RESOLVED`, which says
//! what was taken. One that is there is never looked up again. Nothing is installed: no script of a package runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Arch;
use super::debian::{Mirror, Suites};
use super::error::VmError;
use super::initramfs::Placed;
use super::kernels::{Scratch, publish};

/// The release the packages are of: that of the `BusyBox` in the guests.
const SUITE: &str = "bookworm";
/// Folders whose files are programs.
const PROGRAMS: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];
/// Folders whose direct entries may be libraries, besides the folder of the architecture in each.
const LIBRARIES: [&str; 2] = ["lib", "usr/lib"];

/// A package in the cache, with the libraries it needs.
#[derive(Clone, Debug)]
pub struct PackageFiles {
    /// The unpacked packages.
    tree: PathBuf,
    /// What was taken: name and version of each package that was asked for, without its libraries.
    pub resolved: String,
}

/// Makes sure that `package` and its libraries are in the cache; `report` gets a line when they are fetched.
pub fn fetch_package(
    arch: Arch,
    package: &str,
    report: &mut dyn FnMut(&str),
) -> Result<PackageFiles, VmError> {
    ensure(arch, package, &[package], &["Depends"], report)
}

/// The same for several packages together, under a name of their own, with the libraries that they and those libraries need before they can be
/// configured, too: all that a root file system needs.
pub fn fetch_packages(
    arch: Arch,
    name: &str,
    packages: &[&str],
    report: &mut dyn FnMut(&str),
) -> Result<PackageFiles, VmError> {
    ensure(arch, name, packages, &["Depends", "Pre-Depends"], report)
}

/// Makes sure that `packages` and the libraries in these fields are in the cache under `name`.
fn ensure(
    arch: Arch,
    name: &str,
    packages: &[&str],
    fields: &[&str],
    report: &mut dyn FnMut(&str),
) -> Result<PackageFiles, VmError> {
    // One at a time: apt locks its folders.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = crate::cache_dir();
    let folder = cache.join("packages").join(format!("{arch}-{name}"));
    let note = folder.join("RESOLVED");
    if !holds(&fs::read_to_string(&note).unwrap_or_default(), packages) {
        report(&format!("fetching {name} for {arch}"));
        fetch(&cache, &folder, arch, packages, fields)?;
    }
    let resolved = fs::read_to_string(&note).map_err(VmError::file("reading", &note))?;
    Ok(PackageFiles { tree: folder.join("tree"), resolved: resolved.trim().to_owned() })
}

/// Whether what was taken is all of what is wanted now.
fn holds(resolved: &str, packages: &[&str]) -> bool {
    let taken: Vec<&str> = resolved.lines().filter_map(|line| line.split(' ').next()).collect();
    packages.iter().all(|name| taken.contains(name))
}

/// Fetches packages and their libraries into `folder`, which appears only when complete.
fn fetch(cache: &Path, folder: &Path, arch: Arch, wanted: &[&str], fields: &[&str]) -> Result<(), VmError> {
    let suites = Suites::update(cache, &Mirror::discover()?, &[SUITE], arch)?;
    let mut packages: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
    let (mut next, mut resolved) = (0, String::new());
    while let Some(name) = packages.get(next) {
        let paragraph = suites.show(name)?;
        if next < wanted.len() {
            let version = paragraph.field("Version").unwrap_or("(unknown)");
            resolved.extend([name.as_str(), " ", version, "\n"]);
        }
        let needed = fields.iter().flat_map(|field| paragraph.names_in(field));
        for library in needed.filter(|name| name.starts_with("lib")) {
            if !packages.contains(&library) {
                packages.push(library);
            }
        }
        next += 1;
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let work = Scratch::create(&cache.join("packages"), &name)?;
    suites.unpack(&packages, &work.0.join("tree"))?;
    let path = work.0.join("RESOLVED");
    fs::write(&path, resolved).map_err(VmError::file("writing", &path))?;
    publish(&work.0, folder)
}

impl PackageFiles {
    /// The folder that holds everything, as it was packed.
    #[must_use]
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// The files a guest gets: programs, configuration below `/etc`, and libraries that lie where the loader looks.
    pub fn placed(&self) -> Result<Vec<Placed>, VmError> {
        let mut placed = Vec::new();
        for folder in PROGRAMS {
            for path in files(&self.tree.join(folder))? {
                placed.push(self.place(&path, 0o755)?);
            }
        }
        self.configuration(&self.tree.join("etc"), &mut placed)?;
        let mut libraries = BTreeMap::new();
        for folder in LIBRARIES.map(|folder| self.tree.join(folder)) {
            add_libraries(&folder, &mut libraries)?;
            for place in folders(&folder)?.iter().filter(|place| is_of_architecture(place)) {
                add_libraries(place, &mut libraries)?;
            }
        }
        for path in libraries.into_values().flatten() {
            placed.push(self.place(&path, 0o755)?);
        }
        Ok(placed)
    }

    /// Adds all files below `folder`.
    fn configuration(&self, folder: &Path, placed: &mut Vec<Placed>) -> Result<(), VmError> {
        for path in files(folder)? {
            // auditd refuses configuration that others may read or write.
            placed.push(self.place(&path, 0o640)?);
        }
        for folder in folders(folder)? {
            self.configuration(&folder, placed)?;
        }
        Ok(())
    }

    /// A file of the tree as a file of a guest; a link becomes what it leads to.
    fn place(&self, path: &Path, permissions: u32) -> Result<Placed, VmError> {
        let content = fs::read(path).map_err(VmError::file("reading", path))?;
        let inside = path.strip_prefix(&self.tree).unwrap_or(path);
        Ok(Placed { path: format!("/{}", inside.display()), permissions, content })
    }
}

/// Adds the libraries directly in `folder` to those known by the file behind them. Where links lead to a file, programs
/// ask for it by them, so that it needs no entry under its own name.
fn add_libraries(folder: &Path, libraries: &mut BTreeMap<PathBuf, Vec<PathBuf>>) -> Result<(), VmError> {
    for path in files(folder)? {
        let is_library =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".so."));
        let Ok(real) = path.canonicalize() else { continue };
        if !is_library {
            continue;
        }
        let names = libraries.entry(real.clone()).or_default();
        let own = |name: &PathBuf| name.canonicalize().is_ok_and(|real| real == *name);
        names.push(path);
        if names.len() > 1 {
            names.retain(|name| !own(name));
        }
    }
    Ok(())
}

/// Whether a folder is called by an architecture, as `aarch64-linux-gnu` is.
fn is_of_architecture(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-gnu"))
}

/// The files, and links to files, directly in `folder`; none where there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, VmError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

/// The folders, not links to them, directly in `folder`; none where there is no such folder.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, VmError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir() && !path.is_symlink()).collect())
}

/// What lies directly in `folder`, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, VmError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(VmError::file("listing", folder))? {
        paths.push(entry.map_err(VmError::file("listing", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_grew_is_fetched_again() {
        assert!(holds("dash 0.5\ncron 3.0\n", &["cron", "dash"]));
        assert!(!holds("dash 0.5\n", &["dash", "cron"]));
        assert!(!holds("", &["dash"]));
    }

    use std::os::unix::fs::symlink;

    #[test]
    fn programs_configuration_and_libraries_are_taken_and_each_library_once() {
        let scratch = crate::Scratch::folder("packages").unwrap();
        let tree = scratch.path().canonicalize().unwrap();
        for folder in ["sbin", "etc/audit/plugins.d", "usr/share/doc", "usr/lib/arm-linux-gnueabihf/gconv"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        let library = tree.join("usr/lib/arm-linux-gnueabihf");
        for path in ["sbin/auditd", "etc/audit/auditd.conf", "usr/share/doc/x", "etc/audit/plugins.d/a.conf"]
        {
            fs::write(tree.join(path), path).unwrap();
        }
        for name in ["libz.so.1.2", "libc.so.6", "notes.txt", "gconv/UTF-7.so"] {
            fs::write(library.join(name), name).unwrap();
        }
        symlink("libz.so.1.2", library.join("libz.so.1")).unwrap();
        symlink("nowhere", library.join("libgone.so.1")).unwrap();

        let package = PackageFiles { tree, resolved: String::new() };
        let placed = package.placed().unwrap();
        let paths: Vec<&str> = placed.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/sbin/auditd",
                "/etc/audit/auditd.conf",
                "/etc/audit/plugins.d/a.conf",
                "/usr/lib/arm-linux-gnueabihf/libc.so.6",
                "/usr/lib/arm-linux-gnueabihf/libz.so.1",
            ]
        );
        assert_eq!(placed.last().unwrap().content, b"libz.so.1.2");
        assert_eq!((placed[0].permissions, placed[1].permissions), (0o755, 0o640));
    }
}
