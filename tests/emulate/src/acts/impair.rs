//! `impair_defenses` and `mass_kill`: signals to a guard, logs that vanish, many processes ended at once; beside them, a
//! log's ordinary life, and a parent that ends its own children.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::child::{Child, in_child};
use super::tally::Tally;
use crate::failure::Failure;
use crate::files::with_ending;
use crate::options::Options;
use crate::sys::process;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "impair_defenses.signal",
        "--pid P [--signal 0]",
        "sends a signal to a process",
        |options, tally| {
            let (pid, signal) = (options.value("pid")?, options.value_or("signal", 0)?);
            tally.deed("sending a signal", process::kill(pid, signal)).map(drop)
        },
    )
    .in_guest(),
    Act::attack(
        "impair_defenses.truncate_log",
        "--path F",
        "opens a log with truncation",
        |options, tally| {
            let opened = OpenOptions::new().write(true).truncate(true).open(options.path("path")?);
            tally.deed("truncating the log", opened).map(drop)
        },
    ),
    Act::attack(
        "impair_defenses.ftruncate_log",
        "--path F",
        "opens a log, then shortens it",
        |options, tally| {
            let opened = OpenOptions::new().write(true).open(options.path("path")?);
            tally.deed("shortening the log", opened.and_then(|file| file.set_len(0))).map(drop)
        },
    ),
    Act::attack("impair_defenses.unlink_log", "--path F", "unlinks a log", |options, tally| {
        tally.deed("unlinking the log", fs::remove_file(options.path("path")?)).map(drop)
    }),
    Act::attack("impair_defenses.rename_log", "--path F", "renames a log to F.gone", |options, tally| {
        let path = options.path("path")?;
        tally.deed("renaming the log", fs::rename(&path, with_ending(&path, ".gone"))).map(drop)
    }),
    Act::attack(
        "impair_defenses.null_log",
        "--path F",
        "replaces a log by a link to /dev/null",
        |options, tally| {
            let (path, link) = (options.path("path")?, with_ending(&options.path("path")?, ".null"));
            std::os::unix::fs::symlink("/dev/null", &link).map_err(Failure::file("linking", &link))?;
            tally.deed("replacing the log", fs::rename(link, path)).map(drop)
        },
    ),
    Act::benign("impair_defenses.benign_append", "--path F", "appends to a log", |options, tally| {
        let opened = OpenOptions::new().append(true).open(options.path("path")?);
        tally.deed("appending", opened.and_then(|mut file| file.write_all(b"edge-emulate\n"))).map(drop)
    }),
    Act::benign(
        "impair_defenses.benign_signal",
        "",
        "asks a child of its own whether it lives",
        |_, tally| {
            let child = sleeper().map_err(Failure::kernel("making a child"))?;
            tally.deed("sending a signal", process::kill(child.pid, 0))?;
            child.end().map_err(Failure::kernel("ending a child")).map(drop)
        },
    ),
    Act::attack(
        "mass_kill.orphans",
        "[--count 30] [--signal 9] [--rounds 1]",
        "ends many processes that have left its lineage",
        orphans,
    ),
    Act::benign(
        "mass_kill.benign_children",
        "[--count 3] [--signal 9]",
        "ends children of its own",
        own_children,
    ),
];

/// How long a process that is to be ended lives if nobody ends it.
const LIFE: Duration = Duration::from_secs(60);

/// A child that only sleeps.
fn sleeper() -> io::Result<Child> {
    Child::start(|| {
        sleep(LIFE);
        Ok(0)
    })
}

/// Makes sessions of their own that belong to nobody, as services do, and ends them all.
fn orphans(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (count, signal) = (options.value_or("count", 30_usize)?, options.value_or("signal", libc::SIGKILL)?);
    let rounds = options.value_or("rounds", 1_u32)?;
    let mut pids = Vec::with_capacity(count);
    for _ in 0..count {
        pids.push(orphan().map_err(Failure::kernel("making a process"))?);
    }
    for _ in 0..rounds {
        for pid in &pids {
            tally.deed("sending a signal", process::kill(*pid, signal))?;
        }
    }
    if matches!(signal, libc::SIGSTOP | libc::SIGTSTP) {
        // A stopped process would never wake up to end.
        for pid in pids {
            process::kill(pid, libc::SIGKILL).map_err(Failure::kernel("ending a process"))?;
        }
    }
    Ok(())
}

/// A sleeping process in a session of its own whose parent has ended.
fn orphan() -> io::Result<i32> {
    let (mut number, teller) = io::pipe()?;
    in_child(|| {
        process::new_session()?;
        let child = sleeper()?;
        let mut teller = &teller;
        teller.write_all(&child.pid.to_le_bytes())?;
        Ok(0)
    })?;
    let mut pid = [0; 4];
    number.read_exact(&mut pid)?;
    Ok(i32::from_le_bytes(pid))
}

/// What a service manager does with its own.
fn own_children(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (count, signal) = (options.value_or("count", 3)?, options.value_or("signal", libc::SIGKILL)?);
    let make = || (0..count).map(|_: u32| sleeper()).collect::<io::Result<Vec<_>>>();
    for child in make().map_err(Failure::kernel("making a child"))? {
        tally.deed("sending a signal", process::kill(child.pid, signal))?;
        child.end().map_err(Failure::kernel("ending a child"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn an_orphan_is_another_session_and_ends_when_told() {
        let pid = orphan().unwrap();
        assert_ne!(pid, std::process::id().cast_signed());
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // After the name: state, parent, group, session.
        let words: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        assert_ne!(words[1], std::process::id().to_string());
        process::kill(pid, libc::SIGKILL).unwrap();
    }

    #[test]
    fn a_log_vanishes_in_every_way() {
        let folder = Folder::new("impair");
        let path = folder.0.join("messages");
        for name in ["truncate_log", "ftruncate_log", "unlink_log", "rename_log", "null_log"] {
            fs::write(&path, "line\n").unwrap();
            let act = ACTS.iter().find(|act| act.name.ends_with(&format!(".{name}"))).unwrap();
            let mut tally = Tally::default();
            (act.run)(&folder.options(&format!("--path {}", path.display())), &mut tally).unwrap();
            assert_eq!(tally.count("done"), 1, "{name}");
            assert!(fs::read(&path).unwrap_or_default().is_empty(), "{name}");
            let _ = fs::remove_file(&path);
        }
    }
}
