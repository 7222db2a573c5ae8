//! `persistence`: every way in which a file that is run later comes to be; beside them, looking at it.
//!
//! The acts change what the caller names and leave it changed.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::Act;
use crate::failure::Failure;
use crate::options::Options;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("persistence.create", "--path F", "creates F, which must not exist", |options, tally| {
        let path = options.path("path")?;
        let made = File::create_new(path).and_then(|mut file| file.write_all(LINE));
        tally.deed("creating the file", made).map(drop)
    }),
    Act::attack("persistence.append", "--path F", "appends a comment to F", |options, tally| {
        let opened = OpenOptions::new().append(true).open(options.path("path")?);
        tally.deed("appending to the file", opened.and_then(|mut file| file.write_all(LINE))).map(drop)
    }),
    Act::attack(
        "persistence.overwrite",
        "--path F",
        "opens F with truncation and writes a comment",
        |options, tally| tally.deed("writing the file", fs::write(options.path("path")?, LINE)).map(drop),
    ),
    Act::attack(
        "persistence.rename_into",
        "--path F --dir E",
        "writes in E, renames to F",
        |options, tally| {
            let made = elsewhere(options)?;
            tally.deed("renaming into place", fs::rename(made, options.path("path")?)).map(drop)
        },
    ),
    Act::attack("persistence.symlink", "--path F --dir E", "links F to a file in E", |options, tally| {
        let made = elsewhere(options)?;
        tally.deed("linking", symlink(made, options.path("path")?)).map(drop)
    }),
    Act::attack(
        "persistence.hard_link",
        "--path F --dir E",
        "a second name F for a file in E",
        |options, tally| {
            let made = elsewhere(options)?;
            tally.deed("linking", fs::hard_link(made, options.path("path")?)).map(drop)
        },
    ),
    Act::benign("persistence.benign_read", "--path F", "reads F", |options, tally| {
        tally.deed("reading the file", fs::read(options.path("path")?)).map(drop)
    }),
    Act::benign(
        "persistence.benign_elsewhere",
        "--dir E",
        "writes a file in E, where nothing is run from",
        |options, tally| {
            elsewhere(options)?;
            tally.add("done", 1);
            Ok(())
        },
    ),
];

/// What is written: nothing that does anything, whoever reads it.
const LINE: &[u8] = b"# edge-emulate\n";

/// Writes a file in `--dir`.
fn elsewhere(options: &Options) -> Result<PathBuf, Failure> {
    let path = options.path("dir")?.join("edge-persistence");
    fs::write(&path, LINE).map_err(Failure::file("writing", &path))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acts::tally::Tally;
    use crate::files::tests::Folder;

    #[test]
    fn every_way_leads_to_the_same_content() {
        let folder = Folder::new("persistence");
        let path = folder.0.join("rc.local");
        fs::create_dir(folder.0.join("victims")).unwrap();
        for act in ACTS.iter().filter(|act| !act.name.contains("benign")) {
            if act.name.ends_with("append") || act.name.ends_with("overwrite") {
                fs::write(&path, "").unwrap();
            }
            let options = folder.options(&format!("--path {}", path.display()));
            let mut tally = Tally::default();
            (act.run)(&options, &mut tally).unwrap();
            assert_eq!(tally.count("done"), 1, "{}", act.name);
            assert_eq!(fs::read(&path).unwrap(), LINE, "{}", act.name);
            fs::remove_file(&path).unwrap();
        }
    }
}
