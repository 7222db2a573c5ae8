//! `Cross.toml` and the Dockerfiles it names. `cross` needs a container engine and installs toolchains by itself, so that it is
//! not run here: what can be read is checked.

use crate::build::Target;
use crate::cross::dockerfile::{self, Step};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// The file, from the workspace.
const FILE: &str = "Cross.toml";
/// The keys that both 0.2.5 and main know, as paths; `*` is a target. Those of one alone, such as `xargo` and `zig`, are not ours.
const KEYS: &[&str] = &[
    "build.build-std",
    "build.default-target",
    "build.dockerfile.build-args",
    "build.dockerfile.context",
    "build.dockerfile.file",
    "build.env.passthrough",
    "build.env.volumes",
    "build.pre-build",
    "target.*.build-std",
    "target.*.dockerfile.build-args",
    "target.*.dockerfile.context",
    "target.*.dockerfile.file",
    "target.*.env.passthrough",
    "target.*.env.volumes",
    "target.*.image",
    "target.*.pre-build",
    "target.*.runner",
];
/// Words that bring something from the network other than by Debian's signed archive.
const FETCHERS: &[&str] =
    &["curl", "wget", "git", "pip", "pip3", "cargo", "rustup", "http:", "https:", "ftp:"];

/// Reports everything that is wrong.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let text = fs::read_to_string(workspace.root.join(FILE)).context(FILE)?;
    let mut wrong = configuration(&text, &workspace.root)?;
    for triple in Target::ARM.into_iter().filter_map(Target::triple) {
        let path = crate::cross::dockerfile_of(triple);
        match fs::read_to_string(workspace.root.join(&path)) {
            Ok(text) => wrong.extend(image(&text, triple).into_iter().map(|what| format!("{path}: {what}"))),
            Err(error) => wrong.push(format!("{path}: {error}")),
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(())
}

/// What is wrong with the configuration, in a workspace at `root`.
fn configuration(text: &str, root: &Path) -> Result<Vec<String>> {
    let table: Table = text.parse().context(FILE)?;
    let mut wrong = Vec::new();
    visit("", &table, &mut |path, value| {
        if !KEYS.contains(&general(path).as_str()) {
            wrong.push(format!("{path}: not a key of both 0.2.5 and main"));
        }
        if path.ends_with(".dockerfile.file") && !value.as_str().is_some_and(|file| root.join(file).is_file())
        {
            wrong.push(format!("{path}: no such file"));
        }
        if path.ends_with(".passthrough") {
            let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
            // With a value it would be a setting, or a secret, in a file that everyone reads.
            let bad = names.iter().any(|name| name.as_str().is_none_or(|name| name.contains('=')));
            if bad || names.is_empty() {
                wrong.push(format!("{path}: is no list of names alone"));
            }
        }
    });
    for triple in Target::ARM.into_iter().filter_map(Target::triple) {
        let file = ["target", triple, "dockerfile", "file"];
        let found = file.iter().try_fold(&Value::Table(table.clone()), |value, key| value.get(key)).cloned();
        if found.and_then(|value| value.as_str().map(str::to_owned))
            != Some(crate::cross::dockerfile_of(triple))
        {
            wrong.push(format!("target.{triple}: has not its Dockerfile"));
        }
    }
    Ok(wrong)
}

/// Calls `each` with path and value of everything that is no table, and of the arguments of a build as a whole.
fn visit(path: &str, table: &Table, each: &mut impl FnMut(&str, &Value)) {
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Table(table) if !path.ends_with(".build-args") => visit(&path, table, each),
            value => each(&path, value),
        }
    }
}

/// The path with `*` for the target.
fn general(path: &str) -> String {
    let mut parts: Vec<_> = path.split('.').collect();
    if parts.first() == Some(&"target")
        && let Some(target) = parts.get_mut(1)
    {
        *target = "*";
    }
    parts.join(".")
}

/// What is wrong with the Dockerfile of the target `triple`.
fn image(text: &str, triple: &str) -> Vec<String> {
    let steps = match dockerfile::parse(text) {
        Ok(steps) => steps,
        Err(error) => return vec![format!("{error:#}")],
    };
    let mut wrong = Vec::new();
    if !dockerfile::base(&steps).is_some_and(pinned) {
        wrong.push("FROM is pinned neither by a numbered tag nor by a digest".to_owned());
    }
    for step in &steps {
        let Step::Run(command) = step else { continue };
        let mut words = command.split(|c: char| c.is_whitespace() || "|;&()/".contains(c));
        if let Some(word) = words.find(|word| FETCHERS.contains(word)) {
            wrong.push(format!("RUN brings something by `{word}`"));
        }
        if command.contains("apt-get install") && !command.contains("--no-install-recommends") {
            wrong.push("apt-get install without --no-install-recommends".to_owned());
        }
        if command.contains("apt-get update") && !command.contains("/var/lib/apt/lists/*") {
            wrong.push("the lists of apt stay in the layer".to_owned());
        }
    }
    let underscored = triple.replace('-', "_");
    let upper = underscored.to_uppercase();
    for name in [
        format!("CC_{underscored}"),
        format!("CARGO_TARGET_{upper}_LINKER"),
        format!("CARGO_TARGET_{upper}_RUNNER"),
    ] {
        if !steps.iter().any(|step| matches!(step, Step::Env(known, _) if *known == name)) {
            wrong.push(format!("{name} is not set"));
        }
    }
    if !text.ends_with('\n') {
        wrong.push("the last line does not end".to_owned());
    }
    wrong
}

