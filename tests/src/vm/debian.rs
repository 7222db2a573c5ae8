//! Packages of another Debian release or architecture, without touching the machine's own package lists.
//!
//! apt gets a lists folder of its own per release and architecture, so no foreign architecture is added to the machine
//! and an index that is being synchronised breaks nothing else. The mirror is the one the machine already uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Arch;
use super::error::VmError;
use crate::ToolError;
use crate::tool::Tool;

/// Fetches packages.
const APT_GET: Tool = Tool { program: "apt-get", package: "apt" };
/// Reads package lists.
const APT_CACHE: Tool = Tool { program: "apt-cache", package: "apt" };
/// Unpacks packages.
const DPKG_DEB: Tool = Tool { program: "dpkg-deb", package: "dpkg" };
/// The keys Debian signs its releases with.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The archives of the machine's mirror.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mirror {
    /// Base address of the main archive.
    main: String,
    /// Base address of the security archive; without one only the main archive is used.
    security: Option<String>,
}

impl Mirror {
    /// Learns the mirror from `EDGE_DEBIAN_MIRROR` and `EDGE_DEBIAN_SECURITY_MIRROR`, else from the machine's apt.
    pub(super) fn discover() -> Result<Self, VmError> {
        if let Ok(main) = std::env::var("EDGE_DEBIAN_MIRROR") {
            return Ok(Self { main, security: std::env::var("EDGE_DEBIAN_SECURITY_MIRROR").ok() });
        }
        let path = Path::new("/etc/os-release");
        let os_release = fs::read_to_string(path).map_err(VmError::file("reading", path))?;
        let release = codename(&os_release).unwrap_or("(unknown)");
        let mut command =
            APT_GET.command(["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]);
        let targets = APT_GET.output(&mut command)?;
        Self::choose(&String::from_utf8_lossy(&targets), release)
            .ok_or_else(|| VmError::NoMirror { release: release.to_owned() })
    }

    /// Picks the archives from lines of release and address.
    fn choose(targets: &str, release: &str) -> Option<Self> {
        let address = |wanted: &str| {
            let mut lines = targets.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(name, _)| *name == wanted)
                .map(|(_, address)| address.trim_end_matches('/').to_owned())
        };
        Some(Self { main: address(release)?, security: address(&format!("{release}-security")) })
    }

    /// The `sources.list` for `suites`: those that end in `-security` come from the security archive.
    fn sources(&self, suites: &[&str]) -> String {
        let line = |suite: &&str| {
            let address = if suite.ends_with("-security") { self.security.as_ref()? } else { &self.main };
            Some(format!("deb [signed-by={KEYRING}] {address} {suite} main\n"))
        };
        suites.iter().filter_map(line).collect()
    }
}

/// The base addresses of this machine's Debian archives: the main one, and that of security updates if there is one.
///
/// # Errors
/// An apt whose sources name no Debian mirror.
pub fn mirror() -> Result<(String, Option<String>), VmError> {
    Mirror::discover().map(|mirror| (mirror.main, mirror.security))
}

/// `VERSION_CODENAME` of an os-release file.
fn codename(os_release: &str) -> Option<&str> {
    os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"'))
}

/// Package lists of some suites for one architecture.
#[derive(Debug)]
pub(super) struct Suites {
    /// apt's folders for this release and architecture.
    folder: PathBuf,
    /// The architecture.
    arch: Arch,
    /// The suites, for messages.
    names: String,
    /// What apt complained about while fetching the lists. It keeps the lists it did get, and one of several suites
    /// may be without this architecture or be mid-way through an update: it matters only when nothing is found.
    trouble: Option<ToolError>,
}

impl Suites {
    /// Fetches the lists of `suites` for `arch` into a folder below `cache`.
    pub(super) fn update(
        cache: &Path,
        mirror: &Mirror,
        suites: &[&str],
        arch: Arch,
    ) -> Result<Self, VmError> {
        let names = suites.join("+");
        let folder = cache.join("apt").join(format!("{names}-{arch}"));
        for part in ["lists/partial", "archives/partial"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(VmError::file("creating", &path))?;
        }
        for (file, content) in [("sources.list", mirror.sources(suites)), ("status", String::new())] {
            let path = folder.join(file);
            fs::write(&path, content).map_err(VmError::file("writing", &path))?;
        }
        let mut suites = Self { folder, arch, names, trouble: None };
        suites.trouble = APT_GET.output(suites.options(&mut APT_GET.command(["update", "-q"]))).err();
        Ok(suites)
    }

    /// The error for a package (or the beginning of its name) that is in no list.
    pub(super) fn lacks(self, package: &str) -> VmError {
        match self.trouble {
            Some(trouble) => trouble.into(),
            None => VmError::NoPackage { package: package.to_owned(), arch: self.arch, suites: self.names },
        }
    }

