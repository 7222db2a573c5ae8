//! The files an emulation works on: prepared with known content, counted afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use crate::content;
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// Creates the files and notes their number and size beside the folder, not in it, where an attack would find the note. With `--folders F` no
/// two files that follow each other by name lie in the same one of F folders below it.
pub(crate) fn prepare(options: &Options) -> Result<Report, Failure> {
    let dir = options.path("dir")?;
    let (count, bytes) = (options.value("files")?, options.value_or("bytes", 4096_usize)?);
    let folders = options.value_or("folders", 0)?;
    let report = Report::start("prepare");
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    for index in 0..count {
        let path = place(&dir, index, folders);
        let folder = path.parent().unwrap_or(&dir);
        fs::create_dir_all(folder).map_err(Failure::file("creating", folder))?;
        fs::write(&path, content::text(index, bytes)).map_err(Failure::file("writing", &path))?;
    }
    let note = note(&dir);
    fs::write(&note, format!("{count} {bytes} {folders}\n")).map_err(Failure::file("writing", &note))?;
    Ok(report.count("files", count))
}

/// Counts the prepared files whose name or content is gone.
pub(crate) fn count_lost(options: &Options) -> Result<Report, Failure> {
    let dir = options.path("dir")?;
    let report = Report::start("count-lost");
    let note = note(&dir);
    let text = fs::read_to_string(&note).map_err(Failure::file("reading", &note))?;
    let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().ok());
    let (count, bytes, folders) = (|| {
        let mut next = || numbers.next().flatten();
        Some((next()?, usize::try_from(next()?).ok()?, next()?))
    })()
    .ok_or_else(|| Failure::Usage(format!("{} was not written by `prepare`", note.display())))?;
    let intact = |index: &u64| {
        fs::read(place(&dir, *index, folders)).is_ok_and(|found| found == content::text(*index, bytes))
    };
    let kept = (0..count).filter(intact).count() as u64;
    Ok(report.count("files", count).count("lost", count - kept))
}

/// The regular files of a folder and of those in it, sorted by their own names, at most `limit`.
pub(crate) fn list(dir: &Path, limit: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    gather(dir, &mut paths)?;
    paths.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    paths.truncate(limit);
    Ok(paths)
}

/// Adds the regular files of a folder and of those in it.
fn gather(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(dir).map_err(Failure::file("listing", dir))? {
        let entry = entry.map_err(Failure::file("listing", dir))?;
        match entry.file_type() {
            Ok(kind) if kind.is_file() => paths.push(entry.path()),
            Ok(kind) if kind.is_dir() => gather(&entry.path(), paths)?,
            _ => {}
        }
    }
    Ok(())
}

/// `path` with `ending` appended to its name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Where the `index`th prepared file lies.
fn place(dir: &Path, index: u64, folders: u64) -> PathBuf {
    let folder = index.checked_rem(folders).map(|folder| dir.join(format!("folder-{folder:02}")));
    folder.as_deref().unwrap_or(dir).join(name(index))
}

/// Name of the `index`th prepared file.
fn name(index: u64) -> String {
    format!("document-{index:05}.txt")
}

/// Where the note of a prepared folder stands.
fn note(dir: &Path) -> PathBuf {
    with_ending(dir, ".prepared")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder of its own for a test, removed at its end.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        /// Creates an empty folder.
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("edge-emulate-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// Options for a command on the folder `victims` in it.
        pub(crate) fn options(&self, more: &str) -> Options {
            let words = format!("--dir {}/victims {more}", self.0.display());
            Options::parse(words.split_whitespace().map(str::to_owned)).unwrap()
        }

        /// Fills `victims` with prepared files.
        pub(crate) fn prepare(&self, files: u32) {
            prepare(&self.options(&format!("--files {files} --bytes 600"))).unwrap();
        }

        /// How many of them are lost.
        pub(crate) fn lost(&self) -> String {
            count_lost(&self.options("")).unwrap().finish(0)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_that_follow_each_other_lie_in_different_folders() {
        let folder = Folder::new("folders");
        prepare(&folder.options("--files 40 --bytes 100 --folders 8")).unwrap();
        let paths = list(&folder.0.join("victims"), 99).unwrap();
        assert_eq!(paths.len(), 40);
        assert!(paths.is_sorted_by_key(|path| path.file_name()));
        assert!(paths.windows(2).all(|pair| pair[0].parent() != pair[1].parent()));
        fs::remove_file(&paths[9]).unwrap();
        assert!(folder.lost().contains(r#""lost":1"#));
        assert_eq!(list(&folder.0.join("victims"), 3).unwrap().len(), 3);
    }

    #[test]
    fn changed_and_missing_files_count_as_lost() {
        let folder = Folder::new("files");
        folder.prepare(5);
        assert!(folder.lost().contains(r#""lost":0"#));
        fs::write(folder.0.join("victims").join(name(0)), "changed").unwrap();
        fs::remove_file(folder.0.join("victims").join(name(1))).unwrap();
        assert!(folder.lost().contains(r#""lost":2"#));
    }
}
