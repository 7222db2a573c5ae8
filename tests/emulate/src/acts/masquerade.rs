//! `masquerade`: processes that look like something else; beside them, a thread that names itself for its work.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::child::Child;
use super::program::{idle_words, own_path, place, stay_ms};
use super::tally::Tally;
use super::volatile::start;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("masquerade.kworker", "[--stay-ms M]", "takes the name kworker/0:1", |options, tally| {
        take_name(options, tally, c"kworker/0:1")
    }),
    Act::attack("masquerade.nfsiod", "[--stay-ms M]", "takes the name [nfsiod 0]", |options, tally| {
        take_name(options, tally, c"[nfsiod 0]")
    }),
    Act::attack(
        "masquerade.daemon",
        "[--stay-ms M]",
        "takes the name dropbear, which its file has not",
        |options, tally| take_name(options, tally, c"dropbear"),
    ),
    Act::attack(
        "masquerade.argv",
        "[--stay-ms M]",
        "starts with argv[0] [kworker/0:1], no environment",
        argv,
    ),
    Act::attack(
        "masquerade.proc_comm",
        "[--stay-ms M]",
        "writes the name kswapd1 to /proc/self/comm",
        |options, tally| write_name(options, tally, "kswapd1"),
    ),
    Act::attack(
        "masquerade.proc_program",
        "[--stay-ms M]",
        "writes the name of another program, mount, to /proc/self/comm",
        |options, tally| write_name(options, tally, "mount"),
    ),
    Act::attack(
        "masquerade.trailing_space",
        "--dir D [--stay-ms M]",
        "starts a copy named `syslogd `",
        trailing_space,
    ),
    Act::attack("masquerade.link", "--dir D [--stay-ms M]", "starts through a link named kworker", link),
    Act::attack(
        "masquerade.bind_proc",
        "[--stay-ms M]",
        "mounts an empty folder over a child's /proc",
        bind_proc,
    )
    .in_guest(),
    Act::benign("masquerade.benign_thread", "[--stay-ms M]", "names a thread of its own worker-1", thread),
    Act::benign(
        "masquerade.benign_applet",
        "--dir D [--stay-ms M]",
        "starts through a link named logger",
        applet,
    ),
];

/// Takes a name and stays for a while.
fn take_name(options: &Options, tally: &mut Tally, name: &std::ffi::CStr) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    tally.deed("taking a name", process::set_name(name))?;
    sleep(stay);
    Ok(())
}

/// Writes a name to `/proc/self/comm`, which is no `prctl`, and stays for a while.
fn write_name(options: &Options, tally: &mut Tally, name: &str) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    tally.deed("writing a name", fs::write("/proc/self/comm", name))?;
    sleep(stay);
    Ok(())
}

/// Starts this program under a kernel thread's name in its command line.
fn argv(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (path, stay) = (own_path()?, stay_ms(options)?);
    tally.child("starting the program", || {
        Err(process::exec(&c_text(&path)?, &idle_words("[kworker/0:1]", stay, &[])?))
    })
}

/// Starts a copy whose name ends in a space.
fn trailing_space(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("syslogd ");
    place(&path)?;
    let started = start(tally, &path, stay_ms(options)?, &[]);
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    started
}

/// Starts this program through a link with a kernel thread's name, so that the process is named like one.
fn link(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    linked(options, tally, "kworker")
}

/// As multi-call programs are started: the process is named like the link, not like the file.
fn applet(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    linked(options, tally, "logger")
}

/// Starts this program through a link in `--dir`.
fn linked(options: &Options, tally: &mut Tally, name: &str) -> Result<(), Failure> {
    let path = options.path("dir")?.join(name);
    symlink(own_path()?, &path).map_err(Failure::file("linking", &path))?;
    let started = start(tally, &path, stay_ms(options)?, &[]);
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    started
}

/// Hides a sleeping child from who looks below /proc in the same mount namespace, which is the act's own.
fn bind_proc(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    let hidden = Child::start(|| {
        sleep(Duration::from_secs(60));
        Ok(0)
    })
    .map_err(Failure::kernel("making a child"))?;
    let target = format!("/proc/{}", hidden.pid);
    let done = tally.child("mounting over /proc", || {
        own_mounts()?;
        file::mount(c"/sys/kernel/mm", &c_text(&target)?, c"", libc::MS_BIND)?;
        sleep(stay);
        Ok(i32::from(Path::new(&target).join("status").exists()))
    });
    hidden.end().map_err(Failure::kernel("ending a child"))?;
    done
}

/// Gives this process mounts of its own, which nobody else sees.
pub(super) fn own_mounts() -> std::io::Result<()> {
    process::unshare(libc::CLONE_NEWNS)?;
    file::mount(c"none", c"/", c"", libc::MS_REC | libc::MS_PRIVATE)
}

/// A thread pool's habit.
fn thread(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let stay = Duration::from_millis(stay_ms(options)?);
    let named = std::thread::Builder::new().name("worker-1".to_owned()).spawn(move || sleep(stay));
    if let Some(thread) = tally.deed("starting a thread", named)? {
        // The thread only sleeps.
        let _ = thread.join();
    }
    Ok(())
}
