//! The crates that reach the kernel object: only these make it stale, so that a new dependency of the agent does not.
//!
//! Cargo itself says which they are, for the lock file cannot: it lists test dependencies like others, and the features
//! that any crate of the workspace switches on.

use crate::lock::Lock;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

/// Arguments for cargo that make it print the closure of `package` on `target`, one crate per line.
pub(super) fn query<'a>(package: &'a str, target: &'a str) -> [&'a str; 11] {
    [
        "tree",
        "--package",
        package,
        "--target",
        target,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]
}

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

/// Reads what cargo answered to [`query`], and adds the checksums of the lock file.
///
/// # Errors
/// A line that names no crate, or one that the lock file does not know.
pub(super) fn closure(answer: &str, lock: &str) -> Result<BTreeSet<Crate>> {
    let lock = Lock::read(lock)?;
    answer.lines().filter(|line| !line.is_empty()).map(|line| read(line, &lock)).collect()
}

/// Reads one line: `name v1.2.3`, and perhaps a path, `(proc-macro)` or `(*)` for one that was printed before.
fn read(line: &str, lock: &Lock) -> Result<Crate> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let version = words.next().and_then(|word| word.strip_prefix('v'));
    let version = version.with_context(|| format!("`{line}` is not a crate with its version"))?;
    let locked = lock.packages.iter().find(|package| package.name == name && package.version == version);
    let locked = locked.with_context(|| format!("Cargo.lock has no {name} {version}"))?;
    let checksum = locked.checksum.clone().unwrap_or_default();
    Ok(Crate { name: name.to_owned(), version: version.to_owned(), checksum })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "kernel"
        version = "0.1.0"
        [[package]]
        name = "shared"
        version = "1.0.0"
        checksum = "c1"
        [[package]]
        name = "shared"
        version = "2.0.0"
        checksum = "c2"
    "#;

    #[test]
    fn each_crate_is_listed_once_with_its_own_checksum() {
        let answer = "kernel v0.1.0 (/somewhere/kernel)\nshared v2.0.0 (proc-macro)\n\nshared v2.0.0 (proc-macro) (*)\n";
        let crates = closure(answer, LOCK).unwrap();
        let lines: Vec<_> =
            crates.iter().map(|one| format!("{} {} {}", one.name, one.version, one.checksum)).collect();
        assert_eq!(lines, ["kernel 0.1.0 ", "shared 2.0.0 c2"]);
    }

    #[test]
    fn what_is_no_crate_or_not_locked_is_named() {
        assert!(closure("shared v3.0.0", LOCK).unwrap_err().to_string().contains("no shared 3.0.0"));
        assert!(
            closure("warning: something", LOCK).unwrap_err().to_string().contains("`warning: something`")
        );
    }
}
