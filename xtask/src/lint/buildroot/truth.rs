//! What the package repeats: version, licences, profile, kernel options, names of files.

use super::{FOLDER, Findings, PACKAGE, text};
use crate::digest::sha256;
use crate::lint::tree::Tree;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

/// The kernel options that the package itself switches on, from the workspace.
const FRAGMENTS: &[&str] = &["packaging/kernel/base.cfg", "packaging/kernel/tracing.cfg"];
/// How the package writes the folder of the tree.
const EXTERNAL: &str = "$(BR2_EXTERNAL_EDGE_AGENT_PATH)/";
/// How it writes that of the sources.
const SOURCES: &str = "$(@D)/";
/// The setting of a profile and its variable.
const PROFILE: &[(&str, &str)] = &[
    ("codegen-units", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS"),
    ("lto", "CARGO_PROFILE_RELEASE_LTO"),
    ("opt-level", "CARGO_PROFILE_RELEASE_OPT_LEVEL"),
    ("panic", "CARGO_PROFILE_RELEASE_PANIC"),
];

/// What is no longer true in `tree`, whose version is `version`.
///
/// # Errors
/// A file that is compared and absent.
pub(super) fn of(tree: &Tree, version: &str) -> Result<Findings> {
    let makefile = text(tree, &format!("{PACKAGE}edge-agent.mk"))?;
    let mut findings = Findings::new();
    let named = variable(makefile, "EDGE_AGENT_VERSION");
    if named != Some(version) {
        findings.push(format!("EDGE_AGENT_VERSION is {}, not {version}", named.unwrap_or("absent")));
    }
    findings.extend(licences(tree, makefile)?);
    findings.extend(options(tree, makefile)?);
    findings.extend(profile(text(tree, "Cargo.toml")?, makefile)?);
    findings.extend(files(tree));
    Ok(findings)
}

/// The value of a variable in one line of a makefile.
fn variable<'a>(makefile: &'a str, name: &str) -> Option<&'a str> {
    makefile.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
}

/// The digests of licences against the files; the archive's is not known before it is made.
fn licences(tree: &Tree, makefile: &str) -> Result<Findings> {
    let hashes = text(tree, &format!("{PACKAGE}edge-agent.hash"))?;
    let found: BTreeSet<_> = hashes.lines().filter(|line| !line.starts_with('#')).collect();
    let mut wanted = BTreeSet::new();
    let files =
        variable(makefile, "EDGE_AGENT_LICENSE_FILES").context("EDGE_AGENT_LICENSE_FILES is absent")?;
    for file in files.split(' ') {
        wanted.insert(format!("sha256  {}  {file}", sha256(text(tree, file)?.as_bytes())));
    }
    let wanted = wanted.iter().map(String::as_str).collect();
    Ok(differences("edge-agent.hash", &found, &wanted))
}

/// The options that the package switches on against the fragments.
fn options(tree: &Tree, makefile: &str) -> Result<Findings> {
    let call = |line: &'_ str| {
        Some(line.trim().strip_prefix("$(call KCONFIG_ENABLE_OPT,")?.strip_suffix(')')?.to_owned())
    };
    let found: BTreeSet<_> = makefile.lines().filter_map(call).collect();
    let mut wanted = BTreeSet::new();
    for path in FRAGMENTS {
        let lines = text(tree, path)?.lines().filter(|line| !line.is_empty());
        let is_remark = |line: &&str| line.starts_with("# ") && !line.ends_with(" is not set");
        for line in lines.filter(|line| !is_remark(line)) {
            wanted.insert(line.strip_suffix("=y").unwrap_or(line).to_owned());
        }
    }
    let (found, wanted) =
        (found.iter().map(String::as_str).collect(), wanted.iter().map(String::as_str).collect());
    Ok(differences("EDGE_AGENT_LINUX_CONFIG_FIXUPS", &found, &wanted))
}

/// The settings of the profile `dist`, in the workspace's `manifest`, against the variables that the package sets.
fn profile(manifest: &str, makefile: &str) -> Result<Findings> {
    let manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml of the workspace")?;
    let dist = manifest.get("profile").and_then(|profiles| profiles.get("dist"));
    let dist = dist.context("Cargo.toml has no profile `dist`")?;
    let mut wanted = BTreeSet::new();
    for (key, variable) in PROFILE {
        let value = dist.get(key).with_context(|| format!("the profile `dist` sets no {key}"))?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        wanted.insert(format!("{variable}={value}"));
    }
    let line = |line: &'_ str| line.trim().trim_end_matches('\\').trim_end().to_owned();
    let found: BTreeSet<_> =
        makefile.lines().map(line).filter(|line| line.starts_with("CARGO_PROFILE_RELEASE_")).collect();
    let (found, wanted) =
        (found.iter().map(String::as_str).collect(), wanted.iter().map(String::as_str).collect());
    Ok(differences("EDGE_AGENT_CARGO_ENV", &found, &wanted))
}

