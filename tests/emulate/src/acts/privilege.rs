//! `privilege_jump`: user 0 without a set-uid program, and files that give it; beside them, giving privileges up.

use std::fs::{self, File, Permissions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::child::{Child, End, in_child};
use super::program::{idle_words, place, stay_ms};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "privilege_jump.uid_zero",
        "[--shell F]",
        "an ordinary user's process becomes user 0, starts a shell",
        uid_zero,
    ),
    Act::attack(
        "privilege_jump.uid_kept",
        "[--stay-ms M]",
        "an ordinary user's process becomes user 0, starts nothing",
        uid_kept,
    ),
    Act::attack(
        "privilege_jump.capable",
        "--dir D [--stay-ms M]",
        "an ordinary user's process with a capability that nothing explains",
        capable,
    ),
    Act::attack("privilege_jump.chmod", "--dir D", "makes a file set-uid by chmod", |options, tally| {
        on_file(options, tally, |path| fs::set_permissions(path, Permissions::from_mode(SET_UID)))
    }),
    Act::attack("privilege_jump.fchmod", "--dir D", "the same by fchmod", |options, tally| {
        on_file(options, tally, |path| File::open(path)?.set_permissions(Permissions::from_mode(SET_UID)))
    }),
    Act::attack("privilege_jump.fchmodat", "--dir D", "the same by fchmodat", |options, tally| {
        on_file(options, tally, |path| file::permit_at(&c_text(path)?, SET_UID as libc::mode_t))
    }),
    Act::attack("privilege_jump.create", "--dir D", "creates a file that is set-uid from the start", create),
    Act::attack("privilege_jump.set_gid", "--dir D", "makes a file set-gid", |options, tally| {
        on_file(options, tally, |path| fs::set_permissions(path, Permissions::from_mode(0o2755)))
    }),
    Act::attack(
        "privilege_jump.file_capability",
        "--dir D",
        "gives a file the capability to set its user",
        |options, tally| {
            on_file(options, tally, |path| {
                file::set_attribute(&c_text(path)?, c"security.capability", &CAP_SETUID)
            })
        },
    ),
    Act::benign(
        "privilege_jump.benign_drop",
        "[--shell F]",
        "gives user 0 up for good, starts a shell",
        |options, tally| {
            let shell = options.text("shell").unwrap_or("/bin/sh");
            tally.child("starting a shell", || {
                process::set_users(USER, USER, USER)?;
                Err(process::exec(&c_text(shell)?, &[c"sh".to_owned(), c"-c".to_owned(), c"true".to_owned()]))
            })
        },
    ),
    Act::benign("privilege_jump.benign_service", "", "a daemon acts as a user and returns", |_, tally| {
        tally.child("changing users", || {
            process::set_users(0, USER, 0)?;
            process::set_users(0, 0, 0)?;
            Ok(0)
        })
    }),
    Act::benign("privilege_jump.benign_chmod", "--dir D", "makes a file executable", |options, tally| {
        on_file(options, tally, |path| fs::set_permissions(path, Permissions::from_mode(0o755)))
    }),
    Act::benign(
        "privilege_jump.benign_folder",
        "--dir D",
        "makes a directory whose files keep its group",
        |options, tally| {
            let path = options.path("dir")?.join("edge-shared");
            fs::create_dir(&path).map_err(Failure::file("creating", &path))?;
            let done = tally
                .deed("changing the directory", fs::set_permissions(&path, Permissions::from_mode(0o2775)));
            // An agent has to look at it, and at whoever did it, before they are gone.
            sleep(Duration::from_millis(500));
            fs::remove_dir(&path).map_err(Failure::file("removing", &path))?;
            done.map(drop)
        },
    ),
];

