//! The bill of materials of the agent, in CycloneDX 1.6.
//!
//! Made here and not by `cargo-cyclonedx`, the well-kept tool for it, because that one knows one target at a time, writes
//! beside every manifest of the workspace, cannot add the eBPF object, which is a part of the agent that no crate is, and
//! would have to be compiled wherever a release is made. What it does for us is the mapping below. The schema was asked
//! once, by a validator; tests hold what is in the document.
//!
//! Not in it: Rust's standard library and musl, which no lock file names and whose versions are those of the compiler
//! and the linker of whoever builds.

use super::Release;
use super::graph::{Crate, Graph, Node};
use crate::digest::sha256;
use crate::lock::Lock;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The version of the format.
const FORMAT: &str = "1.6";
/// The package of the object, which is linked into it whole.
const OBJECT_PACKAGE: &str = "edge-ebpf";

/// What the bill is about.
pub(super) struct Subject<'a> {
    /// The program's name.
    pub(super) program: &'a str,
    /// The package it is built from, of this release.
    pub(super) package: &'a str,
    /// What it is built with besides its defaults.
    pub(super) features: Option<&'a str>,
    /// The triples it is built for.
    pub(super) targets: &'a [&'a str],
    /// Its crates, and those of the object.
    pub(super) graph: &'a Graph,
    /// The object.
    pub(super) object: &'a [u8],
}

/// The bill of `subject`, as text.
///
/// # Errors
/// A crate that the lock file does not know.
pub(super) fn document(release: &Release, lock: &Lock, subject: &Subject<'_>) -> Result<String> {
    let root = (subject.package.to_owned(), release.version.clone());
    let object = format!("{OBJECT_PACKAGE}.o@{}", release.version);
    let object_crate = (OBJECT_PACKAGE.to_owned(), release.version.clone());
    let agent = subject.graph.crates.get(&root).with_context(|| format!("no crate {}", subject.package))?;
    let mut components = Vec::new();
    let mut dependencies = vec![json!({ "ref": object, "dependsOn": [purl(&object_crate)] })];
    for (name, node) in &subject.graph.crates {
        let mut uses: Vec<_> = node.uses.iter().map(purl).collect();
        if *name == root {
            uses.push(object.clone());
        } else {
            components.push(component(name, node, lock)?);
        }
        dependencies.push(json!({ "ref": purl(name), "dependsOn": uses }));
    }
    components.push(json!({
        "type": "file",
        "bom-ref": object,
        "name": format!("{OBJECT_PACKAGE}.o"),
        "version": release.version,
        "description": "The kernel side: the eBPF object that is embedded in the agent",
        "scope": "required",
        "licenses": [{ "expression": agent.licence }],
        "hashes": [{ "alg": "SHA-256", "content": sha256(subject.object) }],
    }));
    let mut properties: Vec<_> = subject
        .targets
        .iter()
        .map(|target| json!({ "name": "edge-agent:target", "value": target }))
        .collect();
    properties.extend(
        subject
            .features
            .iter()
            .flat_map(|list| list.split(','))
            .map(|feature| json!({ "name": "edge-agent:feature", "value": feature })),
    );
    properties.push(json!({ "name": "edge-agent:commit", "value": release.commit }));
    let mut bill = json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{FORMAT}.schema.json"),
        "bomFormat": "CycloneDX",
        "specVersion": FORMAT,
        "version": 1,
        "metadata": {
            "timestamp": release.time,
            "lifecycles": [{ "phase": "build" }],
            "component": {
                "type": "application",
                "bom-ref": purl(&root),
                "name": subject.program,
                "version": release.version,
                "purl": purl(&root),
                "licenses": [{ "expression": agent.licence }],
            },
            "properties": properties,
        },
        "components": components,
        "dependencies": dependencies,
    });
    // The same for the same content, another for another.
    let serial = serial(&sha256(bill.to_string().as_bytes()));
    if let Some(fields) = bill.as_object_mut() {
        fields.insert("serialNumber".to_owned(), Value::String(serial));
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&bill)?))
}

