//! Archives that are the same bytes whenever and wherever they are packed: names in order, one owner, one time.

use crate::process;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Packs the folder `name` of `parent` as `out`, whose name ends with `.tar.gz`. Every file gets the time `epoch`, in
/// seconds since 1970, and the owner 0; of its mode only the owner's execute bit counts.
///
/// GNU tar and gzip do it, which every machine that builds images has: a crate for each would be two more to trust.
///
/// # Errors
/// A folder that cannot be read, or a place that cannot be written.
pub(super) fn pack(parent: &Path, name: &str, epoch: u64, out: &Path) -> Result<()> {
    let plain = out.with_extension("");
    let mut tar = command("tar");
    // One format for all lengths of names, without headers that record when and by whom.
    tar.args(["--create", "--format=gnu", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg("--mode=u=rwX,go=rX").arg(format!("--mtime=@{epoch}"));
    tar.arg("--file").arg(&plain).arg("--directory").arg(parent).arg(name);
    process::run(&mut tar)?;
    process::run(command("gzip").args(["--no-name", "--best", "--force"]).arg(&plain))
}

/// Unpacks `archive`, compressed or not, into `folder`.
///
/// # Errors
/// An archive that is damaged.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    process::run(command("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(folder))
}

/// The names in `archive`, in its order; those of folders end with a slash.
///
/// # Errors
/// An archive that is damaged.
pub(super) fn names(archive: &Path) -> Result<Vec<String>> {
    let listed = process::capture(command("tar").arg("--list").arg("--file").arg(archive))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// `program` without what would change its output.
fn command(program: &str) -> Command {
    let mut command = process::command(program);
    command.env_remove("TAR_OPTIONS").env_remove("GZIP").env("LC_ALL", "C");
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::scratch;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};

    /// Names in no order, so many that no file system lists them by chance as they should be.
    const NAMES: [&str; 8] = ["quay", "axle", "zinc", "mast", "bolt", "y", "x", "hull"];

    /// The same files, made in another order, at another time, with another group's rights.
    fn folder(parent: &Path, backwards: bool, age: u64, mode: u32) {
        let folder = parent.join("edge/b");
        fs::create_dir_all(&folder).unwrap();
        let mut names = NAMES;
        if backwards {
            names.reverse();
        }
        for name in names {
            let path = folder.join(name);
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn the_bytes_depend_on_the_content_alone() {
        let scratch = scratch("archive");
        let (first, second, third) = (scratch.join("1"), scratch.join("2"), scratch.join("3"));
        folder(&first, false, 0, 0o644);
        folder(&second, true, 90_000, 0o600);
        folder(&third, false, 0, 0o755);
        let archives = [&first, &second, &third].map(|parent| {
            let out = parent.join("edge-1.tar.gz");
            pack(parent, "edge", 1_700_000_000, &out).unwrap();
            fs::read(out).unwrap()
        });
        assert_eq!(archives[0], archives[1]);
        assert_ne!(archives[0], archives[2], "programs stay programs");
        let mut wanted = NAMES.map(|name| format!("edge/b/{name}")).to_vec();
        wanted.extend(["edge/".to_owned(), "edge/b/".to_owned()]);
        wanted.sort();
        assert_eq!(names(&first.join("edge-1.tar.gz")).unwrap(), wanted);
        let out = scratch.join("out");
        fs::create_dir_all(&out).unwrap();
        unpack(&first.join("edge-1.tar.gz"), &out).unwrap();
        let written = fs::metadata(out.join("edge/b/y")).unwrap().modified().unwrap();
        assert_eq!(written, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        fs::remove_dir_all(scratch).unwrap();
    }
}
