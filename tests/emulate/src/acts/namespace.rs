//! `namespace_escape`: namespaces and mounts changed by a program that has no business with them; beside it, a plain child.
//! Everything happens in namespaces of a child's own, which end with it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use super::Act;
use super::child::Child;
use super::masquerade::own_mounts;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("namespace_escape.unshare_mount", "", "new mount namespace", |_, tally| {
        tally.child("leaving a namespace", || process::unshare(libc::CLONE_NEWNS).map(|()| 0))
    })
    .in_guest(),
    Act::attack(
        "namespace_escape.unshare_pid",
        "",
        "new process namespace, with a child in it",
        |_, tally| {
            tally.child("leaving a namespace", || {
                process::unshare(libc::CLONE_NEWPID)?;
                Child::start(|| Ok(0))?.wait().map(|_| 0)
            })
        },
    )
    .in_guest(),
    Act::attack("namespace_escape.unshare_user", "", "new user namespace", |_, tally| {
        tally.child("leaving a namespace", || process::unshare(libc::CLONE_NEWUSER).map(|()| 0))
    })
    .in_guest(),
    Act::attack("namespace_escape.setns", "", "enters the mount namespace of process 1", |_, tally| {
        tally.child("entering a namespace", || {
            process::unshare(libc::CLONE_NEWNS)?;
            process::enter(File::open("/proc/1/ns/mnt")?.as_fd(), libc::CLONE_NEWNS).map(|()| 0)
        })
    })
    .in_guest(),
    Act::attack("namespace_escape.mount", "--dir D", "mounts a tmpfs on D", mount).in_guest(),
    Act::attack("namespace_escape.bind_root", "--dir D", "mounts / on D", bind_root).in_guest(),
    Act::attack(
        "namespace_escape.pivot_root",
        "",
        "exchanges the root for one that cannot be",
        |_, tally| {
            tally.child("exchanging the root", || {
                own_mounts()?;
                match file::pivot_root(c"/", c"/") {
                    Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EBUSY)) => Ok(0),
                    done => done.map(|()| 0),
                }
            })
        },
    )
    .in_guest(),
    Act::benign("namespace_escape.benign_fork", "", "a child in the same namespaces", |_, tally| {
        tally.child("making a child", || Ok(0))
    }),
];

/// Mounts an empty file system.
fn mount(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    on_folder(options, tally, |target| file::mount(c"tmpfs", target, c"tmpfs", 0))
}

/// Mounts the root a second time, as one does to get at what lies below other mounts.
fn bind_root(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    on_folder(options, tally, |target| file::mount(c"/", target, c"", libc::MS_BIND))
}

/// Mounts on `--dir` in mounts of a child's own and takes the mount away.
fn on_folder(
    options: &Options,
    tally: &mut Tally,
    mount: fn(&std::ffi::CStr) -> io::Result<()>,
) -> Result<(), Failure> {
    let target = crate::sys::c_text(options.path("dir")?).map_err(Failure::kernel("naming the folder"))?;
    tally.child("mounting", || {
        own_mounts()?;
        mount(&target)?;
        file::unmount(&target).map(|()| 0)
    })
}
