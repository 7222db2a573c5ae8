//! The image manifest on disk: a file, or a folder of several, and whether a file holds what it should.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use core::fmt;

use edge_manifest::{DIGEST_BYTES, Digest, Found, MAX_BYTES, MAX_PATH_BYTES, Manifest};

/// Most files of a folder.
pub const MAX_FILES: usize = 16;

/// What a manifest's name ends in, in a folder of several.
const EXTENSION: &str = "manifest";

/// Bytes read of a file at a time.
const CHUNK: usize = 16 * 1024;

/// Why there is no manifest.
#[derive(Debug)]
pub enum ManifestError {
    /// A folder holds none.
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// It is none, or damaged.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: edge_manifest::Error,
    },
    /// It cannot be read.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// A folder holds too many.
    Many {
        /// The folder.
        path: PathBuf,
        /// How many.
        found: usize,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { path } => write!(out, "{}: no file that ends in .{EXTENSION}", path.display()),
            Self::Format { path, error } => write!(out, "{}: {error}", path.display()),
            Self::Io { path, error } => write!(out, "{}: {error}", path.display()),
            Self::Many { path, found } => {
                write!(out, "{}: {found} files end in .{EXTENSION}, {MAX_FILES} at most", path.display())
            }
        }
    }
}

impl std::error::Error for ManifestError {}

/// By what a change of the manifest is noticed: of every file, its inode, size and time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(u64, u64, i64, i64)>);

impl Stamp {
    /// Of what is there now. Nothing where nothing can be read.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let stamp = |path: &PathBuf| {
            let known = fs::metadata(path).ok()?;
            Some((known.ino(), known.size(), known.mtime(), known.mtime_nsec()))
        };
        Self(files(path).unwrap_or_default().iter().filter_map(stamp).collect())
    }
}

/// The bytes of one manifest and where they are from. Short-lived: what is kept of it is in the kernel.
#[derive(Debug)]
pub struct Source {
    /// The file.
    path: PathBuf,
    /// What it holds; parsed once already.
    bytes: Vec<u8>,
}

impl Source {
    /// The manifest.
    ///
    /// # Errors
    /// [`ManifestError::Format`].
    pub fn manifest(&self) -> Result<Manifest<'_>, ManifestError> {
        Manifest::parse(&self.bytes).map_err(|error| ManifestError::Format { path: self.path.clone(), error })
    }
}

/// The files of a manifest, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let failed = |error| ManifestError::Io { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(file);
        }
    }
    files.sort();
    match files.len() {
        0 => Err(ManifestError::Empty { path: path.to_owned() }),
        found if found > MAX_FILES => Err(ManifestError::Many { path: path.to_owned(), found }),
        _ => Ok(files),
    }
}

