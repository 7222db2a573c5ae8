//! The tree names no machine: neither folders of the one it was written on, nor hosts that packages come from. A build
//! with mirrors, or on another machine, must find nothing to patch.

use super::tree::Tree;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::env;
use std::fs;
use std::path::Path;

/// Hosts that clients use by themselves, as their parts: written whole, this file would report itself.
const KNOWN_HOSTS: &[&[&str]] = &[
    &["deb", "debian", "org"],
    &["security", "debian", "org"],
    &["index", "crates", "io"],
    &["static", "crates", "io"],
    &["pypi", "org"],
    &["files", "pythonhosted", "org"],
];
/// Folders and files in which Debian keeps the hosts of its packages.
const APT_SOURCES: &[&str] = &["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// Reports every line that holds a forbidden name.
pub(super) fn check(workspace: &Workspace, tree: &Tree) -> Result<()> {
    let mut forbidden = folders(workspace, |name| env::var(name).ok());
    forbidden.extend(KNOWN_HOSTS.iter().map(|parts| parts.join(".")));
    forbidden
        .extend(APT_SOURCES.iter().flat_map(|path| texts(Path::new(path))).flat_map(|text| hosts(&text)));
    let found: Vec<_> = tree
        .texts
        .iter()
        .flat_map(|file| {
            find(&file.text, &forbidden)
                .into_iter()
                .map(|(line, name)| format!("{}:{line}: {name}", file.path))
        })
        .collect();
    if !found.is_empty() {
        bail!("{}", found.join("; "));
    }
    Ok(())
}

/// This machine's folders. A home that many machines share, such as root's, is not telling and left out.
fn folders(workspace: &Workspace, var: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut folders = vec![workspace.root.display().to_string(), workspace.cache.display().to_string()];
    folders.extend(["CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"].into_iter().filter_map(&var));
    folders.extend(var("HOME").filter(|home| home.starts_with("/home/")));
    folders.retain(|folder| folder.len() > 1);
    folders
}

/// The hosts of all addresses in `text`.
fn hosts(text: &str) -> Vec<String> {
    let addresses = text.split("://").skip(1);
    let host = |rest: &str| {
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).next().map(str::to_owned)
    };
    addresses.filter_map(host).filter(|host| host.contains('.')).collect()
}

/// Line numbers, from 1, of `text` and the forbidden name each holds.
fn find<'a>(text: &str, forbidden: &'a [String]) -> Vec<(usize, &'a str)> {
    let named = |line: &str| forbidden.iter().find(|name| line.contains(name.as_str())).map(String::as_str);
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, named(line)?))).collect()
}

/// The texts of a file, or of the files directly in a folder.
fn texts(path: &Path) -> Vec<String> {
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        return entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
    }
    fs::read_to_string(path).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_with_its_line() {
        let forbidden = ["mirror.example.net".to_owned(), "/builds/edge".to_owned()];
        let text = "fine\nurl = \"https://mirror.example.net/x\"\ncd /builds/edge\n";
        assert_eq!(find(text, &forbidden), [(2, "mirror.example.net"), (3, "/builds/edge")]);
    }

    #[test]
    fn hosts_are_read_from_both_forms_of_apt_sources() {
        let text =
            "deb [signed-by=/k] http://a.example/debian bookworm main\nURIs: https://b.example:8443/x\n";
        assert_eq!(hosts(text), ["a.example", "b.example"]);
    }

    #[test]
    fn a_home_of_one_person_is_telling_and_roots_is_not() {
        let workspace = Workspace { root: "/src/edge".into(), target: "/t".into(), cache: "/c/edge".into() };
        let with = |home: &'static str| folders(&workspace, |name| (name == "HOME").then(|| home.to_owned()));
        assert_eq!(with("/home/ada"), ["/src/edge", "/c/edge", "/home/ada"]);
        assert_eq!(with("/root"), ["/src/edge", "/c/edge"]);
    }
}
