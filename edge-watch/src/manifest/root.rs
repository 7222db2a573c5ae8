//! A folder that is looked at as if it were `/`.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use edge_manifest::{Digest, Found, Kind};

use super::options::Tree;
use crate::error::WatchError;

/// Folders that hold nothing of an image: what is mounted over them comes from elsewhere.
const SKIPPED: [&[u8]; 5] = [b"/dev", b"/proc", b"/run", b"/sys", b"/tmp"];
/// Most links that are followed from one path, as in the kernel.
const MAX_LINKS: usize = 40;
/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// The folder.
pub(super) struct Root<'t> {
    /// Where it is, and what to leave out.
    tree: &'t Tree,
    /// Its device: others are other file systems.
    pub(super) device: u64,
}

impl<'t> Root<'t> {
    /// Looks at the folder itself.
    pub(super) fn open(tree: &'t Tree) -> Result<Self, WatchError> {
        let refused = |source| WatchError::Input { path: tree.root.clone(), source };
        let metadata = fs::metadata(&tree.root).map_err(refused)?;
        if !metadata.is_dir() {
            return Err(refused(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { tree, device: metadata.dev() })
    }

    /// Where a path of the root is on this machine.
    pub(super) fn host(&self, path: &[u8]) -> PathBuf {
        let below = path.strip_prefix(b"/").unwrap_or(path);
        self.tree.root.join(Path::new(OsStr::from_bytes(below)))
    }

    /// Whether a path, without links, is left out, and by what.
    pub(super) fn skipped(&self, path: &[u8]) -> Option<&[u8]> {
        let given = self.tree.exclude.iter().map(Vec::as_slice);
        SKIPPED.into_iter().chain(given).find(|folder| {
            path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }

    /// The error of something that cannot be read.
    pub(super) fn refused(&self, path: &[u8], source: io::Error) -> WatchError {
        WatchError::Input { path: self.host(path), source }
    }

    /// The path without links, which never lead out of the root; `None` if nothing is there.
    pub(super) fn resolve(&self, path: &[u8]) -> Option<Vec<u8>> {
        let parts = |path: &[u8]| path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let mut pending: VecDeque<Vec<u8>> = parts(path).into();
        let (mut found, mut links) = (Vec::new(), 0);
        while let Some(part) = pending.pop_front() {
            match part.as_slice() {
                b"" | b"." => {}
                b".." => {
                    let parent = found.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    found.truncate(parent);
                }
                name => {
                    let next = [&found, &b"/"[..], name].concat();
                    if fs::symlink_metadata(self.host(&next)).ok()?.is_symlink() {
                        links += 1;
                        let target = fs::read_link(self.host(&next)).ok()?.into_os_string().into_vec();
                        if links > MAX_LINKS {
                            return None;
                        }
                        if target.starts_with(b"/") {
                            found.clear();
                        }
                        parts(&target).into_iter().rev().for_each(|part| pending.push_front(part));
                    } else {
                        found = next;
                    }
                }
            }
        }
        Some(if found.is_empty() { b"/".to_vec() } else { found })
    }

    /// What a regular file is to the kernel, if it runs or loads it; `metadata` is the file's, and `executed` says that it was run.
    pub(super) fn look(&self, path: &[u8], metadata: &Metadata, executed: bool) -> io::Result<Option<Found>> {
        let module = is_module(path);
        let runs = executed || metadata.permissions().mode() & 0o111 != 0 || is_loader(path);
        if !module && !runs {
            return Ok(None);
        }
        let mut file = File::open(self.host(path))?;
        let mut piece = vec![0; PIECE];
        let (mut kind, mut size, mut digest) = (module.then_some(Kind::Module), 0, Digest::new());
        loop {
            // A whole piece unless the file ends: the first one says what the file is.
            let mut held = 0;
            while let Some(free) = piece.get_mut(held..).filter(|free| !free.is_empty()) {
                match file.read(free) {
                    Ok(0) => break,
                    Ok(read) => held += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let bytes = piece.get(..held).unwrap_or_default();
            if kind.is_none() {
                kind = program(bytes);
            }
            let Some(kind) = kind else { return Ok(None) };
            digest.update(bytes);
            size += held as u64;
            if held < PIECE {
                return Ok(Some(Found { kind, size, digest: digest.finish() }));
            }
        }
    }
}

/// What the kernel takes a file for, by how it begins.
fn program(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\x7fELF") {
        Some(Kind::Program)
    } else {
        bytes.starts_with(b"#!").then_some(Kind::Script)
    }
}

/// The last component.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether a file is a kernel module, compressed or not.
fn is_module(path: &[u8]) -> bool {
    let placed = [&b"/lib/modules/"[..], b"/usr/lib/modules/"].iter().any(|folder| path.starts_with(folder));
    placed && [&b".ko"[..], b".ko.gz", b".ko.xz", b".ko.zst"].iter().any(|ending| path.ends_with(ending))
}

/// Whether a file is what loads programs with shared objects: executed by the kernel for each of them.
fn is_loader(path: &[u8]) -> bool {
    [&b"ld-linux"[..], b"ld-musl-", b"ld-uClibc"].iter().any(|begin| name(path).starts_with(begin))
}
