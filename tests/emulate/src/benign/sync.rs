//! File synchronisation and media import: new content beside, then renamed into place.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::content::{Stream, compressed, packaged};
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// Size of each file, in bytes.
const SIZE: usize = 12 * 1024;

/// Replaces `--files` files as rsync does: `.name.XXXXXX`, then renamed over `name`.
pub(crate) fn file_sync(options: &Options) -> Result<Report, Failure> {
    let (dir, count) = (options.path("dir")?, options.value::<u64>("files")?);
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let report = Report::start("file-sync");
    let mut stream = Stream::new(count);
    for index in 0..count {
        let name = format!("report-{index:04}.csv");
        let suffix = stream.next() as u32 & 0x00ff_ffff;
        place(&dir, &format!(".{name}.{suffix:06x}"), &name, &packaged(index, SIZE))?;
    }
    Ok(report.count("files", count))
}

/// Brings in `--files` new pictures: incompressible content in new files, renamed into place.
pub(crate) fn media_import(options: &Options) -> Result<Report, Failure> {
    let (dir, count) = (options.path("dir")?, options.value::<u64>("files")?);
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let report = Report::start("media-import");
    for index in 0..count {
        let name = format!("camera-{index:04}.jpg");
        place(&dir, &format!("{name}.part"), &name, &compressed(index, SIZE))?;
    }
    Ok(report.count("files", count))
}

/// Writes `content` to a new file and renames it into place.
fn place(dir: &Path, temporary: &str, name: &str, content: &[u8]) -> Result<(), Failure> {
    let (temporary, path) = (dir.join(temporary), dir.join(name));
    let mut file = File::create_new(&temporary).map_err(Failure::file("creating", &temporary))?;
    file.write_all(content).map_err(Failure::file("writing", &temporary))?;
    fs::rename(&temporary, &path).map_err(Failure::file("renaming", &temporary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn only_the_final_names_stay() {
        let folder = Folder::new("sync");
        file_sync(&folder.options("--files 3")).unwrap();
        media_import(&folder.options("--files 2")).unwrap();
        let names: Vec<_> = crate::files::list(&folder.0.join("victims"), 99)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        let wanted =
            ["camera-0000.jpg", "camera-0001.jpg", "report-0000.csv", "report-0001.csv", "report-0002.csv"];
        assert_eq!(names, wanted);
    }
}
