//! Programs started in ways that a sensor may not expect: by a thread, by a child that shares memory, by the newest way to make a
//! child, by other names for their file.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::Act;
use super::masquerade::own_mounts;
use super::program::{idle_words, stay_ms};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "volatile_exec.by_thread",
        OPTIONS,
        "a thread that is not the first starts F",
        |options, tally| {
            started(options, tally, |path, stay| {
                let path = path.to_owned();
                // A thread's exec ends every other one, so that nobody comes back from a success.
                std::thread::spawn(move || idle(&path, stay))
                    .join()
                    .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
            })
        },
    ),
    Act::attack(
        "volatile_exec.by_vfork",
        OPTIONS,
        "a child that shares memory starts F",
        |options, tally| {
            started(options, tally, |path, stay| {
                let mut refused = None;
                let pid = process::vfork(&mut || refused = idle(path, stay).err())?;
                code(pid, refused)
            })
        },
    ),
    Act::attack("volatile_exec.by_clone3", OPTIONS, "a child made by clone3 starts F", |options, tally| {
        started(options, tally, |path, stay| match process::fork_newest()? {
            None => idle(path, stay),
            Some(pid) => code(pid, None),
        })
    }),
    Act::attack("volatile_exec.by_link", LINKED, "starts F by a symbolic link in D", |options, tally| {
        let link = options.path("dir")?.join("edge-linked");
        symlink(options.path("path")?, &link).map_err(Failure::file("linking", &link))?;
        let done = started_at(options, tally, &link);
        fs::remove_file(&link).map_err(Failure::file("removing", &link))?;
        done
    }),
    Act::attack(
        "volatile_exec.by_bind",
        LINKED,
        "starts F by a bind mount of its folder on D",
        |options, tally| {
            let (path, target) = (options.path("path")?, options.path("dir")?);
            let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(Failure::Usage("option --path needs a folder and a name".to_owned()));
            };
            started(options, tally, |_, stay| {
                own_mounts()?;
                file::mount(&c_text(dir)?, &c_text(&target)?, c"", libc::MS_BIND)?;
                idle(&target.join(name), stay)
            })
        },
    )
    .in_guest(),
];

/// The options of those that start a file by its own name.
const OPTIONS: &str = "--path F [--stay-ms M]";
/// The options of those that need a folder.
const LINKED: &str = "--path F --dir D [--stay-ms M]";

/// Starts `--path` in a child, as `way` does, and notes the child.
fn started(
    options: &Options,
    tally: &mut Tally,
    way: impl FnOnce(&Path, u64) -> io::Result<i32>,
) -> Result<(), Failure> {
    let (path, stay) = (options.path("path")?, stay_ms(options)?);
    tally.child("starting the program", || way(&path, stay))
}

/// Starts a path in a child, in the plain way.
fn started_at(options: &Options, tally: &mut Tally, path: &Path) -> Result<(), Failure> {
    started(options, tally, |_, stay| idle(path, stay))
}

/// Becomes the program at `path`, told to be idle. Returns only when that is not possible.
fn idle(path: &Path, stay: u64) -> io::Result<i32> {
    Err(process::exec(&c_text(path)?, &idle_words("edge-idle", stay, &[])?))
}

/// How a grandchild ended, as an exit code, unless it could not start.
fn code(pid: i32, refused: Option<io::Error>) -> io::Result<i32> {
    let status = process::wait(pid)?;
    match (refused, status) {
        (Some(error), _) => Err(error),
        (None, process::Status::Code(code)) => Ok(code),
        (None, process::Status::Signal(signal) | process::Status::Stopped(signal)) => Ok(128 + signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn a_program_runs_whoever_starts_it_and_a_missing_one_is_told() {
        let folder = Folder::new("evasion");
        fs::create_dir(folder.0.join("victims")).unwrap();
        for act in ACTS.iter().filter(|act| !act.name.ends_with("bind")) {
            let mut tally = Tally::default();
            (act.run)(&folder.options("--path /bin/true"), &mut tally).unwrap();
            assert_eq!(tally.count("done"), 1, "{}: {tally:?}", act.name);
            let missing = (act.run)(&folder.options("--path /edge-no-such-program"), &mut Tally::default());
            assert!(missing.is_err(), "{}", act.name);
        }
    }
}
