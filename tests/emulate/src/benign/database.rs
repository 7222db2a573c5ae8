//! A database: page writes in place, with a journal that comes and goes.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

use crate::content::{Stream, text};
use crate::failure::Failure;
use crate::files::with_ending;
use crate::options::Options;
use crate::report::Report;

/// Page size, in bytes.
const PAGE: usize = 4096;
/// Pages per transaction; each transaction has a journal of its own.
const TRANSACTION: u64 = 8;

/// Writes `--pages` random pages of `--file` in place.
pub(crate) fn database(options: &Options) -> Result<Report, Failure> {
    let (path, pages) = (options.path("file")?, options.value_or("pages", 400_u64)?);
    let report = Report::start("database");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(Failure::file("opening", &path))?;
    let journal = with_ending(&path, "-journal");
    let mut stream = Stream::new(pages);
    for page in 0..pages {
        if page.is_multiple_of(TRANSACTION) {
            fs::write(&journal, text(page, PAGE)).map_err(Failure::file("writing", &journal))?;
        }
        let offset = (stream.next() >> 40) % 64 * PAGE as u64;
        file.write_all_at(&text(page, PAGE), offset).map_err(Failure::file("writing", &path))?;
        if page % TRANSACTION == TRANSACTION - 1 {
            file.sync_data().map_err(Failure::file("syncing", &path))?;
            fs::remove_file(&journal).map_err(Failure::file("removing", &journal))?;
        }
    }
    Ok(report.count("pages", pages))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn pages_are_written_in_place_and_the_journal_goes() {
        let folder = Folder::new("database");
        let file = folder.0.join("data.db");
        database(&folder.options(&format!("--file {} --pages 64", file.display()))).unwrap();
        assert!(fs::metadata(&file).unwrap().len() <= 64 * PAGE as u64);
        assert!(!with_ending(&file, "-journal").exists());
    }
}
