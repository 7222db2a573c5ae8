//! What a root file system says about itself in its `/etc`.

use std::collections::BTreeMap;
use std::fs;

use edge_manifest::{Found, MAX_IMAGE_BYTES, check_path};

use super::options::Tree;
use super::root::Root;
use crate::error::WatchError;

/// A text file of the root, empty if there is none.
fn text(root: &Root<'_>, path: &[u8]) -> String {
    let bytes = root.resolve(path).and_then(|path| fs::read(root.host(&path)).ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Name of the image: `IMAGE_ID` and `IMAGE_VERSION` of its `os-release`, or else `PRETTY_NAME`; empty if it tells none.
pub(super) fn image(tree: &Tree) -> Result<String, WatchError> {
    let root = Root::open(tree)?;
    let own = text(&root, b"/etc/os-release");
    Ok(image_of(if own.is_empty() { text(&root, b"/usr/lib/os-release") } else { own }.as_str()))
}

/// The same, from the file.
fn image_of(release: &str) -> String {
    let value = |key: &str| {
        let mut lines = release.lines().rev().filter_map(|line| line.split_once('='));
        let found = lines.find(|(name, _)| *name == key);
        found.map(|(_, value)| value.trim_matches(['"', '\''])).unwrap_or_default()
    };
    let named = format!("{} {}", value("IMAGE_ID"), value("IMAGE_VERSION"));
    let name = if value("IMAGE_ID").is_empty() { value("PRETTY_NAME") } else { named.trim() };
    name.chars()
        .filter(|character| !character.is_control())
        .scan(0, |length, character| {
            *length += character.len_utf8();
            (*length <= MAX_IMAGE_BYTES).then_some(character)
        })
        .collect()
}

/// Mount points and types of the file systems in its `fstab` on which something listed lies. A type that is found out while mounting is none.
pub(super) fn file_systems(
    tree: &Tree,
    entries: &BTreeMap<Vec<u8>, Found>,
) -> Result<BTreeMap<String, String>, WatchError> {
    Ok(file_systems_of(&text(&Root::open(tree)?, b"/etc/fstab"), entries))
}

/// The same, from the file.
fn file_systems_of(fstab: &str, entries: &BTreeMap<Vec<u8>, Found>) -> BTreeMap<String, String> {
    let lines = fstab.lines().filter(|line| !line.trim_start().starts_with('#'));
    let all: BTreeMap<String, String> = lines
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (mount, kind) = (fields.nth(1)?, fields.next()?);
            let mount = mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
            let placed = mount == "/" || check_path(mount.as_bytes()).is_ok();
            placed.then(|| (mount, kind.to_owned()))
        })
        .collect();
    // The longest mount point that a path lies below.
    let home = |path: &[u8]| {
        let below = |mount: &str| {
            mount == "/" || path.strip_prefix(mount.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
        };
        all.keys().filter(|mount| below(mount)).max_by_key(|mount| mount.len())
    };
    let used: Vec<&String> = entries.keys().filter_map(|path| home(path)).collect();
    let known = |kind: &str| kind != "auto" && !kind.contains(',') && kind.len() <= 32;
    all.iter()
        .filter(|(mount, kind)| known(kind) && used.contains(mount))
        .map(|(mount, kind)| (mount.clone(), kind.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::walk::LINK;
    use super::*;

    #[test]
    fn an_image_has_the_name_that_it_gives_itself() {
        assert_eq!(image_of("PRETTY_NAME=\"Gateway 5 (x)\"\nID=gw\n"), "Gateway 5 (x)");
        assert_eq!(image_of("PRETTY_NAME=a\nIMAGE_ID=gw\nIMAGE_VERSION='7'\n"), "gw 7");
        assert_eq!(image_of("IMAGE_ID=gw\n"), "gw");
        assert_eq!(image_of(""), "");
        let long = image_of(&format!("PRETTY_NAME={}\u{fc}\u{fc}", "x".repeat(63)));
        assert_eq!(long.len(), 63, "the letter of two bytes does not fit");
    }

    #[test]
    fn only_file_systems_with_executables_count() {
        let fstab = "# /dev/x /opt ext4\n/dev/root / squashfs ro 0 0\nproc /proc proc\n/dev/d /data ext4 rw\n\
                     /dev/e /opt/my\\040app auto\nLABEL=s none swap\n/dev/f /srv ext4,vfat\n";
        let entries = ["/usr/bin/a", "/data/b", "/opt/my app/c", "/srv/d"];
        let mut entries: BTreeMap<Vec<u8>, Found> =
            entries.iter().map(|path| (path.as_bytes().to_vec(), LINK)).collect();
        let text = |(mount, kind): (&String, &String)| format!("{mount} {kind}");
        let found = |entries: &BTreeMap<Vec<u8>, Found>| {
            file_systems_of(fstab, entries).iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(found(&entries), ["/ squashfs", "/data ext4"]);
        entries.remove(&b"/usr/bin/a"[..]);
        assert_eq!(found(&entries), ["/data ext4"]);
    }
}
