//! Floods: as many events of one kind as the machine can make, to see what the agent does when it cannot keep up.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{tiny, try_connect};
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// Makes `--count` events of `--kind`.
pub(crate) fn flood(options: &Options) -> Result<Report, Failure> {
    let count = options.value("count")?;
    let kind = options.required("kind")?;
    let make: fn(&Path, u64) -> Result<u64, Failure> = match kind {
        "rename" => renames,
        "connect" => |_, count| Ok(connects(count)),
        "exec" => |dir, count| executions(dir, count, false),
        "exec-distinct" => |dir, count| executions(dir, count, true),
        _ => return Err(Failure::Usage(format!("option --kind does not take `{kind}`"))),
    };
    let dir = options.path("dir")?;
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let report = Report::start("flood");
    let events = make(&dir, count)?;
    Ok(report.count("events", events))
}

/// Renames one file to and fro.
fn renames(dir: &Path, count: u64) -> Result<u64, Failure> {
    let (mut here, mut there) = (dir.join("flood.a"), dir.join("flood.b"));
    fs::write(&here, "flood").map_err(Failure::file("writing", &here))?;
    for _ in 0..count {
        fs::rename(&here, &there).map_err(Failure::file("renaming", &here))?;
        std::mem::swap(&mut here, &mut there);
    }
    fs::remove_file(&here).map_err(Failure::file("removing", &here))?;
    Ok(count)
}

/// Connects to ever new loopback addresses. A denied try is an event too.
fn connects(count: u64) -> u64 {
    for index in 0..count {
        // 127.1.0.0 and up: never the addresses that anything listens on.
        let address = Ipv4Addr::from(0x7f01_0000 + (index as u32 & 0xffff));
        let _ = try_connect(IpAddr::V4(address), 23);
    }
    count
}

/// Executes a tiny program from the folder, each time under another name when `distinct`; counts the executions that
/// succeeded.
fn executions(dir: &Path, count: u64, distinct: bool) -> Result<u64, Failure> {
    let mut program = dir.join("edge-flood");
    fs::write(&program, tiny::program()).map_err(Failure::file("writing", &program))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .map_err(Failure::file("marking executable", &program))?;
    let mut made = 0;
    for index in 0..count {
        if distinct {
            let next = dir.join(format!("edge-flood-{index}"));
            fs::rename(&program, &next).map_err(Failure::file("renaming", &program))?;
            program = next;
        }
        let status = Command::new(&program).stdin(Stdio::null()).status();
        // An agent that kills may end the child; it was executed all the same.
        made += u64::from(status.is_ok());
    }
    fs::remove_file(&program).map_err(Failure::file("removing", &program))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn a_rename_flood_leaves_nothing_behind() {
        let folder = Folder::new("flood");
        flood(&folder.options("--kind rename --count 101")).unwrap();
        assert_eq!(fs::read_dir(folder.0.join("victims")).unwrap().count(), 0);
        assert!(flood(&folder.options("--kind fork --count 1")).is_err());
    }
}
