//! Log rotation: each log moves one number up, the newest old one is compressed, the oldest goes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::content;
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// Size of each log, in bytes.
const SIZE: usize = 8 * 1024;

/// Rotates `--logs` logs, of each of which `--keep` old ones stay.
pub(crate) fn log_rotate(options: &Options) -> Result<Report, Failure> {
    let dir = options.path("dir")?;
    let (logs, keep) = (options.value::<u64>("logs")?, options.value_or("keep", 4_u64)?);
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let report = Report::start("log-rotate");
    for log in 0..logs {
        let current = dir.join(format!("service-{log:03}.log"));
        for number in 0..keep {
            let path = numbered(&current, number);
            if !path.exists() {
                fs::write(&path, content::text(log * 100 + number, SIZE))
                    .map_err(Failure::file("writing", &path))?;
            }
        }
        rotate(&current, log, keep)?;
    }
    Ok(report.count("logs", logs))
}

/// Rotates one log.
fn rotate(current: &Path, seed: u64, keep: u64) -> Result<(), Failure> {
    for number in (0..keep).rev() {
        let from = numbered(current, number);
        fs::rename(&from, numbered(current, number + 1)).map_err(Failure::file("renaming", &from))?;
    }
    fs::write(current, "").map_err(Failure::file("creating", current))?;
    // As `gzip` does: the compressed copy is written beside, then the original goes.
    let plain = numbered(current, 2.min(keep));
    let packed = crate::files::with_ending(&plain, ".gz");
    fs::read(&plain).map_err(Failure::file("reading", &plain))?;
    fs::write(&packed, content::compressed(seed, SIZE / 4)).map_err(Failure::file("writing", &packed))?;
    fs::remove_file(&plain).map_err(Failure::file("removing", &plain))?;
    if keep > 2 {
        let oldest = numbered(current, keep);
        fs::remove_file(&oldest).map_err(Failure::file("removing", &oldest))?;
    }
    Ok(())
}

/// `log` for 0, `log.N` for the others.
fn numbered(current: &Path, number: u64) -> PathBuf {
    if number == 0 { current.to_owned() } else { crate::files::with_ending(current, &format!(".{number}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn a_rotated_log_is_empty_and_its_past_moved_up() {
        let folder = Folder::new("logs");
        log_rotate(&folder.options("--logs 2 --keep 4")).unwrap();
        let victims = folder.0.join("victims");
        assert_eq!(fs::read(victims.join("service-001.log")).unwrap(), b"");
        assert_eq!(fs::read(victims.join("service-001.log.1")).unwrap(), content::text(100, SIZE));
        assert!(victims.join("service-001.log.2.gz").exists());
        assert!(!victims.join("service-001.log.4").exists());
    }
}
