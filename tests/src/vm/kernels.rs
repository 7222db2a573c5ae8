//! The kernels of the support matrix, from Debian's own packages, kept in the cache.
//!
//! A cached kernel is a folder `kernels/<arch>-<series>/` with `vmlinuz`, `config`, `modules/NN-<name>.ko` and
//! `disk-modules/NN-<name>.ko` in loading order, and `RESOLVED`, which says what was taken. A kernel that is there is never looked up again: runs after the
//! first need no network and use the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::debian::{Mirror, Suites};
use super::error::VmError;
use super::modules::Module;
use super::{Arch, Kernel, modules};

/// A kernel in the cache, ready to boot.
#[derive(Clone, Debug)]
pub struct KernelFiles {
    /// The architecture.
    pub arch: Arch,
    /// The series.
    pub kernel: Kernel,
    /// The folder that holds it.
    pub folder: PathBuf,
    /// What was taken: package and version, as written in `RESOLVED`.
    pub resolved: String,
}

impl KernelFiles {
    /// The kernel image.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    /// The modules' files, in the order in which they must be loaded.
    pub(super) fn modules(&self) -> Result<Vec<PathBuf>, VmError> {
        self.listed("modules")
    }

    /// Those that a guest with a disk loads after them.
    pub(super) fn disk_modules(&self) -> Result<Vec<PathBuf>, VmError> {
        self.listed("disk-modules")
    }

    /// The files of one of the folders, in order.
    fn listed(&self, folder: &str) -> Result<Vec<PathBuf>, VmError> {
        let folder = self.folder.join(folder);
        let entries = fs::read_dir(&folder).map_err(VmError::file("listing", &folder))?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(VmError::file("listing", &folder))?.path());
        }
        paths.sort();
        Ok(paths)
    }
}

/// Makes sure that the kernels of `wanted` are in the cache, and `BusyBox` of their architectures; what is there is not
/// fetched again. `report` gets one line per thing that is fetched.
pub fn fetch_kernels(
    wanted: &[(Arch, Kernel)],
    report: &mut dyn FnMut(&str),
) -> Result<Vec<KernelFiles>, VmError> {
    // One at a time: apt locks its folders, and two guests of one architecture want the same BusyBox.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = crate::cache_dir();
    let mut files = Vec::new();
    for &(arch, kernel) in wanted {
        let folder = cache.join("kernels").join(format!("{arch}-{kernel}"));
        if !is_complete(&folder) {
            report(&format!("fetching Linux {kernel} for {arch}"));
            let release = fetch_kernel(&cache, &folder, arch, kernel)?;
            report(&format!("Linux {kernel} for {arch} is {release}"));
        }
        if !busybox_path(&cache, arch).exists() {
            report(&format!("fetching BusyBox for {arch}"));
            fetch_busybox(&cache, arch)?;
        }
        let path = folder.join("RESOLVED");
        let resolved = fs::read_to_string(&path).map_err(VmError::file("reading", &path))?;
        files.push(KernelFiles { arch, kernel, folder, resolved });
    }
    Ok(files)
}

/// Where the cache keeps the static `BusyBox` of an architecture.
pub(super) fn busybox_path(cache: &Path, arch: Arch) -> PathBuf {
    cache.join("busybox").join(arch.name())
}

/// Whether a cached kernel holds what this version of the harness wants.
fn is_complete(folder: &Path) -> bool {
    let resolved = fs::read_to_string(folder.join("RESOLVED")).unwrap_or_default();
    resolved.lines().any(|line| line == wanted_line())
}

/// The line of `RESOLVED` that changes when the harness wants other modules.
fn wanted_line() -> String {
    format!("modules {}, {}", modules::WANTED.join(" "), modules::FOR_DISKS.join(" "))
}

/// The suites that carry a series; where there is a security suite, the newest of both is taken.
const fn suites(kernel: Kernel) -> &'static [&'static str] {
    match kernel {
        Kernel::V5_10 => &["bullseye", "bullseye-security"],
        Kernel::V6_1 => &["bookworm", "bookworm-security"],
        Kernel::V6_12 => &["bookworm-backports"],
        Kernel::V7_2 => &["forky"],
    }
}

