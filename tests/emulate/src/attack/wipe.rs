//! A wiper: zeros over the content, then the name goes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::failure::Failure;
use crate::files::list;
use crate::options::Options;
use crate::report::Report;

/// Overwrites the files of a folder with zeros and unlinks them.
pub(crate) fn wipe(options: &Options) -> Result<Report, Failure> {
    let dir = options.path("dir")?;
    let paths = list(&dir, options.value_or("files", usize::MAX)?)?;
    let report = Report::start("wipe");
    for path in &paths {
        overwrite(path)?;
        fs::remove_file(path).map_err(Failure::file("removing", path))?;
    }
    Ok(report.count("files", paths.len() as u64))
}

/// Overwrites a file with as many zeros as it has bytes.
fn overwrite(path: &Path) -> Result<(), Failure> {
    let len = fs::metadata(path).map_err(Failure::file("reading", path))?.len();
    let mut file = OpenOptions::new().write(true).open(path).map_err(Failure::file("opening", path))?;
    let zeros = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(1 << 20)];
    file.write_all(&zeros).and_then(|()| file.sync_data()).map_err(Failure::file("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn nothing_is_left() {
        let folder = Folder::new("wipe");
        folder.prepare(5);
        wipe(&folder.options("")).unwrap();
        assert!(folder.lost().contains(r#""lost":5"#));
        assert!(list(&folder.0.join("victims"), 99).unwrap().is_empty());
    }
}
