//! A backup: reads every file of a folder and writes one archive.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};

use crate::content::Stream;
use crate::failure::Failure;
use crate::files::list;
use crate::options::Options;
use crate::report::Report;

/// Block size of the format, in bytes.
const BLOCK: usize = 512;

/// Writes the files of `--dir` to the archive `--out`: plain, or with bytes that look compressed.
pub(crate) fn tar_backup(options: &Options) -> Result<Report, Failure> {
    let (dir, out) = (options.path("dir")?, options.path("out")?);
    let compressed = options.flag("compressed");
    let report = Report::start("tar-backup");
    let mut archive = BufWriter::new(File::create(&out).map_err(Failure::file("creating", &out))?);
    let mut stream = Stream::new(0);
    let mut written = 0;
    for path in list(&dir, usize::MAX)? {
        let content = fs::read(&path).map_err(Failure::file("reading", &path))?;
        let mut block = vec![0; BLOCK];
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        for (place, byte) in block.iter_mut().zip(name.iter().take(100)) {
            *place = *byte;
        }
        block.extend_from_slice(&content);
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        if compressed {
            // A compressor's output: shorter than its input, and every byte value about equally often.
            block.truncate(block.len() / 3);
            stream.combine(&mut block);
        }
        archive.write_all(&block).map_err(Failure::file("writing", &out))?;
        written += block.len() as u64;
    }
    archive.flush().map_err(Failure::file("writing", &out))?;
    Ok(report.count("bytes", written))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn the_originals_stay_and_the_archive_grows() {
        let folder = Folder::new("backup");
        folder.prepare(4);
        let out = folder.0.join("backup.tar");
        tar_backup(&folder.options(&format!("--out {}", out.display()))).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().len(), 4 * (512 + 1024));
        tar_backup(&folder.options(&format!("--out {} --compressed", out.display()))).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().len(), 4 * 512);
        assert!(folder.lost().contains(r#""lost":0"#));
    }
}
