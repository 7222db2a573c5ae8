//! The crates that reach the kernel object, read from `Cargo.lock`: only these make the object stale, so that a new
//! dependency of the agent does not.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One crate of the closure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    /// Its name.
    pub(super) name: String,
    /// Its exact version.
    pub(super) version: String,
    /// The registry's checksum; empty for a crate of this workspace.
    pub(super) checksum: String,
}

/// `Cargo.lock`, as far as it is needed.
#[derive(Deserialize)]
struct Lock {
    /// Every package of the workspace and of its dependencies.
    package: Vec<Package>,
}

/// One entry of the lock file.
#[derive(Deserialize)]
struct Package {
    /// Its name.
    name: String,
    /// Its exact version.
    version: String,
    /// Absent for a crate of this workspace.
    checksum: Option<String>,
    /// `name`, or `name version` where several versions exist.
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Everything that `root` is built from, without the crates that only its tests use.
///
/// `manifests` maps the name of every workspace crate to the text of its `Cargo.toml`: the lock file does not tell test
/// dependencies of a workspace crate from others. Optional dependencies of workspace crates are left out.
///
/// # Errors
/// A lock file or manifest that is not TOML, or that does not know `root`.
pub(super) fn closure(
    lock: &str,
    root: &str,
    manifests: &BTreeMap<String, String>,
) -> Result<BTreeSet<Crate>> {
    let lock: Lock = toml::from_str(lock).context("Cargo.lock")?;
    let mut found = BTreeSet::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(wanted) = waiting.pop() {
        let package =
            find(&lock, &wanted).with_context(|| format!("Cargo.lock has no package `{wanted}`"))?;
        let entry = Crate {
            name: package.name.clone(),
            version: package.version.clone(),
            checksum: package.checksum.clone().unwrap_or_default(),
        };
        if !found.insert(entry) {
            continue;
        }
        let used = match manifests.get(&package.name) {
            Some(manifest) if package.checksum.is_none() => Some(built_dependencies(manifest)?),
            _ => None,
        };
        let is_used = |name: &str| used.as_ref().is_none_or(|used| used.contains(name));
        waiting.extend(package.dependencies.iter().filter(|line| is_used(name_of(line))).cloned());
    }
    Ok(found)
}

/// The package that a dependency line (`name` or `name version`) means.
fn find<'a>(lock: &'a Lock, line: &str) -> Option<&'a Package> {
    let version = line.split(' ').nth(1);
    lock.package.iter().find(|package| {
        package.name == name_of(line) && version.is_none_or(|version| package.version == version)
    })
}

/// The name in a dependency line.
fn name_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// Names of the packages that a manifest's own code or build script uses, on whatever target.
fn built_dependencies(manifest: &str) -> Result<BTreeSet<String>> {
    let manifest: toml::Table = toml::from_str(manifest).context("a crate's Cargo.toml")?;
    let mut names = BTreeSet::new();
    collect(&manifest, &mut names);
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table) {
        collect(target, &mut names);
    }
    Ok(names)
}

/// Adds the non-optional entries of the dependency tables in `table`.
fn collect(table: &toml::Table, names: &mut BTreeSet<String>) {
    for kind in ["dependencies", "build-dependencies"] {
        for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
            let optional = value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
            if !optional {
                names.insert(value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "kernel"
        version = "0.1.0"
        dependencies = ["abi", "proptest", "shared 1.0.0"]
        [[package]]
        name = "abi"
        version = "0.1.0"
        dependencies = ["user-side"]
        [[package]]
        name = "shared"
        version = "1.0.0"
        checksum = "c1"
        [[package]]
        name = "shared"
        version = "2.0.0"
        checksum = "c2"
        [[package]]
        name = "proptest"
        version = "1.0.0"
        checksum = "c3"
        dependencies = ["shared 2.0.0"]
        [[package]]
        name = "user-side"
        version = "1.0.0"
        checksum = "c4"
    "#;

    fn manifests() -> BTreeMap<String, String> {
        let kernel = r#"
            [dependencies]
            abi = { path = "../abi" }
            [target.'cfg(target_arch = "bpf")'.dependencies]
            shared = "1"
            [dev-dependencies]
            proptest = "1"
        "#;
        let abi = "[dependencies]\nuser-side = { version = \"1\", optional = true }\n";
        BTreeMap::from([("kernel".to_owned(), kernel.to_owned()), ("abi".to_owned(), abi.to_owned())])
    }

    #[test]
    fn tests_and_optional_parts_stay_out() {
        let crates = closure(LOCK, "kernel", &manifests()).unwrap();
        let lines: Vec<_> =
            crates.iter().map(|one| format!("{} {} {}", one.name, one.version, one.checksum)).collect();
        assert_eq!(lines, ["abi 0.1.0 ", "kernel 0.1.0 ", "shared 1.0.0 c1"]);
    }

    #[test]
    fn an_unknown_root_is_named() {
        assert!(closure(LOCK, "absent", &manifests()).unwrap_err().to_string().contains("`absent`"));
    }
}
