//! `credential_access`: a secret opened for reading by every kind of path there is, and never read; beside them, looking
//! at its attributes, and opening something else.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::Act;
use super::masquerade::own_mounts;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("credential_access.absolute", "--path F", "opens F", |options, tally| {
        opened(tally, &options.path("path")?)
    }),
    Act::attack(
        "credential_access.relative",
        "--path F",
        "goes to its folder, opens its name",
        |options, tally| {
            let (dir, name) = parts(options)?;
            std::env::set_current_dir(&dir).map_err(Failure::file("entering", &dir))?;
            opened(tally, &name)
        },
    ),
    Act::attack("credential_access.dotdot", "--path F", "opens DIR/../DIR/NAME", |options, tally| {
        let (dir, name) = parts(options)?;
        let last = dir.file_name().map_or_else(PathBuf::new, |last| Path::new("..").join(last));
        opened(tally, &dir.join(last).join(name))
    }),
    Act::attack("credential_access.symlink", "--path F --dir D", "opens a link in D", |options, tally| {
        linked(options, tally, |from, to| symlink(from, to))
    }),
    Act::attack(
        "credential_access.hard_link",
        "--path F --dir D",
        "opens a second name in D",
        |options, tally| linked(options, tally, |from, to| fs::hard_link(from, to)),
    ),
    Act::attack("credential_access.proc_root", "--path F", "opens /proc/self/root/F", |options, tally| {
        let path = options.path("path")?;
        opened(tally, &Path::new("/proc/self/root").join(path.strip_prefix("/").unwrap_or(&path)))
    }),
    Act::attack(
        "credential_access.dirfd",
        "--path F",
        "opens its name by a descriptor of its folder",
        |options, tally| {
            let (dir, name) = parts(options)?;
            let folder = File::open(&dir).map_err(Failure::file("opening", &dir))?;
            let name = c_text(name).map_err(Failure::kernel("naming the file"))?;
            let opened = file::open_at(folder.as_fd(), &name, libc::O_RDONLY, 0);
            tally.deed("opening the file", opened).map(drop)
        },
    ),
    Act::attack(
        "credential_access.long",
        "--path F",
        "opens it by a path of more than 1,000 bytes",
        |options, tally| {
            let (dir, name) = parts(options)?;
            opened(tally, &lengthened(&dir).join(name))
        },
    ),
    Act::attack("credential_access.bind", "--path F --dir D", "opens a bind mount of its folder on D", bind)
        .in_guest(),
    Act::attack("credential_access.chroot", "--path F", "opens its name with its folder as root", chroot),
    Act::attack(
        "credential_access.flip",
        "--path F --decoy G [--tries 2000]",
        "one thread opens, another changes the path between G and F",
        flip,
    ),
    Act::benign("credential_access.benign_stat", "--path F", "looks at attributes", |options, tally| {
        tally.deed("looking at the file", fs::metadata(options.path("path")?)).map(drop)
    }),
    Act::benign(
        "credential_access.benign_other",
        "[--path /etc/passwd]",
        "opens a file that everyone may read",
        |options, tally| opened(tally, Path::new(options.text("path").unwrap_or("/etc/passwd"))),
    ),
];

/// Opens a file for reading and closes it.
fn opened(tally: &mut Tally, path: &Path) -> Result<(), Failure> {
    tally.deed("opening the file", File::open(path)).map(drop)
}

/// The folder and the name of `--path`.
fn parts(options: &Options) -> Result<(PathBuf, PathBuf), Failure> {
    let path = options.path("path")?;
    match (path.parent(), path.file_name()) {
        (Some(dir), Some(name)) => Ok((dir.to_owned(), PathBuf::from(name))),
        _ => Err(Failure::Usage("option --path needs a folder and a name".to_owned())),
    }
}