/// One crate.
fn component(name: &Crate, node: &Node, lock: &Lock) -> Result<Value> {
    let locked = lock.packages.iter().find(|package| package.name == name.0 && package.version == name.1);
    let locked = locked.with_context(|| format!("Cargo.lock has no {} {}", name.0, name.1))?;
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(name),
        "name": name.0,
        "version": name.1,
        "purl": purl(name),
        // What only ran when the program was built is not in it.
        "scope": if node.linked { "required" } else { "excluded" },
        "licenses": [{ "expression": node.licence }],
    });
    // A crate of this workspace has no archive of its own.
    if let (Some(checksum), Some(fields)) = (&locked.checksum, component.as_object_mut()) {
        fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    Ok(component)
}

/// The package's address, by which advisories find it; it also serves as its name within the document. The plus of a
/// build number is escaped, as in every address.
fn purl((name, version): &Crate) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// A UUID of version 8, the one for digests of one's own, from a digest in hexadecimal.
fn serial(digest: &str) -> String {
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::{self, Flavour};
    use crate::workspace::Workspace;
    use std::fs;

    /// The real bill of a flavour.
    fn real(flavour: Flavour) -> Value {
        let text = dist::bill(&Workspace::locate().unwrap(), &Release::of_test(), flavour).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The component called `name`.
    fn find<'a>(bill: &'a Value, name: &str) -> Option<&'a Value> {
        bill["components"].as_array().unwrap().iter().find(|component| component["name"] == name)
    }

    #[test]
    fn the_bill_has_what_the_agent_is_made_of_and_nothing_of_its_tests() {
        let bill = real(Flavour::Plain);
        let aya = find(&bill, "aya").unwrap();
        assert_eq!((aya["version"].as_str(), aya["scope"].as_str()), (Some("0.14.0"), Some("required")));
        assert_eq!(aya["purl"], "pkg:cargo/aya@0.14.0");
        let workspace = Workspace::locate().unwrap();
        let lock = fs::read_to_string(workspace.root.join("Cargo.lock")).unwrap();
        assert!(lock.contains(aya["hashes"][0]["content"].as_str().unwrap()));
        // In the object, at build time alone, and in neither.
        assert_eq!(find(&bill, "aya-ebpf").unwrap()["scope"], "required");
        assert_eq!(find(&bill, "serde_derive").unwrap()["scope"], "excluded");
        for absent in ["proptest", "rcgen", "rustls", "windows-sys", "edge-watch"] {
            assert!(find(&bill, absent).is_none(), "{absent}");
        }
        let object = fs::read(crate::ebpf::object_path(&workspace)).unwrap();
        assert_eq!(find(&bill, "edge-ebpf.o").unwrap()["hashes"][0]["content"], sha256(&object));
    }

    #[test]
    fn every_reference_is_of_something_in_the_bill() {
        let bill = real(Flavour::Tls);
        assert!(find(&bill, "rustls").is_some());
        let mut known: Vec<_> =
            bill["components"].as_array().unwrap().iter().map(|component| &component["bom-ref"]).collect();
        known.push(&bill["metadata"]["component"]["bom-ref"]);
        let dependencies = bill["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), known.len());
        for dependency in dependencies {
            let uses = dependency["dependsOn"].as_array().unwrap();
            assert!(known.contains(&&dependency["ref"]) && uses.iter().all(|used| known.contains(&used)));
        }
        let serial = bill["serialNumber"].as_str().unwrap();
        assert_eq!(serial.len(), "urn:uuid:".len() + 36, "{serial}");
    }

    #[test]
    fn a_build_number_is_escaped() {
        assert_eq!(purl(&("wasi".to_owned(), "0.11.1+wasi".to_owned())), "pkg:cargo/wasi@0.11.1%2Bwasi");
    }
}