/// An ordinary user.
const USER: u32 = 1000;
/// Executable by all, as its owner.
const SET_UID: u32 = 0o4755;
/// The attribute of a file with `cap_setuid` permitted and effective, in the kernel's second version.
const CAP_SETUID: [u8; 20] = [1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The same with `cap_net_raw`, which no rule takes for a door to root.
const CAP_NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A child that looks like an ordinary user's, but kept user 0 as its saved one, takes it back and starts a shell: to a
/// sensor the same as a process whose credentials an exploit has overwritten.
fn uid_zero(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    tally.child("starting a shell", || {
        process::set_users(USER, USER, 0)?;
        // A child of its own, so that a sensor has seen an ordinary user's process before it is one of user 0.
        let (_, end) = in_child(|| {
            process::set_users(0, 0, 0)?;
            Err(process::exec(&c_text(shell)?, &[c"sh".to_owned(), c"-c".to_owned(), c"true".to_owned()]))
        })?;
        match end {
            End::Code(code) => Ok(code),
            End::Signal(signal) => Ok(128 + signal),
            End::Refused(error) => Err(error),
        }
    })
}

/// As [`uid_zero`], but nothing is started: no hook sees it.
fn uid_kept(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    tally.child("staying user 0", || {
        process::set_users(USER, USER, 0)?;
        let child = Child::start(|| {
            process::set_users(0, 0, 0)?;
            sleep(stay);
            Ok(0)
        })?;
        match child.wait()? {
            End::Code(code) => Ok(code),
            End::Signal(signal) => Ok(128 + signal),
            End::Refused(error) => Err(error),
        }
    })
}

/// An ordinary user's process that has a capability from its program's file, which then loses it: afterwards it looks like one whose
/// credentials an exploit has overwritten.
fn capable(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-capable");
    place(&path)?;
    let (file, stay) = (c_text(&path).map_err(Failure::kernel("naming the program"))?, stay_ms(options)?);
    tally.deed("giving a capability", file::set_attribute(&file, c"security.capability", &CAP_NET_RAW))?;
    let child = Child::start(|| {
        process::set_users(USER, USER, USER)?;
        Err(process::exec(&file, &idle_words("edge-capable", stay, &[])?))
    })
    .map_err(Failure::kernel("making a child"))?;
    tally.actor(child.pid);
    // Its own program is executed before it is looked at again.
    let exe = format!("/proc/{}/exe", child.pid);
    for _ in 0..1_000 {
        if fs::read_link(&exe).is_ok_and(|link| link == path) {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    tally.deed("taking the capability", file::remove_attribute(&file, c"security.capability"))?;
    let end = child.wait().map_err(Failure::kernel("waiting for a child"))?;
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    tally.end("starting the program", end)
}

/// Does a deed to a harmless file, an empty script, and removes it.
fn on_file(
    options: &Options,
    tally: &mut Tally,
    deed: fn(&Path) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-empty");
    fs::write(&path, "").map_err(Failure::file("writing", &path))?;
    let done = tally.deed("changing the file", deed(&path));
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    done.map(drop)
}

/// Creates an empty file that is set-uid from the start.
fn create(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let dir = options.path("dir")?;
    let folder = File::open(&dir).map_err(Failure::file("opening", &dir))?;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY;
    let made = file::open_at(folder.as_fd(), c"edge-set-uid", flags, SET_UID);
    if tally.deed("creating the file", made)?.is_some() {
        let path = dir.join("edge-set-uid");
        let found = fs::metadata(&path).map_err(Failure::file("looking at", &path))?;
        tally.add("set_uid", (found.permissions().mode() & 0o4000 != 0).into());
        fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn set_uid_files_are_made_and_removed() {
        let folder = Folder::new("privilege");
        fs::create_dir(folder.0.join("victims")).unwrap();
        for name in ["chmod", "fchmod", "fchmodat", "create", "benign_chmod", "benign_folder"] {
            let act = ACTS.iter().find(|act| act.name.ends_with(&format!(".{name}"))).unwrap();
            let mut tally = Tally::default();
            (act.run)(&folder.options(""), &mut tally).unwrap();
            assert_eq!(tally.count("done"), 1, "{name}");
        }
        assert_eq!(fs::read_dir(folder.0.join("victims")).unwrap().count(), 0);
    }
}
