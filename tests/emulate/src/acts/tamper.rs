//! `file_tamper`: the files of a folder encrypted by every kind of process and by every kind of path. `ransom` does the
//! same in one process.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::child::{Child, End};
use super::tally::Tally;
use crate::attack::{Mode, encrypt, encrypted};
use crate::failure::Failure;
use crate::files::{list, with_ending};
use crate::options::Options;
use crate::sys::{c_text, file, process, ring::Ring};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("file_tamper.mmap", OPTIONS, "encrypts through shared mappings", |options, tally| {
        each(options, tally, 0, |path| encrypt(path, Mode::Mapped))
    }),
    Act::attack(
        "file_tamper.partial",
        OPTIONS,
        "encrypts the first 64 bytes of each file",
        |options, tally| each(options, tally, 0, |path| encrypt(path, Mode::Partial)),
    ),
    Act::attack("file_tamper.held", OPTIONS, "opens every file, then encrypts one after the other", held),
    Act::attack(
        "file_tamper.slow",
        "--dir D [--files N] [--delay-ms 3000]",
        "one file now and then",
        |options, tally| each(options, tally, 3000, |path| encrypt(path, Mode::RewriteRename)),
    ),
    Act::attack("file_tamper.fork", OPTIONS, "a child per file", |options, tally| {
        each_child(options, tally, |path| Child::start(|| rewrite(path))?.wait())
    }),
    Act::attack("file_tamper.clone_parent", OPTIONS, "a sibling per file", |options, tally| {
        each_child(options, tally, in_sibling)
    }),
    Act::attack("file_tamper.vfork", OPTIONS, "a child that shares memory per file", |options, tally| {
        each_child(options, tally, in_vfork)
    }),
    Act::attack("file_tamper.double_fork", OPTIONS, "an orphan per file", |options, tally| {
        each_child(options, tally, |path| {
            Child::start(|| {
                process::new_session()?;
                match Child::start(|| rewrite(path))?.wait()? {
                    End::Code(code) => Ok(code),
                    End::Signal(signal) => Ok(128 + signal),
                    End::Refused(error) => Err(error),
                }
            })?
            .wait()
        })
    }),
    Act::attack("file_tamper.chroot", OPTIONS, "with the folder as root", chroot),
    Act::attack("file_tamper.deep", OPTIONS, "moves files out of a very deep folder by descriptor", deep),
    Act::attack("file_tamper.dotdot", OPTIONS, "by paths like DIR/../DIR/NAME", |options, tally| {
        let dir = options.path("dir")?;
        let last = dir.file_name().map_or_else(PathBuf::new, |last| Path::new("..").join(last));
        within(options, tally, &dir.join(last))
    }),
    Act::attack("file_tamper.symlink", OPTIONS, "through a link to the folder", |options, tally| {
        let dir = options.path("dir")?;
        let link = with_ending(&dir, ".link");
        symlink(&dir, &link).map_err(Failure::file("linking", &link))?;
        let done = within(options, tally, &link);
        fs::remove_file(&link).map_err(Failure::file("removing", &link))?;
        done
    }),
    Act::attack(
        "file_tamper.uring",
        OPTIONS,
        "opens, writes and renames by a ring (rename: 5.11)",
        |options, tally| {
            let mut ring = Ring::new().map_err(Failure::kernel("setting up a ring"))?;
            each(options, tally, 0, move |path| by_ring(&mut ring, path))
        },
    ),
    Act::attack("file_tamper.truncate", OPTIONS, "truncates each file to nothing", |options, tally| {
        each(options, tally, 0, |path| {
            let open = File::options().write(true).open(path);
            open.and_then(|file| file.set_len(0)).map_err(Failure::file("truncating", path))
        })
    }),
    Act::benign(
        "file_tamper.benign_edit",
        "--dir D [--files 5]",
        "appends to a few files, each by a child",
        |options, tally| {
            for path in list(&options.path("dir")?, options.value_or("files", 5)?)? {
                tally.child("appending", || {
                    let mut file = File::options().append(true).open(&path)?;
                    file.write_all(b"one more line\n").map(|()| 0)
                })?;
            }
            Ok(())
        },
    ),
];