    /// The names of all packages that start with `prefix`, one a line.
    pub(super) fn names(&self, prefix: &str) -> Result<String, VmError> {
        let mut command = APT_CACHE.command(["pkgnames", prefix]);
        let names = APT_CACHE.output(self.options(&mut command))?;
        Ok(String::from_utf8_lossy(&names).into_owned())
    }

    /// The control paragraph of the newest `package`.
    pub(super) fn show(&self, package: &str) -> Result<Paragraph, VmError> {
        let mut command = APT_CACHE.command(["show", "--no-all-versions", package]);
        let text = APT_CACHE.output(self.options(&mut command))?;
        Ok(Paragraph(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Downloads `packages` and unpacks them, without installing, into `tree`.
    pub(super) fn unpack(&self, packages: &[String], tree: &Path) -> Result<(), VmError> {
        let archives = tree.join("archives");
        fs::create_dir_all(&archives).map_err(VmError::file("creating", &archives))?;
        let mut download = APT_GET.command(["download", "-q"]);
        download.args(packages).current_dir(&archives);
        APT_GET.output(self.options(&mut download))?;
        let entries = fs::read_dir(&archives).map_err(VmError::file("listing", &archives))?;
        for entry in entries {
            let archive = entry.map_err(VmError::file("listing", &archives))?.path();
            DPKG_DEB.output(DPKG_DEB.command(["-x"]).arg(&archive).arg(tree))?;
        }
        fs::remove_dir_all(&archives).map_err(VmError::file("removing", &archives))
    }

    /// Points apt at this folder and architecture.
    fn options<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = |key: &str, name: &str| format!("-o{key}={}", self.folder.join(name).display());
        command
            .arg(path("Dir::State::Lists", "lists"))
            .arg(path("Dir::State::status", "status"))
            .arg(path("Dir::Cache::archives", "archives"))
            .arg(path("Dir::Cache::pkgcache", "pkgcache.bin"))
            .arg(path("Dir::Cache::srcpkgcache", "srcpkgcache.bin"))
            .arg(path("Dir::Etc::SourceList", "sources.list"))
            .arg("-oDir::Etc::SourceParts=/dev/null")
            .arg(format!("-oAPT::Architecture={}", self.arch))
            .arg(format!("-oAPT::Architectures::={}", self.arch))
            // apt would drop to a user that may not write here; the signature check does not depend on it.
            .arg("-oAPT::Sandbox::User=root")
            .arg("-oAcquire::Languages=none")
            .arg("-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false")
            .arg("-oAcquire::Retries=3")
    }
}

/// A package's control paragraph.
#[derive(Debug)]
pub(super) struct Paragraph(String);

impl Paragraph {
    /// The value of a field, without its continuation lines.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The names in `Depends`, without versions; of alternatives the first.
    pub(super) fn depends(&self) -> Vec<String> {
        self.names_in("Depends")
    }

    /// The same of another such field.
    pub(super) fn names_in(&self, field: &str) -> Vec<String> {
        let names = self.field(field).unwrap_or_default().split(',');
        names.filter_map(|item| item.split_whitespace().next()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses as apt prints them; `.invalid` never resolves.
    const TARGETS: &str = "bookworm-security http://mirror.invalid/security/\n\
                           bookworm-updates http://mirror.invalid/debian/\n\
                           bookworm http://mirror.invalid/debian/\n";

    #[test]
    fn the_mirror_is_the_one_of_the_machines_release() {
        let mirror = Mirror::choose(TARGETS, "bookworm").unwrap();
        assert_eq!(mirror.main, "http://mirror.invalid/debian");
        assert_eq!(mirror.security.as_deref(), Some("http://mirror.invalid/security"));
        assert_eq!(Mirror::choose(TARGETS, "noble"), None);
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=\"bookworm\"\n"), Some("bookworm"));
    }

    #[test]
    fn security_suites_need_a_security_archive() {
        let mut mirror = Mirror::choose(TARGETS, "bookworm").unwrap();
        let both = ["bullseye", "bullseye-security"];
        assert_eq!(mirror.sources(&both).lines().count(), 2);
        mirror.security = None;
        assert_eq!(mirror.sources(&both).lines().count(), 1);
    }

    #[test]
    fn depends_lists_names_only() {
        let paragraph = Paragraph("Package: x\nVersion: 7.2.1-1\nDepends: a (= 7.2.1-1), b | c, d\n".into());
        assert_eq!(paragraph.depends(), ["a", "b", "d"]);
        assert_eq!(paragraph.field("Version"), Some("7.2.1-1"));
        assert_eq!(paragraph.field("Vers"), None);
    }
}
