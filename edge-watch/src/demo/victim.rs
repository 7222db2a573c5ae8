//! `demo-victim`: behaves like ransomware, on files that the demo made for it.
//!
//! # Safety for the machine it runs on
//! It refuses a folder without the demo's marker, follows no link, and touches only regular files in that folder whose names
//! are those that the demo gives. It never leaves the folder, opens no connection and starts nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::prelude::Long;
use rustix::fs::OFlags;
use std::os::unix::fs::OpenOptionsExt as _;

use super::DemoError;
use super::folder::{MARK, MARKER, name_of};
use crate::cli::Verb;
use crate::error::WatchError;

/// Ending of a file that was encrypted.
const ENDING: &str = "locked";
/// Largest file touched, in bytes; the demo's are smaller.
const MAX_LENGTH: u64 = 1 << 20;
/// Where the keystream begins; any other number but 0 would do.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VictimOptions {
    /// The folder.
    pub(crate) dir: PathBuf,
}

/// Reads the command line after the verb.
pub(crate) fn options(mut parser: lexopt::Parser) -> Result<Verb, lexopt::Error> {
    let mut dir = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("dir") => dir = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    let dir = dir.ok_or("demo-victim needs --dir")?;
    Ok(Verb::DemoVictim(VictimOptions { dir }))
}

/// Waits for the word, says when it begins (nanoseconds since 1970), then attacks.
pub(crate) fn run(options: &VictimOptions) -> Result<(), WatchError> {
    check(&options.dir)?;
    let mut word = [0; 3];
    // A demo that ended without the word wants no attack.
    if std::io::stdin().read_exact(&mut word).is_ok() && &word == b"go\n" {
        // Not into a file: the demo counts to the file, and this one would count.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        writeln!(std::io::stdout(), "{}", since.as_nanos()).map_err(WatchError::Output)?;
        attack(&options.dir)?;
    }
    Ok(())
}

/// Whether the folder is one that the demo made.
fn check(dir: &Path) -> Result<(), DemoError> {
    let refused = |reason| DemoError::Refused { path: dir.to_owned(), reason };
    let kind = fs::symlink_metadata(dir).map_err(|_| refused("it cannot be looked at"))?;
    if !kind.is_dir() {
        return Err(refused("it is no directory"));
    }
    let mut mark = String::new();
    let read = open(&dir.join(MARKER), OpenOptions::new().read(true))
        .and_then(|file| file.take(MARK.len() as u64 + 1).read_to_string(&mut mark));
    if read.is_err() || mark != MARK {
        return Err(refused("it lacks the demo's marker"));
    }
    Ok(())
}

/// Encrypts and renames one file after the other, until there is none left.
fn attack(dir: &Path) -> Result<(), DemoError> {
    let mut stream = Keystream(SEED);
    for index in 0.. {
        let path = dir.join(name_of(index));
        match harm(&path, &mut stream) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(source) => {
                return Err(DemoError::Io { what: format!("attacking {}", path.display()), source });
            }
        }
    }
    Ok(())
}

/// What ransomware does to a file: reads it, overwrites it with noise, gives it a new ending.
fn harm(path: &Path, stream: &mut Keystream) -> std::io::Result<()> {
    let mut content = Vec::new();
    let file = open(path, OpenOptions::new().read(true))?;
    if !file.metadata()?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    file.take(MAX_LENGTH).read_to_end(&mut content)?;
    stream.apply(&mut content);
    open(path, OpenOptions::new().write(true).truncate(true))?.write_all(&content)?;
    let mut renamed = path.as_os_str().to_owned();
    renamed.push(".");
    renamed.push(ENDING);
    fs::rename(path, renamed)
}

/// Opens a file, but not through a link.
fn open(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}

/// Noise that looks like ciphertext; no cipher, and undone by nothing but making the files again.
struct Keystream(
    /// The generator's state, never 0.
    u64,
);

impl Keystream {
    /// Mixes noise into bytes.
    fn apply(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            for (byte, noise) in chunk.iter_mut().zip(self.0.to_le_bytes()) {
                *byte ^= noise;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::folder::Folder;

    fn folder(name: &str, count: u32) -> Folder {
        Folder::create(&format!("edge-demo-test-{name}-{}", std::process::id()), count).unwrap()
    }

    #[test]
    fn all_files_of_the_demo_are_lost_and_nothing_else() {
        let folder = folder("victim", 12);
        let stranger = folder.files().join("diary.txt");
        fs::write(&stranger, b"dear diary").unwrap();
        check(&folder.files()).unwrap();
        attack(&folder.files()).unwrap();
        assert_eq!(folder.lost(), Ok(12));
        assert_eq!(fs::read(&stranger).unwrap(), b"dear diary");
        let noise = fs::read(folder.files().join("note-00003.txt.locked")).unwrap();
        let mut seen: Vec<u8> = noise[..128].to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 80, "{} distinct bytes in 128 do not look encrypted", seen.len());
    }

    #[test]
    fn a_folder_without_the_marker_is_refused() {
        let folder = folder("marker", 1);
        let marker = folder.files().join(MARKER);
        fs::write(&marker, "made by hand").unwrap();
        assert!(matches!(check(&folder.files()), Err(DemoError::Refused { .. })));
        fs::remove_file(&marker).unwrap();
        assert!(matches!(check(&folder.files()), Err(DemoError::Refused { .. })));
        assert!(check(Path::new("/etc")).is_err());
    }

    #[test]
    fn links_are_not_followed() {
        let folder = folder("links", 2);
        let target = folder.path().join("target");
        fs::write(&target, b"elsewhere").unwrap();
        let link = folder.files().join(name_of(1));
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(attack(&folder.files()).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"elsewhere");
        let linked = folder.path().join("linked");
        std::os::unix::fs::symlink(folder.files(), &linked).unwrap();
        assert!(check(&linked).is_err());
    }
}
