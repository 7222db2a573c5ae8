//! The operations that can be measured.

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What one `write` writes, in bytes: a line of a log.
const LINE: [u8; 64] = [b'x'; 64];
/// The port that `connect` names, `discard`: connecting a datagram socket sends nothing.
const PORT: u16 = 9;

/// The operations' names, as `--operation` takes them.
#[cfg(test)]
pub(super) const NAMES: [&str; 6] = ["getpid", "open_close", "write", "rename", "fork_exec", "connect"];

/// An operation with all it needs, so that repeating it does nothing else.
#[derive(Debug)]
pub(super) enum Operation {
    /// Connects a datagram socket to a loopback port: the whole of `connect`, without the network behind it.
    Connect(UdpSocket),
    /// Starts a process with `fork`, lets it execute this program, and waits for its end.
    ForkExec(CString),
    /// Asks for the own process id: a syscall that nobody watches.
    Getpid,
    /// Opens an existing file for reading and closes it.
    OpenClose(PathBuf),
    /// Renames a file to and fro in its directory.
    Rename(PathBuf, PathBuf),
    /// Appends to a file that was emptied before.
    Write(PathBuf),
}

impl Operation {
    /// Makes what the operation called `name` needs, in the folder `dir`; `program` is what `fork_exec` executes.
    pub(super) fn prepare(name: &str, dir: &Path, program: &str) -> Result<Self, Failure> {
        let file = |ending: &str| dir.join(format!("measure.{ending}"));
        let new = |path: PathBuf| {
            fs::write(&path, LINE).map_err(Failure::file("writing", &path))?;
            Ok::<_, Failure>(path)
        };
        Ok(match name {
            "connect" => Self::Connect(
                UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::peer("no datagram socket"))?,
            ),
            "fork_exec" => Self::ForkExec(
                CString::new(program)
                    .map_err(|_| Failure::Usage("option --program holds a zero byte".to_owned()))?,
            ),
            "getpid" => Self::Getpid,
            "open_close" => Self::OpenClose(new(file("a"))?),
            "rename" => Self::Rename(new(file("a"))?, file("b")),
            "write" => Self::Write(new(file("a"))?),
            _ => return Err(Failure::Usage(format!("option --operation does not take `{name}`"))),
        })
    }

    /// Does it `count` times.
    pub(super) fn repeat(&mut self, count: u64) -> Result<(), Failure> {
        match self {
            Self::Connect(socket) => {
                for _ in 0..count {
                    socket
                        .connect((Ipv4Addr::LOCALHOST, PORT))
                        .map_err(Failure::peer("loopback does not connect"))?;
                }
            }
            Self::ForkExec(program) => {
                for _ in 0..count {
                    start(program).map_err(Failure::peer("the program of fork_exec does not start"))?;
                }
            }
            Self::Getpid => {
                for _ in 0..count {
                    std::hint::black_box(std::process::id());
                }
            }
            Self::OpenClose(path) => {
                for _ in 0..count {
                    drop(File::open(&*path).map_err(Failure::file("opening", path))?);
                }
            }
            Self::Rename(here, there) => {
                for _ in 0..count {
                    fs::rename(&*here, &*there).map_err(Failure::file("renaming", here))?;
                    std::mem::swap(here, there);
                }
            }
            Self::Write(path) => {
                let open = OpenOptions::new().write(true).truncate(true).open(&*path);
                let mut file = open.map_err(Failure::file("opening", path))?;
                for _ in 0..count {
                    file.write_all(&LINE).map_err(Failure::file("writing", path))?;
                }
            }
        }
        Ok(())
    }

    /// Removes what was made.
    pub(super) fn clean(self) -> Result<(), Failure> {
        match self {
            Self::Connect(_) | Self::ForkExec(_) | Self::Getpid => Ok(()),
            Self::OpenClose(path) | Self::Rename(path, _) | Self::Write(path) => {
                fs::remove_file(&path).map_err(Failure::file("removing", &path))
            }
        }
    }
}

/// Starts `program` in a child made by `fork`, and waits for its successful end.
///
/// Not with std's `Command`, which makes the child without copying the process, opens a pipe to it and so measures
/// another thing than a shell does.
fn start(program: &CStr) -> io::Result<()> {
    let arguments = [program.as_ptr(), std::ptr::null()];
    // Needed because std has no `fork`.
    // SAFETY: the child only executes and exits, so that no lock held by another thread of this process can stop it.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: all pointers are to zero-terminated strings that live in this frame's arguments; the list ends with null.
        unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
        // SAFETY: ends the child without running the parent's exit handlers; takes a number.
        unsafe { libc::_exit(127) };
    }
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut status = 0;
    // SAFETY: `status` is a valid, writable integer for the duration of the call.
    if unsafe { libc::waitpid(child, &raw mut status, 0) } != child {
        return Err(io::Error::last_os_error());
    }
    if status == 0 { Ok(()) } else { Err(io::Error::other(format!("child ended with status {status:#x}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_fails_is_an_error() {
        start(c"/bin/true").unwrap();
        assert!(start(c"/bin/false").is_err());
        assert!(start(c"/no/such/program").unwrap_err().to_string().contains("0x7f00"));
    }
}
