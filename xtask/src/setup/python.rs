//! A Python environment in the cache: zig (a C linker for every target), cargo-zigbuild, the MQTT client of the example
//! subscriber, and what reads the Yocto layer: the parser of bitbake, the linter of recipes, kas, and ruff.

use crate::process;
use crate::workspace::Workspace;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// What is installed from the Python index, pinned.
const PACKAGES: &[(&str, &str)] = &[
    ("bitbake-setup", "2.19.0"),
    ("cargo-zigbuild", "0.24.0"),
    ("kas", "5.5"),
    ("oelint-adv", "9.11.2"),
    ("paho-mqtt", "2.2.0"),
    ("ruff", "0.17.6"),
    ("ziglang", "0.17.1"),
];

/// Whether the environment has each package in the pinned version.
pub(super) fn present(workspace: &Workspace) -> bool {
    let venv = workspace.venv();
    if !venv.join("bin/python3").exists() {
        return false;
    }
    let found = installed(&venv);
    PACKAGES.iter().all(|(name, version)| found.contains(&dist_info(name, version)))
}

/// Makes the environment, or brings it up to date.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let venv = workspace.venv();
    if !venv.join("bin/python3").exists() {
        process::run(process::command("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let pins = PACKAGES.iter().map(|(name, version)| format!("{name}=={version}"));
    let mut pip = process::command(venv.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
        .args(pins);
    process::run(&mut pip)
}

/// The folder in which pip records an installed package.
fn dist_info(name: &str, version: &str) -> String {
    format!("{}-{version}.dist-info", name.replace('-', "_"))
}

/// Names of the folders in the environment's only site-packages folder.
fn installed(venv: &Path) -> Vec<String> {
    let versions = fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    let entries =
        versions.flat_map(|version| fs::read_dir(version.path().join("site-packages"))).flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_named_as_pip_names_it() {
        assert_eq!(dist_info("cargo-zigbuild", "0.24.0"), "cargo_zigbuild-0.24.0.dist-info");
    }

    #[test]
    fn an_absent_environment_has_nothing() {
        assert!(installed(Path::new("/nonexistent")).is_empty());
    }
}
