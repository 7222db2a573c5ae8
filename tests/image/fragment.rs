//! The kernel options that recipes ask for, against the configurations of the kernels that everything here was proven on.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;

use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, fetch_kernels, matrix};

/// The fragments, with the architectures they are for.
const FRAGMENTS: [(&str, &str, &[Arch]); 3] = [
    ("base.cfg", include_str!("../../packaging/kernel/base.cfg"), &Arch::ALL),
    ("tracing.cfg", include_str!("../../packaging/kernel/tracing.cfg"), &Arch::ALL),
    ("lsm.cfg", include_str!("../../packaging/kernel/lsm.cfg"), &[Arch::Arm64]),
];
/// What the proven kernels have otherwise, and why that does not matter.
const KNOWN: [(&str, &str); 1] =
    [("CONFIG_DEBUG_INFO_DWARF5", "any version of the debug information does for BTF")];
/// The package of Buildroot, which enables options by itself.
const BUILDROOT: &str = include_str!("../../buildroot/package/edge-agent/edge-agent.mk");

/// Every option of every fragment holds in every kernel of the matrix whose package tells its configuration.
pub(crate) fn holds() -> Outcome {
    let (mut compared, mut table, mut unknown) = (0, String::new(), String::new());
    let mut silent = Vec::new();
    for files in fetch_kernels(&matrix(), &mut |_| ())? {
        let name = format!("{}/{}", files.arch, files.kernel);
        let Ok(config) = std::fs::read_to_string(files.folder.join("config")) else {
            silent.push(name);
            continue;
        };
        let lines: BTreeSet<&str> = config.lines().collect();
        for (file, fragment, _) in FRAGMENTS.iter().filter(|(.., on)| on.contains(&files.arch)) {
            for line in fragment.lines().filter(|line| option(line).is_some()) {
                compared += 1;
                if lines.contains(line) {
                    continue;
                }
                let key = option(line).unwrap_or_default();
                let has = config.lines().find(|line| option(line) == Some(key)).unwrap_or("nothing");
                let row = format!("{name}: {file} has `{line}`, the kernel `{has}`");
                match KNOWN.iter().find(|(known, _)| *known == key) {
                    // Writing to a String cannot fail.
                    Some((_, why)) => drop(write!(table, "\n  {row}: {why}")),
                    None => drop(write!(unknown, "\n  {row}")),
                }
            }
        }
    }
    if !unknown.is_empty() {
        return Err(format!("fragments ask for what proven kernels do not have:{unknown}").into());
    }
    if compared == 0 {
        return Err("no kernel tells its configuration".into());
    }
    Ok(Some(format!(
        "{compared} options compared; without a configuration in their package: {}; other than asked for:{table}",
        silent.join(", ")
    )))
}

/// Buildroot's package enables exactly what `base.cfg` and `tracing.cfg` ask for.
pub(crate) fn is_that_of_buildroot() -> Outcome {
    let enabled: BTreeSet<String> = BUILDROOT
        .lines()
        .filter_map(|line| line.split_once("KCONFIG_ENABLE_OPT,"))
        .map(|(_, option)| option.trim_end_matches(')').to_owned())
        .collect();
    let mut asked = BTreeSet::new();
    for (_, fragment, _) in FRAGMENTS.iter().filter(|(.., on)| on.len() == Arch::ALL.len()) {
        asked.extend(fragment.lines().filter_map(|line| line.strip_suffix("=y")).map(str::to_owned));
    }
    same(&enabled, &asked)?;
    Ok(Some(format!("{} options", asked.len())))
}

/// An error that names what is in one set only.
fn same(enabled: &BTreeSet<String>, asked: &BTreeSet<String>) -> Result<(), Box<dyn Error>> {
    let only: Vec<&String> = enabled.symmetric_difference(asked).collect();
    if only.is_empty() {
        Ok(())
    } else {
        Err(format!("only in one of fragments and edge-agent.mk: {only:?}").into())
    }
}

/// The option that a line of a configuration sets or unsets.
fn option(line: &str) -> Option<&str> {
    if let Some(unset) = line.strip_prefix("# ") {
        return unset.strip_suffix(" is not set").filter(|name| name.starts_with("CONFIG_"));
    }
    line.split_once('=').map(|(name, _)| name).filter(|name| name.starts_with("CONFIG_"))
}
