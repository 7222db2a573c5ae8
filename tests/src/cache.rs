//! Where downloads live: one rule for tests and for every `cargo xtask` verb.

use std::ffi::OsString;
use std::path::PathBuf;

/// The folder for downloaded kernels and tools: `$EDGE_CACHE`, else `$XDG_CACHE_HOME/edge-agent`, else
/// `~/.cache/edge-agent`, else (no home at all, as in some containers) `/var/cache/edge-agent`.
///
/// The folder is not created. Variables that are set but empty count as unset.
#[must_use]
pub fn cache_dir() -> PathBuf {
    choose(|name| std::env::var_os(name))
}

/// The rule of [`cache_dir`] over any set of variables.
fn choose(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("EDGE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("edge-agent")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/edge-agent")))
        .unwrap_or_else(|| PathBuf::from("/var/cache/edge-agent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies the rule to a fixed set of variables.
    fn chosen(variables: &[(&str, &str)]) -> PathBuf {
        choose(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn own_variable_wins_over_xdg_over_home() {
        let all = [("EDGE_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(chosen(&all), PathBuf::from("/a"));
        assert_eq!(chosen(&all[1..]), PathBuf::from("/b/edge-agent"));
        assert_eq!(chosen(&all[2..]), PathBuf::from("/c/.cache/edge-agent"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(chosen(&[("EDGE_CACHE", ""), ("HOME", "/c")]), PathBuf::from("/c/.cache/edge-agent"));
        assert_eq!(chosen(&[]), PathBuf::from("/var/cache/edge-agent"));
    }
}