/// Reads the manifest at `path`, a file or a folder of several, and checks it.
///
/// # Errors
/// [`ManifestError`].
pub fn read(path: &Path) -> Result<Vec<Source>, ManifestError> {
    let mut sources = Vec::new();
    for path in files(path)? {
        let mut bytes = Vec::new();
        // One more than may be there, so that too much is seen as such.
        let opened =
            File::open(&path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
        if let Err(error) = opened {
            return Err(ManifestError::Io { path, error });
        }
        let source = Source { path, bytes };
        source.manifest()?;
        sources.push(source);
    }
    Ok(sources)
}

/// What the manifest says of a path, also of one that leads through a link between folders.
#[must_use]
pub fn find(sources: &[Source], path: &[u8]) -> Option<Found> {
    sources.iter().filter_map(|source| source.manifest().ok()).find_map(|manifest| {
        let mut buffer = [0; MAX_PATH_BYTES];
        manifest.find(path).or_else(|| manifest.find(manifest.unlinked(path, &mut buffer)?))
    })
}

/// Whether a file holds what was listed.
#[must_use]
pub fn holds(file: &Path, listed: &Found) -> bool {
    let same = || -> io::Result<bool> {
        let mut file = File::open(file)?;
        Ok(file.metadata()?.size() == listed.size && digest(&mut file, listed.size)? == listed.digest)
    };
    same().unwrap_or(false)
}

/// The digest of the first `bytes` of a file.
fn digest(file: &mut File, bytes: u64) -> io::Result<[u8; DIGEST_BYTES]> {
    let (mut digest, mut chunk, mut left) = (Digest::new(), vec![0; CHUNK], bytes);
    while left != 0 {
        let read = file.read(&mut chunk)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        digest.update(part);
        left = left.saturating_sub(read as u64);
    }
    Ok(digest.finish())
}

#[cfg(test)]
mod tests {
    use edge_manifest::{Kind, Maker};

    use super::*;
    use crate::scratch::Folder;

    fn program(content: &[u8]) -> Found {
        Found { kind: Kind::Program, size: content.len() as u64, digest: Digest::of(content) }
    }

    fn manifest(path: &str, content: &[u8]) -> Vec<u8> {
        let mut maker = Maker::default();
        maker.folder_links.insert(b"/bin".to_vec(), b"/usr/bin".to_vec());
        maker.entries.insert(path.as_bytes().to_vec(), program(content));
        maker.encode().unwrap()
    }

    #[test]
    fn a_folder_holds_several() {
        let folder = Folder::new("manifest-several");
        assert!(matches!(read(&folder.0), Err(ManifestError::Empty { .. })));
        folder.with("10-image.manifest", &manifest("/usr/bin/a", b"a"));
        folder.with("20-app.manifest", &manifest("/app/b", b"b"));
        folder.with("README", b"no manifest");
        let sources = read(&folder.0).unwrap();
        assert_eq!(sources.len(), 2);
        assert_eq!(find(&sources, b"/usr/bin/a"), Some(program(b"a")));
        assert_eq!(find(&sources, b"/bin/a"), Some(program(b"a")), "through a link between folders");
        assert_eq!(find(&sources, b"/app/b"), Some(program(b"b")));
        assert_eq!(find(&sources, b"/app/a"), None);
        for number in 0..=MAX_FILES {
            folder.with(&format!("{number}.manifest"), &manifest("/a", b"a"));
        }
        assert!(matches!(read(&folder.0), Err(ManifestError::Many { found: 19, .. })));
    }

    #[test]
    fn what_is_no_manifest_is_named() {
        let folder = Folder::new("manifest-none");
        let path = folder.with("image.manifest", b"EDGM");
        let error = read(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", path.display())), "{error}");
        let error = read(&folder.0.join("absent")).unwrap_err().to_string();
        assert!(error.contains("absent: No such file"), "{error}");
        let large = folder.with("large.manifest", &vec![0; MAX_BYTES + 1]);
        assert!(read(&large).unwrap_err().to_string().contains("524289"));
    }

    #[test]
    fn a_change_is_noticed() {
        let folder = Folder::new("manifest-change");
        let path = folder.with("image.manifest", &manifest("/a", b"a"));
        let before = Stamp::of(&folder.0);
        assert_eq!(before, Stamp::of(&folder.0));
        folder.with("new", &manifest("/abc", b"a"));
        fs::rename(folder.0.join("new"), &path).unwrap();
        assert_ne!(before, Stamp::of(&folder.0));
        assert_eq!(Stamp::of(Path::new("/absent")), Stamp::default());
    }

    #[test]
    fn only_the_listed_content_counts() {
        let folder = Folder::new("manifest-content");
        let content = vec![7; 3 * CHUNK + 5];
        let path = folder.with("a", &content);
        assert!(holds(&path, &program(&content)));
        let mut other = content.clone();
        other[2 * CHUNK] = 8;
        assert!(!holds(&folder.with("b", &other), &program(&content)), "of the same size");
        other.push(0);
        assert!(!holds(&folder.with("c", &other), &program(&content)));
        assert!(!holds(&folder.0.join("absent"), &program(&content)));
        assert!(holds(&folder.with("empty", b""), &program(b"")));
    }
}