/// What Debian appends to the release of the plain kernel of an architecture.
const fn flavour(arch: Arch) -> &'static str {
    match arch {
        Arch::Arm64 => "-arm64",
        Arch::Armhf => "-armmp",
    }
}

/// How many versions are tried, newest first: mirrors that are mid-way through an update, or that have moved an old
/// suite to the archive, list files they lack. A miss costs one request.
const ATTEMPTS: usize = 12;

/// Fetches the newest kernel of a series that the mirror really has into `folder`.
fn fetch_kernel(cache: &Path, folder: &Path, arch: Arch, kernel: Kernel) -> Result<String, VmError> {
    let suites = Suites::update(cache, &Mirror::discover()?, suites(kernel), arch)?;
    let prefix = format!("linux-image-{kernel}");
    let candidates = newest_first(&suites.names(&prefix)?, arch, kernel);
    let mut failure = None;
    for release in candidates.into_iter().take(ATTEMPTS) {
        match fetch_release(cache, &suites, folder, (arch, kernel), &release) {
            Ok(()) => return Ok(release),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| suites.lacks(&prefix)))
}

/// The releases among package names that are plain kernels of the series, newest first.
fn newest_first(packages: &str, arch: Arch, kernel: Kernel) -> Vec<String> {
    let numbers = |release: &str| -> Vec<u32> {
        release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    let releases = packages.lines().filter_map(|name| name.trim().strip_prefix("linux-image-"));
    let mut releases: Vec<String> = releases
        .filter(|release| is_of_series(release, kernel))
        .filter(|release| {
            // `-rt`, `-cloud` and `-16k` are flavours of their own; before ours stands only the ABI number, if any.
            release.strip_suffix(flavour(arch)).is_some_and(|version| {
                version.rsplit_once('-').is_none_or(|(_, abi)| abi.bytes().all(|byte| byte.is_ascii_digit()))
            })
        })
        .map(str::to_owned)
        .collect();
    releases.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
    releases
}

/// Fetches one release into `folder`, which appears only when complete.
fn fetch_release(
    cache: &Path,
    suites: &Suites,
    folder: &Path,
    (arch, kernel): (Arch, Kernel),
    release: &str,
) -> Result<(), VmError> {
    let image = format!("linux-image-{release}");
    let paragraph = suites.show(&image)?;
    // Since Linux 7 the image and the modules are packages of their own that `linux-image-*` depends on.
    let mut packages = vec![image.clone()];
    packages.extend(paragraph.depends().into_iter().filter(|name| {
        name.ends_with(release) && (name.starts_with("linux-binary-") || name.starts_with("linux-modules-"))
    }));

    let work = Scratch::create(&cache.join("kernels"), &format!("{arch}-{kernel}"))?;
    let tree = work.0.join("tree");
    suites.unpack(&packages, &tree)?;
    let ready = work.0.join("ready");
    fs::create_dir_all(&ready).map_err(VmError::file("creating", &ready))?;
    let image_places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    copy_first(&tree, &image_places, &ready.join("vmlinuz"))
        .ok_or_else(|| VmError::Incomplete { package: image.clone(), missing: "vmlinuz".to_owned() })??;
    let config_places = [format!("boot/config-{release}"), format!("usr/lib/modules/{release}/config")];
    // The configuration is for people who wonder what the kernel can do; guests boot without it.
    if let Some(copied) = copy_first(&tree, &config_places, &ready.join("config")) {
        copied?;
    }
    let always = modules::collect(&tree, &modules::WANTED)?;
    let is_there = |module: &Module| always.iter().any(|other| other.name == module.name);
    let mut more = modules::collect(&tree, &modules::FOR_DISKS)?;
    more.retain(|module| !is_there(module));
    write_modules(&ready.join("modules"), &always)?;
    write_modules(&ready.join("disk-modules"), &more)?;
    let version = paragraph.field("Version").unwrap_or("(unknown)");
    let resolved = format!("package {image}\nversion {version}\n{}\n", wanted_line());
    let path = ready.join("RESOLVED");
    fs::write(&path, resolved).map_err(VmError::file("writing", &path))?;
    publish(&ready, folder)
}

/// Writes modules into a folder, numbered.
fn write_modules(folder: &Path, modules: &[Module]) -> Result<(), VmError> {
    fs::create_dir_all(folder).map_err(VmError::file("creating", folder))?;
    for (index, module) in modules.iter().enumerate() {
        let path = folder.join(format!("{index:02}-{}.ko", module.name));
        fs::write(&path, &module.object).map_err(VmError::file("writing", &path))?;
    }
    Ok(())
}

/// Fetches the static `BusyBox` of an architecture.
fn fetch_busybox(cache: &Path, arch: Arch) -> Result<(), VmError> {
    let suites = Suites::update(cache, &Mirror::discover()?, &["bookworm"], arch)?;
    let work = Scratch::create(&cache.join("busybox"), arch.name())?;
    suites.unpack(&["busybox-static".to_owned()], &work.0)?;
    publish(&work.0.join("bin/busybox"), &busybox_path(cache, arch))
}

/// Whether a release such as `5.10.0-46-arm64` belongs to the series.
fn is_of_series(release: &str, kernel: Kernel) -> bool {
    release.strip_prefix(kernel.name()).is_some_and(|rest| rest.starts_with(['.', '-', '+']))
}

/// Copies the first of `places` that exists below `tree`; `None` when none does.
fn copy_first(tree: &Path, places: &[String], target: &Path) -> Option<Result<(), VmError>> {
    let source = places.iter().map(|place| tree.join(place)).find(|path| path.is_file())?;
    Some(fs::copy(&source, target).map(drop).map_err(VmError::file("copying", source)))
}

/// Moves a finished file or folder to its place in one step; an older one is replaced.
pub(super) fn publish(ready: &Path, place: &Path) -> Result<(), VmError> {
    if place.is_dir() {
        fs::remove_dir_all(place).map_err(VmError::file("removing", place))?;
    }
    fs::rename(ready, place).map_err(VmError::file("placing", place))
}

/// A folder for work in progress, removed at the end whatever happens.
#[derive(Debug)]
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    /// Creates a folder below `parent` (same file system as its products) that no other process uses.
    pub(super) fn create(parent: &Path, name: &str) -> Result<Self, VmError> {
        let path = parent.join(format!(".{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(VmError::file("creating", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What remains is only space, below a hidden name; there is no one to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_not_a_prefix_of_another() {
        assert!(is_of_series("6.1.0-40-arm64", Kernel::V6_1));
        assert!(!is_of_series("6.12.95+deb12-arm64", Kernel::V6_1));
        assert!(is_of_series("6.12.95+deb12-arm64", Kernel::V6_12));
        assert!(is_of_series("7.2.12+deb14-armmp", Kernel::V7_2));
    }

    #[test]
    fn candidates_are_plain_kernels_newest_first() {
        let names = "linux-image-6.12.9+deb12-arm64\nlinux-image-6.12.95+deb12-rt-arm64\n\
                     linux-image-6.12.95+deb12-arm64\nlinux-image-6.12.95+deb12-arm64-16k\nlinux-image-arm64\n\
                     linux-image-6.12.90+deb12.1-arm64\nlinux-image-6.12.95+deb12-arm64-unsigned\n";
        let found = newest_first(names, Arch::Arm64, Kernel::V6_12);
        assert_eq!(found, ["6.12.95+deb12-arm64", "6.12.90+deb12.1-arm64", "6.12.9+deb12-arm64"]);
        let names =
            "linux-image-5.10.0-9-armmp\nlinux-image-5.10.0-46-armmp\nlinux-image-5.10.0-46-armmp-lpae\n";
        assert_eq!(newest_first(names, Arch::Armhf, Kernel::V5_10), ["5.10.0-46-armmp", "5.10.0-9-armmp"]);
        assert!(newest_first(names, Arch::Armhf, Kernel::V7_2).is_empty());
    }

    #[test]
    fn a_kernel_without_the_wanted_modules_is_fetched_again() {
        let work = Scratch::create(&std::env::temp_dir(), "edge-kernels-test").unwrap();
        assert!(!is_complete(&work.0));
        fs::write(work.0.join("RESOLVED"), "package x\nmodules something else\n").unwrap();
        assert!(!is_complete(&work.0));
        fs::write(work.0.join("RESOLVED"), format!("package x\n{}\n", wanted_line())).unwrap();
        assert!(is_complete(&work.0));
    }
}
