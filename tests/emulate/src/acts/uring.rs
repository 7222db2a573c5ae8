//! `uring_use`: a ring set up, and deeds done by it instead of by calls of their own; beside it, an event loop.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd as _;

use super::Act;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::c_text;
use crate::sys::ring::Ring;
use crate::sys::socket::{socket, wait_for_events};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("uring_use.nop", "", "sets a ring up and asks for nothing", |_, tally| {
        with_ring(tally, "asking for nothing", &[], Ring::nop)
    }),
    Act::attack("uring_use.open", "--path F", "opens F for reading by a ring", |options, tally| {
        let path = c_text(options.path("path")?).map_err(Failure::kernel("naming the file"))?;
        with_ring(tally, "opening by a ring", &[], |ring| ring.open(&path, libc::O_RDONLY).map(drop))
    }),
    Act::attack(
        "uring_use.connect",
        "[--port 23] [--hosts 1]",
        "connects to loopback hosts by a ring",
        connect,
    ),
    Act::attack(
        "uring_use.rename",
        "--dir D",
        "renames a file of its own by a ring (5.11)",
        |options, tally| {
            let (from, to) =
                (options.path("dir")?.join("edge-ring"), options.path("dir")?.join("edge-ring.locked"));
            fs::write(&from, "").map_err(Failure::file("writing", &from))?;
            let names = c_text(&from).and_then(|old| Ok((old, c_text(&to)?)));
            let (old, new) = names.map_err(Failure::kernel("naming the file"))?;
            let done = with_ring(tally, "renaming by a ring", &[], |ring| ring.rename(&old, &new));
            let left = if to.exists() { to } else { from };
            fs::remove_file(&left).map_err(Failure::file("removing", &left))?;
            done
        },
    ),
    Act::attack(
        "uring_use.unlink",
        "--dir D",
        "unlinks a file of its own by a ring (5.11)",
        |options, tally| {
            let path = options.path("dir")?.join("edge-ring");
            fs::write(&path, "").map_err(Failure::file("writing", &path))?;
            let name = c_text(&path).map_err(Failure::kernel("naming the file"))?;
            let done = with_ring(tally, "unlinking by a ring", &[], |ring| ring.unlink(&name));
            if path.exists() {
                fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
            }
            done
        },
    ),
    Act::benign("uring_use.benign_epoll", "", "waits for events with epoll", |_, tally| {
        tally.deed("waiting for events", wait_for_events()).map(drop)
    }),
];

/// Sets a ring up and does a deed by it.
fn with_ring(
    tally: &mut Tally,
    action: &'static str,
    expected: &[i32],
    deed: impl FnOnce(&mut Ring) -> io::Result<()>,
) -> Result<(), Failure> {
    if let Some(mut ring) = tally.deed("setting up a ring", Ring::new())? {
        let done = deed(&mut ring).map_err(|error| unknown(&error));
        tally.futile(action, expected, done)?;
    }
    Ok(())
}

/// A ring answers "invalid" to an operation that its kernel does not know yet; none of the requests here is invalid
/// otherwise.
pub(super) fn unknown(error: &io::Error) -> io::Error {
    let number = error.raw_os_error().unwrap_or(libc::EIO);
    io::Error::from_raw_os_error(if number == libc::EINVAL { libc::ENOSYS } else { number })
}

/// Connects by a ring to hosts at which mostly nobody listens.
fn connect(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let (port, hosts) = (options.value_or("port", 23)?, options.value_or("hosts", 1_u8)?);
    let Some(mut ring) = tally.deed("setting up a ring", Ring::new())? else { return Ok(()) };
    for host in 1..=hosts {
        let socket =
            socket(libc::AF_INET, libc::SOCK_STREAM, 0).map_err(Failure::kernel("opening a socket"))?;
        let to = SocketAddrV4::new(Ipv4Addr::new(127, 0, 9, host), port);
        let done = ring.connect(socket.as_fd(), to).map_err(|error| unknown(&error));
        tally.futile("connecting by a ring", &[libc::ECONNREFUSED], done)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn a_ring_does_what_it_is_asked_where_there_are_rings() {
        let folder = Folder::new("uring");
        fs::create_dir(folder.0.join("victims")).unwrap();
        let options = folder.options(&format!("--path {}", folder.0.display()));
        for act in ACTS {
            let mut tally = Tally::default();
            match (act.run)(&options, &mut tally) {
                Err(Failure::Unsupported { .. }) => {}
                done => {
                    done.unwrap();
                    let counted = ["done", "refused", "denied"].map(|name| tally.count(name));
                    assert_ne!(counted, [0; 3], "{}", act.name);
                }
            }
        }
        assert_eq!(fs::read_dir(folder.0.join("victims")).unwrap().count(), 0);
    }
}
