//! `volatile_exec` and `foreign_exec`: programs that came just now or do not belong to the image; beside them, updates.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::program::{drop_copy, idle_words, own_bytes, own_path, place, stay_ms};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "volatile_exec.drop_run",
        "--dir D [--delay-ms 2000] [--stay-ms M]",
        "one child writes a program, another starts it later",
        drop_run,
    ),
    Act::attack(
        "volatile_exec.rename_run",
        "--dir D --from E [--delay-ms 2000] [--stay-ms M]",
        "written in E, renamed into D, started later",
        rename_run,
    ),
    Act::attack(
        "volatile_exec.self_unlink",
        "--dir D [--stay-ms M]",
        "a program unlinks its own file",
        self_unlink,
    ),
    Act::benign(
        "volatile_exec.benign_self_update",
        "--dir D [--stay-ms M]",
        "a program renames a new version over its own file",
        self_update,
    ),
    Act::attack("foreign_exec.copy", "--path F [--stay-ms M]", "places a copy at F and starts it", copy),
    Act::attack("foreign_exec.relative", "--path F [--stay-ms M]", "the same, by a relative path", relative),
    Act::benign("foreign_exec.benign_own", "[--stay-ms M]", "starts this program from its own place", own),
];

/// What failed when a program does not start.
const STARTING: &str = "starting the program";

/// The dropper ends before the program is started by its sibling.
fn drop_run(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-dropped");
    let bytes = own_bytes()?;
    tally.child("dropping a program", || drop_copy(&path, &bytes).map(|()| 0))?;
    later(options, tally, &path)
}

/// As [`drop_run`], by way of another folder, so that the place never sees a write.
fn rename_run(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-moved");
    let from = options.path("from")?.join("edge-moving");
    let bytes = own_bytes()?;
    tally.child("dropping a program", || {
        drop_copy(&from, &bytes)?;
        fs::rename(&from, &path).map(|()| 0)
    })?;
    later(options, tally, &path)
}

/// Waits `--delay-ms`, starts what was dropped, and removes it.
fn later(options: &Options, tally: &mut Tally, path: &Path) -> Result<(), Failure> {
    sleep(Duration::from_millis(options.value_or("delay-ms", 2000)?));
    let started = start(tally, path, stay_ms(options)?, &[]);
    fs::remove_file(path).map_err(Failure::file("removing", path))?;
    started
}

/// Starts a copy that unlinks itself.
fn self_unlink(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-vanishing");
    place(&path)?;
    start(tally, &path, stay_ms(options)?, &["--unlink-self"])?;
    tally.add("remains", path.exists().into());
    if path.exists() { fs::remove_file(&path).map_err(Failure::file("removing", &path)) } else { Ok(()) }
}

/// Starts a copy that updates itself.
fn self_update(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-updating");
    place(&path)?;
    start(tally, &path, stay_ms(options)?, &["--replace-self"])?;
    fs::remove_file(&path).map_err(Failure::file("removing", &path))
}

/// Starts a copy from where the caller says.
fn copy(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("path")?;
    place(&path)?;
    let started = start(tally, &path, stay_ms(options)?, &[]);
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    started
}

/// Starts a copy from its own folder.
fn relative(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("path")?;
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::Usage("option --path needs a folder and a name".to_owned()));
    };
    place(&path)?;
    let stay = stay_ms(options)?;
    let started = tally.child(STARTING, || {
        std::env::set_current_dir(dir)?;
        Err(process::exec(&c_text(Path::new(".").join(name))?, &idle_words("tool", stay, &[])?))
    });
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    started
}

/// Starts this program as any other.
fn own(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    start(tally, &own_path()?, stay_ms(options)?, &[])
}

/// Starts the program at `path`, told to be idle.
pub(super) fn start(tally: &mut Tally, path: &Path, stay_ms: u64, more: &[&str]) -> Result<(), Failure> {
    let name = path.to_string_lossy().into_owned();
    tally.child(STARTING, || Err(process::exec(&c_text(path)?, &idle_words(&name, stay_ms, more)?)))
}