/// Opens `--path` by another name in `--dir`, which goes afterwards.
fn linked(
    options: &Options,
    tally: &mut Tally,
    link: fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), Failure> {
    let alias = options.path("dir")?.join("edge-alias");
    link(&options.path("path")?, &alias).map_err(Failure::file("linking", &alias))?;
    let done = opened(tally, &alias);
    fs::remove_file(&alias).map_err(Failure::file("removing", &alias))?;
    done
}

/// A folder's path made longer than any sensor's buffer, but shorter than the kernel's limit of 4,096 bytes.
fn lengthened(dir: &Path) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    for _ in 0..600 {
        path.push("/.");
    }
    path.into()
}

/// Mounts the folder elsewhere, in a mount namespace of a child's own.
fn bind(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (dir, name) = parts(options)?;
    let target = options.path("dir")?;
    tally.child("opening the file", || {
        own_mounts()?;
        file::mount(&c_text(&dir)?, &c_text(&target)?, c"", libc::MS_BIND)?;
        File::open(target.join(name)).map(|_| 0)
    })
}

/// A child makes the folder its root.
fn chroot(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (dir, name) = parts(options)?;
    tally.child("opening the file", || {
        std::os::unix::fs::chroot(&dir)?;
        std::env::set_current_dir("/")?;
        File::open(Path::new("/").join(name)).map(|_| 0)
    })
}

/// Opens a path that changes while the kernel, or a sensor, looks at it. Counts how often it was the secret (`opened`)
/// and how often the decoy.
fn flip(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (secret, decoy) = (options.path("path")?, options.path("decoy")?);
    let tries = options.value_or("tries", 2000_u32)?;
    let identity = fs::metadata(&secret).map_err(Failure::file("looking at", &secret))?;
    let len = secret.as_os_str().len().max(decoy.as_os_str().len()) + 1;
    let path: Vec<AtomicU8> = (0..len).map(|_| AtomicU8::new(0)).collect();
    let versions = [&decoy, &secret];
    let set = |text: &Path| {
        // The last byte stays zero: `len` is one more than the longer text.
        let bytes = text.as_os_str().as_encoded_bytes().iter().copied().chain(std::iter::repeat(0));
        path.iter().zip(bytes).for_each(|(place, byte)| place.store(byte, Ordering::Relaxed));
    };
    set(&decoy);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in versions.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                set(version);
            }
        });
        let mut outcome = Ok(());
        for _ in 0..tries {
            outcome = tried(tally, file::open_changing(&path), (identity.dev(), identity.ino()));
            if outcome.is_err() {
                break;
            }
            // On one processor the other thread would otherwise never get in between.
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

/// Counts one open of a changing path. A text caught half changed names nothing.
fn tried(tally: &mut Tally, opened: io::Result<OwnedFd>, secret: (u64, u64)) -> Result<(), Failure> {
    let Some(fd) = tally.futile("opening the file", &[libc::ENOENT, libc::ENOTDIR], opened)? else {
        return Ok(());
    };
    let found = File::from(fd).metadata().map_err(Failure::kernel("looking at the file"))?;
    tally.add("opened", ((found.dev(), found.ino()) == secret).into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn every_kind_of_path_that_needs_no_root_leads_to_the_file() {
        let folder = Folder::new("credential");
        fs::create_dir(folder.0.join("victims")).unwrap();
        let (secret, decoy) = (folder.0.join("shadow"), folder.0.join("group"));
        fs::write(&secret, "x").unwrap();
        fs::write(&decoy, "x").unwrap();
        let line = format!("--path {} --decoy {} --tries 50", secret.display(), decoy.display());
        for name in ["absolute", "dotdot", "symlink", "hard_link", "proc_root", "dirfd", "long", "flip"] {
            let act = ACTS.iter().find(|act| act.name.ends_with(&format!(".{name}"))).unwrap();
            let mut tally = Tally::default();
            (act.run)(&folder.options(&line), &mut tally).unwrap();
            assert!(tally.count("done") >= 1, "{name}: {tally:?}");
        }
        assert!(lengthened(Path::new("/etc")).as_os_str().len() > 1000);
    }
}
