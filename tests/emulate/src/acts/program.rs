//! The program that acts start: this one, told to be idle.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::failure::Failure;
use crate::files::with_ending;
use crate::options::Options;
use crate::sys::c_text;

/// The word that makes this program idle.
pub(super) const IDLE: &str = "idle";

/// Sleeps for `--ms` and ends with success; says nothing. Before that, removes its own file if `--unlink-self`, or
/// replaces it as an update does if `--replace-self`; when that fails it ends with 10.
pub(super) fn idle(words: impl Iterator<Item = String>) -> ExitCode {
    let done = Options::parse(words).and_then(|options| {
        let stay = Duration::from_millis(options.value_or("ms", 0)?);
        if options.flag("unlink-self") {
            let path = own_path()?;
            fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
        }
        if options.flag("replace-self") {
            let path = own_path()?;
            let new = with_ending(&path, ".new");
            place(&new)?;
            fs::rename(&new, &path).map_err(Failure::file("renaming", &new))?;
        }
        std::thread::sleep(stay);
        Ok(())
    });
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(10) }
}

/// How long what an act starts stays, from `--stay-ms`; an agent that reads /proc has that long. Default 100 ms.
pub(super) fn stay_ms(options: &Options) -> Result<u64, Failure> {
    options.value_or("stay-ms", 100)
}

/// The command line of an idle program that calls itself `name`.
pub(super) fn idle_words(name: &str, stay_ms: u64, more: &[&str]) -> io::Result<Vec<CString>> {
    let stay = stay_ms.to_string();
    [name, "act", IDLE, "--ms", &stay].iter().chain(more).map(c_text).collect()
}

/// Where this program's file is.
pub(super) fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::kernel("finding the own program"))
}

/// This program's bytes, also when its file is gone.
pub(super) fn own_bytes() -> Result<Vec<u8>, Failure> {
    let path = Path::new("/proc/self/exe");
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(Failure::file("opening", path))?;
    file.read_to_end(&mut bytes).map_err(Failure::file("reading", path))?;
    Ok(bytes)
}

/// Places an executable copy of this program.
pub(super) fn place(path: &Path) -> Result<(), Failure> {
    drop_copy(path, &own_bytes()?).map_err(Failure::file("placing a program at", path))
}

/// Writes a program's bytes and marks them executable.
pub(super) fn drop_copy(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn a_placed_copy_has_the_programs_bytes_and_may_be_run() {
        let folder = Folder::new("program");
        let path = folder.0.join("copy");
        place(&path).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.len(), own_bytes().unwrap().len() as u64);
        assert_eq!(found.permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn idle_words_name_the_time() {
        let words = idle_words("[kworker/0:1]", 5, &["--unlink-self"]).unwrap();
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words, ["[kworker/0:1]", "act", "idle", "--ms", "5", "--unlink-self"]);
    }
}
