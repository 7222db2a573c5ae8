//! What a root file system holds that may be executed.

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use edge_manifest::{DIGEST_BYTES, Found, Kind, MAX_FOLDER_LINKS, MAX_PATH_BYTES, check_path};

use super::options::Tree;
use super::root::Root;
use super::shown;
use crate::error::WatchError;

/// What was found.
#[derive(Default)]
pub(super) struct Walked {
    /// Paths and what lies there.
    pub(super) entries: BTreeMap<Vec<u8>, Found>,
    /// Links and the folders that they stand for.
    pub(super) folder_links: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What was left out although it looks like something to list.
    pub(super) notes: Vec<String>,
}

/// An entry for a link.
pub(super) const LINK: Found = Found { kind: Kind::Link, size: 0, digest: [0; DIGEST_BYTES] };

/// Goes through a root file system: one file system, and no link leads out of it.
pub(super) fn walk(tree: &Tree) -> Result<Walked, WatchError> {
    let root = Root::open(tree)?;
    let mut walked = Walked::default();
    let (mut links, mut odd) = (Vec::new(), Vec::new());
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        for (path, kind) in children(&root, &folder)? {
            if root.skipped(&path).is_some() {
                continue;
            }
            if kind.is_symlink() {
                links.push(path);
            } else if kind.is_dir() {
                let device =
                    there(fs::symlink_metadata(root.host(&path))).map_err(|e| root.refused(&path, e))?;
                if device.is_some_and(|metadata| metadata.dev() == root.device) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                walked.file(&root, path, &mut odd)?;
            }
        }
    }
    let folder_links = walked.links(&root, links);
    walked.keep_folder_links(folder_links);
    odd.sort();
    if let Some(first) = odd.first() {
        let count = odd.len();
        walked.notes.push(format!(
            "not listed, since they are neither ELF nor scripts: {count} with the execute bit, the first is {}",
            shown(first)
        ));
    }
    Ok(walked)
}

/// Of a system that runs, things may be gone by now.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// What a folder holds.
fn children(root: &Root<'_>, folder: &[u8]) -> Result<Vec<(Vec<u8>, FileType)>, WatchError> {
    let read = || {
        let mut children = Vec::new();
        for child in fs::read_dir(root.host(folder))? {
            let child = child?;
            let path = [folder, b"/", &child.file_name().into_vec()].concat();
            children.push((path, child.file_type()?));
        }
        Ok(children)
    };
    there(read()).map(Option::unwrap_or_default).map_err(|error| root.refused(folder, error))
}

impl Walked {
    /// Whether a path can be listed; if not, a note says so.
    fn takes(&mut self, path: &[u8]) -> bool {
        let Err(fault) = check_path(path) else { return true };
        self.notes.push(format!("{} is left out, since its path {fault}", shown(path)));
        false
    }

    /// A regular file.
    fn file(&mut self, root: &Root<'_>, path: Vec<u8>, odd: &mut Vec<Vec<u8>>) -> Result<(), WatchError> {
        let look = || {
            let metadata = fs::symlink_metadata(root.host(&path))?;
            let executable = metadata.permissions().mode() & 0o111 != 0 && metadata.len() > 0;
            Ok((root.look(&path, &metadata, false)?, executable))
        };
        match there(look()).map_err(|error| root.refused(&path, error))? {
            Some((Some(found), _)) if self.takes(&path) => {
                self.entries.insert(path, found);
            }
            Some((None, true)) => odd.push(path),
            _ => {}
        }
        Ok(())
    }

    /// Links to what is listed. Returns those to folders that hold something of it.
    fn links(&mut self, root: &Root<'_>, links: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut to_folders = Vec::new();
        let mut to_files = Vec::new();
        for link in links {
            let Some(target) = root.resolve(&link) else { continue };
            if self.entries.contains_key(&target) {
                to_files.push(link);
            } else if self.holds(&target) {
                to_folders.push((link, target));
            }
        }
        for link in to_files {
            if self.takes(&link) {
                self.entries.insert(link, LINK);
            }
        }
        to_folders
    }

    /// Whether something listed lies below a folder.
    fn holds(&self, folder: &[u8]) -> bool {
        let below = [folder, b"/"].concat();
        self.entries.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
    }

    /// Keeps the folder links through which programs are named: the highest ones.
    fn keep_folder_links(&mut self, mut links: Vec<(Vec<u8>, Vec<u8>)>) {
        links.retain(|(link, _)| link.len() <= MAX_PATH_BYTES && self.takes(link));
        links.sort_by_cached_key(|(link, _)| (link.split(|byte| *byte == b'/').count(), link.clone()));
        if let Some((link, _)) = links.get(MAX_FOLDER_LINKS) {
            self.notes.push(format!(
                "{} links to folders are left out, since at most {MAX_FOLDER_LINKS} are possible; the first is {}",
                links.len() - MAX_FOLDER_LINKS,
                shown(link)
            ));
        }
        self.folder_links.extend(links.into_iter().take(MAX_FOLDER_LINKS));
    }
}
