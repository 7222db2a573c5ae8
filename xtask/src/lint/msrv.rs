//! Every crate that reaches an image must take the oldest compiler in the images we serve. The compiler itself is not
//! needed for that: each crate declares its own oldest.

use crate::build::Target;
use crate::metadata::Metadata;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// The packages whose programs go into images.
const IN_IMAGES: &[&str] = &["edge-agent"];

/// Checks the closure of every package in [`IN_IMAGES`] on both ARM targets.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let manifest = std::fs::read_to_string(workspace.root.join("Cargo.toml"))?;
    let manifest: toml::Table = toml::from_str(&manifest).context("Cargo.toml of the workspace")?;
    let declared = manifest
        .get("workspace")
        .and_then(|table| table.get("package"))
        .and_then(|table| table.get("rust-version"));
    let oldest = declared
        .and_then(toml::Value::as_str)
        .and_then(release)
        .context("the workspace declares no rust-version")?;
    let mut found = BTreeSet::new();
    for triple in Target::ARM.into_iter().filter_map(Target::triple) {
        found.extend(too_new(&Metadata::read(&workspace.root, triple, &[])?, oldest));
    }
    if !found.is_empty() {
        let found: Vec<_> = found.into_iter().collect();
        bail!("newer than {}.{}: {}", oldest.0, oldest.1, found.join(", "));
    }
    Ok(())
}

/// Crates of the closure that declare a newer compiler than `oldest`.
fn too_new(metadata: &Metadata, oldest: (u32, u32)) -> Vec<String> {
    let packages: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<_, _> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let roots = metadata.packages.iter().filter(|package| IN_IMAGES.contains(&package.name.as_str()));
    let mut waiting: Vec<&str> = roots.map(|package| package.id.as_str()).collect();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let Some(package) = packages.get(id) {
            // A crate that declares nothing is covered by the build in the image itself.
            if let Some(needed) =
                package.rust_version.as_deref().filter(|text| release(text).is_some_and(|own| own > oldest))
            {
                found.push(format!("{} {} (needs {needed})", package.name, package.version));
            }
        }
        let edges = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        let built =
            edges.filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")));
        waiting.extend(built.map(|edge| edge.pkg.as_str()));
    }
    found
}

/// Major and minor number of a release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"id": "a", "name": "edge-agent", "version": "0.1.0", "rust_version": "1.88"},
            {"id": "b", "name": "used", "version": "1.0.0", "rust_version": "1.89"},
            {"id": "c", "name": "tested-with", "version": "1.0.0", "rust_version": "1.95"},
            {"id": "d", "name": "silent", "version": "1.0.0", "rust_version": null},
            {"id": "e", "name": "elsewhere", "version": "1.0.0", "rust_version": "1.96"}
        ],
        "resolve": {"nodes": [
            {"id": "a", "deps": [
                {"pkg": "c", "dep_kinds": [{"kind": "dev"}]},
                {"pkg": "d", "dep_kinds": [{"kind": null}]}
            ]},
            {"id": "d", "deps": [{"pkg": "b", "dep_kinds": [{"kind": "build"}]}]}
        ]}
    }"#;

    #[test]
    fn only_what_is_built_into_the_image_counts() {
        let metadata: Metadata = serde_json::from_str(METADATA).unwrap();
        assert_eq!(too_new(&metadata, (1, 88)), ["used 1.0.0 (needs 1.89)"]);
        assert!(too_new(&metadata, (1, 89)).is_empty());
    }

    #[test]
    fn releases_compare_by_number() {
        assert!(release("1.100") > release("1.88.0"));
        assert_eq!(release("2"), Some((2, 0)));
        assert_eq!(release("new"), None);
    }
}
