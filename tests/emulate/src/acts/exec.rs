//! `fileless_exec`: programs without a file, or whose file is gone; beside them, an ordinary file started by descriptor.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::Act;
use super::program::{idle_words, own_bytes, own_path, place, stay_ms};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("fileless_exec.memfd", "[--stay-ms M]", "execveat with an empty path on a memfd", memfd),
    Act::attack("fileless_exec.proc_fd", "[--stay-ms M]", "execve of /proc/self/fd/N, a memfd", proc_fd),
    Act::attack("fileless_exec.thread", "[--stay-ms M]", "a second thread starts a memfd by descriptor", thread),
    Act::attack("fileless_exec.link", "--dir D [--stay-ms M]", "a symbolic link to /proc/self/fd/N, a memfd", link),
    Act::attack(
        "fileless_exec.deleted",
        "--dir D [--stay-ms M]",
        "starts a file unlinked while open",
        deleted,
    ),
    Act::attack("fileless_exec.tmpfile", "--dir D [--stay-ms M]", "starts a file of O_TMPFILE", tmpfile),
    Act::attack("fileless_exec.script", "[--shell F]", "a shell reads its script from a memfd", script),
    Act::benign(
        "fileless_exec.benign_fexecve",
        "[--path F] [--stay-ms M]",
        "execveat on an ordinary file",
        fexecve,
    ),
];

/// What failed when a program does not start.
const STARTING: &str = "starting the program";

/// Starts a copy of this program from a memfd by descriptor alone.
fn memfd(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let program = in_memory(&own_bytes()?)?;
    by_descriptor(tally, program.as_fd(), stay_ms(options)?)
}

/// Starts a copy of this program from a memfd by its path below /proc.
fn proc_fd(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = stay_ms(options)?;
    let program = in_memory(&own_bytes()?)?;
    tally.child(STARTING, || {
        let path = c_text(format!("/proc/self/fd/{}", program.as_raw_fd()))?;
        Err(process::exec(&path, &idle_words("sensor", stay, &[])?))
    })
}

/// The same by another thread than the first, which is gone when the program begins.
fn thread(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = stay_ms(options)?;
    let program = in_memory(&own_bytes()?)?;
    tally.child(STARTING, || {
        let words = idle_words("sensor", stay, &[])?;
        let started = std::thread::scope(|scope| {
            scope.spawn(|| process::exec_at(program.as_fd(), c"", &words)).join()
        });
        Err(started.unwrap_or_else(|_| io::Error::other("the thread panicked")))
    })
}

/// The same by a link, so that the path given names neither descriptor nor /proc.
fn link(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = stay_ms(options)?;
    let path = options.path("dir")?.join("edge-link");
    let program = in_memory(&own_bytes()?)?;
    let target = format!("/proc/self/fd/{}", program.as_raw_fd());
    std::os::unix::fs::symlink(target, &path).map_err(Failure::file("linking", &path))?;
    let started = tally.child(STARTING, || Err(process::exec(&c_text(&path)?, &idle_words("sensor", stay, &[])?)));
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    started
}

/// Opens a copy for reading, unlinks it, starts it.
fn deleted(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-deleted");
    place(&path)?;
    let program = File::open(&path).map_err(Failure::file("opening", &path))?;
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    by_descriptor(tally, program.as_fd(), stay_ms(options)?)
}

/// Starts a file that never had a name.
fn tmpfile(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let dir = options.path("dir")?;
    let make = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).mode(0o755).open(&dir);
    let mut nameless = make.map_err(Failure::kernel("making a file without a name"))?;
    nameless.write_all(&own_bytes()?).map_err(Failure::file("writing in", &dir))?;
    // A file that someone can write cannot be started: it is opened again for reading.
    let again = format!("/proc/self/fd/{}", nameless.as_raw_fd());
    let program = File::open(&again).map_err(Failure::file("opening", Path::new(&again)))?;
    drop(nameless);
    by_descriptor(tally, program.as_fd(), stay_ms(options)?)
}

/// Starts a shell whose script is a memfd. The interpreter is an ordinary file; only the script has none.
fn script(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell =
        c_text(options.text("shell").unwrap_or("/bin/sh")).map_err(Failure::kernel("naming a shell"))?;
    let script = in_memory(b"exit 0\n")?;
    tally.child(STARTING, || {
        // The descriptor must survive the start, since the shell opens the path.
        let kept = script.as_fd().try_clone_to_owned()?;
        file::keep(kept.as_fd())?;
        let path = c_text(format!("/proc/self/fd/{}", kept.as_raw_fd()))?;
        Err(process::exec(&shell, &[c"sh".to_owned(), path]))
    })
}

/// Starts an ordinary file by descriptor, as some service managers do.
fn fexecve(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("path").or_else(|_| own_path())?;
    let program = File::open(&path).map_err(Failure::file("opening", &path))?;
    by_descriptor(tally, program.as_fd(), stay_ms(options)?)
}

/// Starts what a descriptor has open.
fn by_descriptor(tally: &mut Tally, program: BorrowedFd<'_>, stay_ms: u64) -> Result<(), Failure> {
    tally.child(STARTING, || Err(process::exec_at(program, c"", &idle_words("sensor", stay_ms, &[])?)))
}

/// A memfd with this content.
fn in_memory(bytes: &[u8]) -> Result<File, Failure> {
    let name: CString = c"sensor".to_owned();
    let make = || -> io::Result<File> {
        let mut file = file::in_memory(&name)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    make().map_err(Failure::kernel("making a file in memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_script_that_has_no_file() {
        let mut tally = Tally::default();
        script(&Options::default(), &mut tally).unwrap();
        assert_eq!((tally.count("done"), tally.count("failed")), (1, 0));
    }
}