/// The options that most acts here have.
const OPTIONS: &str = "--dir D [--files N] [--delay-ms M]";

/// The files to work on, and the pause after each.
fn victims(options: &Options, delay_ms: u64) -> Result<(Vec<PathBuf>, Duration), Failure> {
    let paths = list(&options.path("dir")?, options.value_or("files", usize::MAX)?)?;
    Ok((paths, Duration::from_millis(options.value_or("delay-ms", delay_ms)?)))
}

/// Does a deed to every file. A file that policy protects counts as denied.
fn each(
    options: &Options,
    tally: &mut Tally,
    delay_ms: u64,
    mut deed: impl FnMut(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (paths, delay) = victims(options, delay_ms)?;
    for path in paths {
        match deed(&path) {
            Err(Failure::File { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                tally.add("denied", 1);
            }
            done => done.map(|()| tally.add("files", 1))?,
        }
        sleep(delay);
    }
    Ok(())
}

/// Encrypts files that were all opened before the first of them is written. One that may not be opened or written counts as denied.
fn held(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (paths, delay) = victims(options, 0)?;
    let mut files = Vec::new();
    for path in paths {
        let bytes = encrypted(&path)?;
        match File::options().write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => tally.add("denied", 1),
            opened => files.push((opened.map_err(Failure::file("opening", &path))?, bytes, path)),
        }
    }
    for (mut file, bytes, path) in files {
        match file.write_all(&bytes) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => tally.add("denied", 1),
            done => done.map(|()| tally.add("files", 1)).map_err(Failure::file("writing", &path))?,
        }
        sleep(delay);
    }
    Ok(())
}

/// Has every file encrypted by another process.
fn each_child(
    options: &Options,
    tally: &mut Tally,
    deed: fn(&Path) -> io::Result<End>,
) -> Result<(), Failure> {
    let (paths, delay) = victims(options, 0)?;
    for path in paths {
        tally.end("encrypting", deed(&path).map_err(Failure::kernel("making a process"))?)?;
        sleep(delay);
    }
    Ok(())
}

/// Encrypts and renames a file; the exit code of a process made for that.
fn rewrite(path: &Path) -> io::Result<i32> {
    encrypt(path, Mode::RewriteRename).map(|()| 0).map_err(|failure| match failure {
        Failure::File { source, .. } => source,
        _ => io::ErrorKind::Other.into(),
    })
}

/// Encrypts a file by a sibling. It is its parent's to wait for, so that only a pipe tells how it went; one that was
/// killed says nothing. Returns when that parent has heard of its end: a shell takes it for the end of its input, if it comes while
/// the shell reads the next line.
fn in_sibling(path: &Path) -> io::Result<End> {
    /// How often its parent is given a moment more.
    const TRIES: u32 = 500;
    let (mut told, mut teller) = io::pipe()?;
    let Some(sibling) = process::fork_sibling()? else {
        let number = rewrite(path).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |_| 0);
        // Who listens is told by the end of the pipe otherwise.
        let _ = teller.write_all(&number.to_le_bytes());
        process::leave(0);
    };
    drop(teller);
    let mut number = [0; 4];
    let answer = told.read_exact(&mut number).map(|()| i32::from_le_bytes(number));
    let mut tries = 0..TRIES;
    while tries.next().is_some() && process::kill(sibling, 0).is_ok() {
        sleep(Duration::from_millis(2));
    }
    Ok(match answer {
        Ok(0) => End::Code(0),
        Ok(number) => End::Refused(io::Error::from_raw_os_error(number)),
        Err(_) => End::Signal(libc::SIGKILL),
    })
}

