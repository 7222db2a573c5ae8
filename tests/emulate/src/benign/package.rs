//! A package upgrade, with the system calls of `dpkg`: unpack beside, sync, keep a backup link, rename over, drop the
//! backup.

use std::fs::{self, File};
use std::io::Write as _;

use crate::content;
use crate::failure::Failure;
use crate::files::with_ending;
use crate::options::Options;
use crate::report::Report;

/// Size of each file, in bytes.
const SIZE: usize = 16 * 1024;

/// Installs version 1 of `--files` files where they are missing, then upgrades all to version 2.
pub(crate) fn package_upgrade(options: &Options) -> Result<Report, Failure> {
    let (dir, count) = (options.path("dir")?, options.value::<u64>("files")?);
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let report = Report::start("package-upgrade");
    let paths: Vec<_> = (0..count).map(|index| dir.join(format!("component-{index:04}"))).collect();
    for (path, index) in paths.iter().zip(0..) {
        if !path.exists() {
            fs::write(path, content::packaged(index, SIZE)).map_err(Failure::file("writing", path))?;
        }
    }
    // dpkg unpacks all, then renames all.
    for (path, index) in paths.iter().zip(0..) {
        let new = with_ending(path, ".dpkg-new");
        let mut file = File::create_new(&new).map_err(Failure::file("creating", &new))?;
        file.write_all(&content::packaged(index + 5000, SIZE)).map_err(Failure::file("writing", &new))?;
        file.sync_all().map_err(Failure::file("syncing", &new))?;
    }
    for path in &paths {
        let (new, backup) = (with_ending(path, ".dpkg-new"), with_ending(path, ".dpkg-tmp"));
        fs::hard_link(path, &backup).map_err(Failure::file("linking", path))?;
        fs::rename(&new, path).map_err(Failure::file("renaming", &new))?;
        fs::remove_file(&backup).map_err(Failure::file("removing", &backup))?;
    }
    Ok(report.count("files", count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn every_file_has_its_new_content_and_no_backup_stays() {
        let folder = Folder::new("package");
        package_upgrade(&folder.options("--files 6")).unwrap();
        let names = crate::files::list(&folder.0.join("victims"), 99).unwrap();
        assert_eq!(names.len(), 6);
        assert_eq!(fs::read(&names[3]).unwrap(), content::packaged(5003, SIZE));
    }
}
