//! Floods: as many events of one kind as the machine can make, to see what the agent does when it cannot keep up.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{tiny, try_connect};
use crate::acts;
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use crate::sys::file;

/// Makes `--count` events of `--kind`.
pub(crate) fn flood(options: &Options) -> Result<Report, Failure> {
    let count = options.value("count")?;
    let kind = options.required("kind")?;
    let dir = options.path("dir");
    if let Ok(dir) = &dir {
        fs::create_dir_all(dir).map_err(Failure::file("creating", dir))?;
    }
    let report = Report::start("flood");
    let events = match kind {
        "rename" => renames(&dir?, count)?,
        "connect" => connects(count),
        "exec" => executions(&dir?, options, count, false)?,
        "exec-distinct" => executions(&dir?, options, count, true)?,
        "memfd" => in_memory(count)?,
        "act" => acts::again(options, count)?,
        _ => return Err(Failure::Usage(format!("option --kind does not take `{kind}`"))),
    };
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

/// Executes a tiny program called `--name` from the folder, each time under another name when `distinct`, with a socket for its
/// standard input if `--socket`; counts the executions that succeeded.
fn executions(dir: &Path, options: &Options, count: u64, distinct: bool) -> Result<u64, Failure> {
    let mut program = dir.join(options.text("name").unwrap_or("edge-flood"));
    fs::write(&program, tiny::program()).map_err(Failure::file("writing", &program))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .map_err(Failure::file("marking executable", &program))?;
    let pair = if options.flag("socket") {
        Some(connected().map_err(Failure::peer("no connection"))?)
    } else {
        None
    };
    let mut made = 0;
    for index in 0..count {
        if distinct {
            let next = dir.join(format!("edge-flood-{index}"));
            fs::rename(&program, &next).map_err(Failure::file("renaming", &program))?;
            program = next;
        }
        let input = match &pair {
            Some((here, _)) => {
                OwnedFd::from(here.try_clone().map_err(Failure::peer("no more sockets"))?).into()
            }
            None => Stdio::null(),
        };
        let status = Command::new(&program).stdin(input).status();
        // An agent that kills may end the child; it was executed all the same.
        made += u64::from(status.is_ok());
    }
    fs::remove_file(&program).map_err(Failure::file("removing", &program))?;
    Ok(made)
}

/// Both ends of a connection of this machine with itself.
fn connected() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    Ok((here, listener.accept()?.0))
}

/// Executes a tiny program that is in memory only, by its descriptor.
fn in_memory(count: u64) -> Result<u64, Failure> {
    let mut program = file::in_memory(c"edge-flood").map_err(Failure::kernel("making a file in memory"))?;
    program.write_all(&tiny::program()).map_err(Failure::kernel("writing to memory"))?;
    // A file that somebody has open for writing is not executed.
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let open = fs::File::open(&path).map_err(Failure::file("opening", Path::new(&path)))?;
    drop(program);
    let path = format!("/proc/self/fd/{}", open.as_raw_fd());
    let mut made = 0;
    for _ in 0..count {
        made += u64::from(Command::new(&path).stdin(Stdio::null()).status().is_ok());
    }
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

    #[test]
    fn every_execution_and_every_act_of_a_flood_is_counted() {
        let folder = Folder::new("flood-kinds");
        for kind in ["memfd", "exec --name sh --socket", "exec-distinct", "act --act raw_socket.benign_udp"] {
            let report = flood(&folder.options(&format!("--count 3 --kind {kind}"))).unwrap();
            assert!(report.finish(0).contains(r#""events":3"#), "{kind}");
        }
        assert!(flood(&folder.options("--count 3 --kind act --act none.such")).is_err());
    }
}