/// Files that the tree names, in itself or in the sources, and that are not there.
fn files(tree: &Tree) -> Findings {
    let mut findings = Findings::new();
    let own = tree.texts.iter().filter(|file| file.path.starts_with(FOLDER));
    for file in own {
        let named = names_after(&file.text, EXTERNAL).map(|name| match name.strip_prefix("../") {
            Some(outside) => outside.to_owned(),
            None => format!("{FOLDER}{name}"),
        });
        for name in named.chain(names_after(&file.text, SOURCES).map(str::to_owned)) {
            // A folder is named without a slash.
            let is_there = |known: &str| {
                known.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            // A pattern, and the folder above the whole, where archives lie.
            let is_no_name = name.contains('*') || name == "..";
            if !is_no_name && !tree.texts.iter().any(|known| is_there(&known.path)) {
                findings.push(format!("{} names {name}, which is not there", file.path));
            }
        }
    }
    findings
}

/// The names that follow `prefix` in `text`.
fn names_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, '"' | ')' | '$');
    text.split(prefix)
        .skip(1)
        .filter_map(move |rest| rest.split(is_end).next())
        .filter(|name| !name.is_empty())
}

/// What `found` in the place `name` has more and less than `wanted`.
fn differences(name: &str, found: &BTreeSet<&str>, wanted: &BTreeSet<&str>) -> Findings {
    let lacks = wanted.difference(found).map(|item| format!("{name} lacks `{item}`"));
    let adds = found.difference(wanted).map(|item| format!("{name} has `{item}`, which nothing asks for"));
    lacks.chain(adds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::TextFile;

    const MAKEFILE: &str = "EDGE_AGENT_VERSION = 1.2.3\nEDGE_AGENT_LICENSE_FILES = LICENSE-MIT\n\
        EDGE_AGENT_CARGO_ENV = \\\n\tCARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \\\n\tCARGO_PROFILE_RELEASE_LTO=fat \\\n\
        \tCARGO_PROFILE_RELEASE_OPT_LEVEL=z \\\n\tCARGO_PROFILE_RELEASE_PANIC=abort\n\
        define EDGE_AGENT_LINUX_CONFIG_FIXUPS\n\t$(call KCONFIG_ENABLE_OPT,CONFIG_BPF)\n\
        \t$(call KCONFIG_ENABLE_OPT,CONFIG_FTRACE)\nendef\n\
        \t$(INSTALL) -D -m 0755 $(@D)/packaging/S60edge-agent \\\n";

    /// A small tree in which everything is true, with `replace.0` replaced by `replace.1` wherever it stands.
    fn findings(replace: (&str, &str)) -> Findings {
        let licence = sha256(b"Permission\n");
        let files = [
            ("buildroot/package/edge-agent/edge-agent.mk", MAKEFILE),
            (
                "buildroot/package/edge-agent/edge-agent.hash",
                &format!("# here\nsha256  {licence}  LICENSE-MIT\n"),
            ),
            (
                "buildroot/configs/x_defconfig",
                "A=\"$(BR2_EXTERNAL_EDGE_AGENT_PATH)/board $(BR2_EXTERNAL_EDGE_AGENT_PATH)/../packaging/kernel/base.cfg\"\n",
            ),
            ("buildroot/board/readme.txt", ""),
            ("packaging/kernel/base.cfg", "# Maps.\nCONFIG_BPF=y\n"),
            ("packaging/kernel/tracing.cfg", "CONFIG_FTRACE=y\n"),
            ("packaging/S60edge-agent", ""),
            ("LICENSE-MIT", "Permission\n"),
            (
                "Cargo.toml",
                "[profile.dist]\ncodegen-units = 1\nlto = \"fat\"\nopt-level = \"z\"\npanic = \"abort\"\n",
            ),
        ];
        let texts = files
            .into_iter()
            .map(|(path, text)| TextFile { path: path.to_owned(), text: text.replace(replace.0, replace.1) })
            .collect();
        of(&Tree { texts }, "1.2.3").unwrap()
    }

    #[test]
    fn what_is_true_is_silent() {
        assert_eq!(findings(("", "")), Findings::new());
    }

    #[test]
    fn whatever_is_no_longer_true_is_named() {
        for (replace, told) in [
            (("VERSION = 1.2.3", "VERSION = 1.2.2"), "EDGE_AGENT_VERSION is 1.2.2, not 1.2.3"),
            (("Permission", "Licence"), "edge-agent.hash lacks"),
            (("# here\n", "sha256  00  edge-1.tar.gz\n"), "which nothing asks for"),
            (("CONFIG_BPF=y", "CONFIG_BPF=y\nCONFIG_NET=y"), "FIXUPS lacks `CONFIG_NET`"),
            (("CONFIG_BPF=y", "# CONFIG_BPF is not set"), "FIXUPS lacks `# CONFIG_BPF is not set`"),
            (("CONFIG_FTRACE=y\n", ""), "FIXUPS has `CONFIG_FTRACE`"),
            (("lto = \"fat\"", "lto = \"thin\""), "CARGO_ENV lacks `CARGO_PROFILE_RELEASE_LTO=thin`"),
            (("codegen-units = 1", "codegen-units = 2"), "lacks `CARGO_PROFILE_RELEASE_CODEGEN_UNITS=2`"),
            (("packaging/S60edge", "packaging/S61edge"), "names packaging/S61edge-agent, which is not there"),
            (("/../packaging/kernel/base.cfg", "/../packaging/base.cfg"), "names packaging/base.cfg"),
            (("/board ", "/boards "), "names buildroot/boards"),
        ] {
            let found = findings(replace).join("; ");
            assert!(found.contains(told), "{replace:?}: {found}");
        }
    }
}