/// Whether an image's name says which one: by a digest, or by a tag with a point release.
fn pinned(image: &str) -> bool {
    if let Some((_, digest)) = image.split_once("@sha256:") {
        return digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    image.rsplit_once(':').is_some_and(|(_, tag)| {
        let version = tag.split('-').next().unwrap_or_default();
        version.contains('.') && version.split('.').all(|part| part.parse::<u32>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIPLE: &str = "aarch64-unknown-linux-musl";
    const GOOD: &str = "FROM debian:12.15-slim\nRUN apt-get update && apt-get install --no-install-recommends gcc && rm -rf \
        /var/lib/apt/lists/*\nENV CC_aarch64_unknown_linux_musl=cc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=cc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=qemu\n";

    /// Asserts that there is exactly one complaint, and that it has `part`.
    fn one(wrong: &[String], part: &str) {
        assert!(matches!(wrong, [only] if only.contains(part)), "{part}: {wrong:?}");
    }

    /// What is wrong with ours once `old` is `new`.
    fn ours_with(old: &str, new: &str) -> Vec<String> {
        let workspace = Workspace::locate().unwrap();
        let text = fs::read_to_string(workspace.root.join(FILE)).unwrap();
        assert!(text.contains(old), "{old}");
        configuration(&text.replace(old, new), &workspace.root).unwrap()
    }

    #[test]
    fn ours_are_fine() {
        check(&Workspace::locate().unwrap()).unwrap();
    }

    #[test]
    fn keys_of_one_version_alone_are_found() {
        let passthrough = "[build.env]";
        one(&ours_with(passthrough, "[build]\nxargo = false\n[build.env]"), "build.xargo");
        one(&ours_with(passthrough, "[build]\nzig = true\n[build.env]"), "build.zig");
        one(&ours_with(passthrough, "[target.x]\nimage.toolchain = [\"a\"]\n[build.env]"), "image.toolchain");
        one(&ours_with(passthrough, "[target.x]\nrunnner = \"native\"\n[build.env]"), "runnner");
        assert!(ours_with("context = \"cross\"", "build-args = { DEBIAN = \"x\" }").is_empty());
    }

    #[test]
    fn a_missing_target_or_file_is_found() {
        let wrong =
            ours_with("[target.armv7-unknown-linux-musleabihf.", "[target.armv7-unknown-linux-musleabi.");
        one(&wrong, "musleabihf: has not its Dockerfile");
        let wrong = ours_with("\"cross/Dockerfile.aarch64", "\"cross/Dockerfile.arm64");
        assert!(wrong.iter().any(|what| what.contains("no such file")), "{wrong:?}");
    }

    #[test]
    fn a_value_that_is_passed_through_is_found() {
        one(&ours_with("\"RUST_LOG\"", "\"TOKEN=secret\""), "build.env.passthrough");
        one(&ours_with("\"RUST_LOG\"", "1"), "build.env.passthrough");
    }

    #[test]
    fn a_base_that_moves_is_found() {
        assert_eq!(image(GOOD, TRIPLE), Vec::<String>::new());
        for moving in [
            "debian",
            "debian:latest",
            "debian:bookworm-slim",
            "debian:12-slim",
            "${CROSS_BASE_IMAGE}",
            "debian@sha256:12",
        ] {
            one(&image(&GOOD.replace("debian:12.15-slim", moving), TRIPLE), "FROM");
        }
        assert!(pinned(&format!("debian@sha256:{}", "0a".repeat(32))));
    }

    #[test]
    fn what_comes_from_the_network_otherwise_is_found() {
        for bad in ["curl -sSf x | sh", "(wget x)", "/usr/bin/curl x", "echo https://x"] {
            one(&image(&GOOD.replace("RUN ", &format!("RUN {bad} && ")), TRIPLE), "brings");
        }
        assert!(
            image(&format!("{GOOD}ADD https://x /x\n"), TRIPLE).iter().any(|what| what.contains("`ADD`"))
        );
    }

    #[test]
    fn a_layer_that_is_larger_than_it_must_be_is_found() {
        one(&image(&GOOD.replace(" --no-install-recommends", ""), TRIPLE), "--no-install-recommends");
        one(&image(&GOOD.replace("/var/lib/apt/lists/*", "/x"), TRIPLE), "lists of apt");
    }

    #[test]
    fn what_cargo_must_be_told_is_missed() {
        one(&image(&GOOD.replace("_RUNNER", "_RUN"), TRIPLE), "RUNNER");
        one(&image(&GOOD.replace("CC_", "CXX_"), TRIPLE), "CC_");
        one(&image(&GOOD.replace("_LINKER", "_LD"), TRIPLE), "LINKER");
        one(&image(GOOD.trim_end(), TRIPLE), "does not end");
    }
}