/// Encrypts a file by a child that shares this process's memory.
fn in_vfork(path: &Path) -> io::Result<End> {
    let mut done = Ok(1);
    let pid = process::vfork(&mut || done = rewrite(path))?;
    match (process::wait(pid)?, done) {
        (process::Status::Signal(signal), _) => Ok(End::Signal(signal)),
        (_, Ok(code)) => Ok(End::Code(code)),
        (_, Err(error)) => Ok(End::Refused(error)),
    }
}

/// A child makes the folder its root and encrypts what it finds there.
fn chroot(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (paths, delay) = victims(options, 0)?;
    let dir = options.path("dir")?;
    tally.child("encrypting", || {
        std::os::unix::fs::chroot(&dir)?;
        std::env::set_current_dir("/")?;
        for name in paths.iter().filter_map(|path| path.file_name()) {
            rewrite(&Path::new("/").join(name))?;
            sleep(delay);
        }
        Ok(0)
    })
}

/// Encrypts the files of the same folder by another path to it.
fn within(options: &Options, tally: &mut Tally, dir: &Path) -> Result<(), Failure> {
    each(options, tally, 0, |path| match path.file_name() {
        Some(name) => encrypt(&dir.join(name), Mode::RewriteRename),
        None => Ok(()),
    })
}

/// Moves the folder's files down a very long path, and encrypts and renames them there.
fn deep(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    /// Folders below one another. With names of 100 bytes far beyond a sensor's buffer, but within the 4,096 bytes that
    /// a path may have, so that `rm -r` can still remove them.
    const LEVELS: usize = 36;
    let (paths, delay) = victims(options, 0)?;
    let top = options.path("dir")?;
    let mut folder = File::open(&top).map_err(Failure::file("opening", &top))?;
    let name = c_text("d".repeat(100)).map_err(Failure::kernel("naming a folder"))?;
    for _ in 0..LEVELS {
        let next = file::make_folder_at(folder.as_fd(), &name)
            .and_then(|()| file::open_at(folder.as_fd(), &name, libc::O_RDONLY | libc::O_DIRECTORY, 0));
        folder = File::from(next.map_err(Failure::kernel("making a folder"))?);
    }
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        let here = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        fs::rename(&path, &here).map_err(Failure::file("moving", &path))?;
        let done = encrypt(&here, Mode::InPlace).and_then(|()| {
            let names =
                c_text(name).and_then(|old| Ok((old, c_text(with_ending(Path::new(name), ".locked"))?)));
            let (old, new) = names.map_err(Failure::kernel("naming a file"))?;
            file::rename_at(folder.as_fd(), &old, &new).map_err(Failure::file("renaming", &here))
        });
        done?;
        tally.add("files", 1);
        sleep(delay);
    }
    Ok(())
}

/// Encrypts and renames a file without a call of its own for any of it.
fn by_ring(ring: &mut Ring, path: &Path) -> Result<(), Failure> {
    let bytes = encrypted(path)?;
    let mut work = || -> io::Result<()> {
        let (old, new) = (c_text(path)?, c_text(with_ending(path, ".locked"))?);
        let file = ring.open(&old, libc::O_WRONLY)?;
        ring.write(file.as_fd(), &bytes)?;
        ring.rename(&old, &new)
    };
    work().map_err(|error| Failure::kernel("encrypting by a ring")(super::uring::unknown(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn every_act_that_needs_no_root_loses_every_file() {
        for act in ACTS.iter().filter(|act| !act.name.contains("benign") && !act.name.contains("chroot")) {
            // In a test, the sibling's parent is whoever started the tests.
            if act.name.ends_with("clone_parent") {
                continue;
            }
            let folder = Folder::new(act.name);
            folder.prepare(3);
            match (act.run)(&folder.options("--delay-ms 0"), &mut Tally::default()) {
                Err(Failure::Unsupported { .. }) => continue,
                done => done.unwrap(),
            }
            assert!(folder.lost().contains(r#""lost":3"#), "{}: {}", act.name, folder.lost());
        }
    }
}
