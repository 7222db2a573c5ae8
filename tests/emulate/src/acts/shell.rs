//! `shell_on_socket`: interpreters that take their commands from the network, in every way a descriptor gets to its
//! place; beside them, shells on a terminal, on pipes, and on a pair of local sockets.
//!
//! The other side is this process: it has the shell answer a sum and end with a code of its own, which shows that the
//! shell has read from there.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::Act;
use super::child::{Child, End, in_child};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::socket::{Way, place};
use crate::sys::{c_text, file, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "shell_on_socket.dup2",
        "[--shell F]",
        "connects, dup2 to 0, 1, 2, starts a shell",
        |options, tally| reverse(options, tally, |socket, shell| on(socket.as_fd(), shell, Way::Dup2)),
    ),
    Act::attack("shell_on_socket.dup3", "[--shell F]", "the same by dup3", |options, tally| {
        reverse(options, tally, |socket, shell| on(socket.as_fd(), shell, Way::Dup3))
    }),
    Act::attack("shell_on_socket.fcntl", "[--shell F]", "the same by close and fcntl", |options, tally| {
        reverse(options, tally, |socket, shell| on(socket.as_fd(), shell, Way::Fcntl))
    }),
    Act::attack(
        "shell_on_socket.inherit",
        "[--shell F]",
        "a parent on the socket, a child starts the shell",
        |options, tally| reverse(options, tally, inherit),
    ),
    Act::attack(
        "shell_on_socket.relay",
        "[--shell F]",
        "a shell on pipes, relayed to a socket",
        |options, tally| reverse(options, tally, relay),
    ),
    Act::attack("shell_on_socket.bind", "[--shell F]", "accepts, dup2 to 0, 1, 2, starts a shell", bind),
    Act::benign("shell_on_socket.benign_pty", "[--shell F]", "a shell on a terminal", pty),
    Act::benign("shell_on_socket.benign_pipe", "[--shell F]", "a shell on pipes", pipes),
    Act::benign("shell_on_socket.benign_socketpair", "[--shell F]", "a shell on a local socket pair", pair),
];

/// What the other side says (the shell stays a second, as one that somebody types to does), and what it wants to hear and see.
const ORDERS: (&[u8], &[u8], i32) = (b"echo edge-$((40+2))\nsleep 1\nexit 7\n", b"edge-42", 7);

/// What failed when a shell does not start.
const STARTING: &str = "starting a shell";

/// A child connects to this process and starts a shell as `how` says.
fn reverse(
    options: &Options,
    tally: &mut Tally,
    how: fn(TcpStream, &str) -> io::Result<i32>,
) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::peer("no listener"))?;
    let address = listener.local_addr().map_err(Failure::peer("no listener"))?;
    let child = Child::start(|| how(TcpStream::connect(address)?, shell));
    let child = child.map_err(Failure::kernel("making a child"))?;
    // Were the child killed before it connects, nobody would come.
    let other = accept_while_alive(&listener, &child).map_err(Failure::peer("nobody connected"))?;
    converse(tally, child, other)
}

/// A child listens; this process connects; the child starts a shell.
fn bind(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let (mut port, teller) = io::pipe().map_err(Failure::kernel("making a pipe"))?;
    let child = Child::start(move || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut teller = teller;
        teller.write_all(&listener.local_addr()?.port().to_le_bytes())?;
        on(listener.accept()?.0.as_fd(), shell, Way::Dup2)
    });
    let child = child.map_err(Failure::kernel("making a child"))?;
    let mut number = [0; 2];
    let told = port.read_exact(&mut number);
    let other =
        told.and_then(|()| TcpStream::connect((Ipv4Addr::LOCALHOST, u16::from_le_bytes(number)))).ok();
    converse(tally, child, other)
}

/// A shell on a pseudo terminal, as a login has it.
fn pty(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let (master, slave) = file::open_terminal().map_err(Failure::kernel("opening a terminal"))?;
    let child = Child::start(|| {
        process::new_session()?;
        let slave = OpenOptions::new().read(true).write(true).open(&slave)?;
        on(slave.as_fd(), shell, Way::Dup2)
    });
    converse(tally, child.map_err(Failure::kernel("making a child"))?, Some(master))
}

/// A shell on two pipes, as a script's `|` makes it.
fn pipes(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let make = || Ok::<_, io::Error>((io::pipe()?, io::pipe()?));
    let ((orders, boss), (listener, answers)) = make().map_err(Failure::kernel("making pipes"))?;
    let child = Child::start(|| {
        place(orders.as_fd(), 0, Way::Dup2)?;
        place(answers.as_fd(), 1, Way::Dup2)?;
        start(shell)
    });
    let child = child.map_err(Failure::kernel("making a child"))?;
    drop((orders, answers));
    converse(tally, child, Some(Both(listener, boss)))
}

/// A shell on a socket that no network reaches, as a service manager uses them.
fn pair(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let (here, there) = UnixStream::pair().map_err(Failure::kernel("making a socket pair"))?;
    let child = Child::start(|| on(there.as_fd(), shell, Way::Dup2));
    let child = child.map_err(Failure::kernel("making a child"))?;
    drop(there);
    converse(tally, child, Some(here))
}

/// Puts a descriptor at 0, 1 and 2 and becomes a shell.
fn on(fd: BorrowedFd<'_>, shell: &str, way: Way) -> io::Result<i32> {
    for standard in 0..=2 {
        place(fd, standard, way)?;
    }
    start(shell)
}

/// Becomes a shell.
fn start(shell: &str) -> io::Result<i32> {
    Err(process::exec(&c_text(shell)?, &[c"sh".to_owned()]))
}

/// Gets onto the socket, and lets a child become the shell, which moves no descriptor.
fn inherit(socket: TcpStream, shell: &str) -> io::Result<i32> {
    for standard in 0..=2 {
        place(socket.as_fd(), standard, Way::Dup2)?;
    }
    drop(socket);
    code(in_child(|| start(shell))?.1)
}

/// Carries bytes between a socket and a shell that has only pipes.
fn relay(mut socket: TcpStream, shell: &str) -> io::Result<i32> {
    let ((orders, mut boss), (mut listener, answers)) = (io::pipe()?, io::pipe()?);
    let child = Child::start(|| {
        place(orders.as_fd(), 0, Way::Dup2)?;
        place(answers.as_fd(), 1, Way::Dup2)?;
        place(answers.as_fd(), 2, Way::Dup2)?;
        start(shell)
    })?;
    drop((orders, answers));
    let mut bytes = [0; 256];
    let count = socket.read(&mut bytes)?;
    boss.write_all(bytes.get(..count).unwrap_or_default())?;
    drop(boss);
    io::copy(&mut listener, &mut socket)?;
    code(child.wait()?)
}

/// The exit code with which the middle of a chain passes on how the end of it ended.
fn code(end: End) -> io::Result<i32> {
    match end {
        End::Code(code) => Ok(code),
        End::Signal(signal) => Ok(128 + signal),
        End::Refused(error) => Err(error),
    }
}

/// Gives orders, reads the answer to its end, and counts how it went.
fn converse(
    tally: &mut Tally,
    child: Child,
    other: Option<impl io::Read + io::Write>,
) -> Result<(), Failure> {
    let (orders, wanted, code) = ORDERS;
    let mut heard = Vec::new();
    if let Some(mut other) = other {
        // A shell that is killed hangs up, and a terminal's last read fails: what counts is what was heard.
        let _ = other.write_all(orders).and_then(|()| other.flush());
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = other.read(&mut bytes) {
            heard.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
    }
    tally.actor(child.pid);
    tally.add("answered", heard.windows(wanted.len()).any(|part| part == wanted).into());
    match child.wait().map_err(Failure::kernel("waiting for a shell"))? {
        End::Code(found) if found == code => tally.end(STARTING, End::Code(0)),
        End::Code(137) => tally.end(STARTING, End::Signal(libc::SIGKILL)),
        end => tally.end(STARTING, end),
    }
}

/// Waits for the child to connect; nothing when it ends before.
fn accept_while_alive(listener: &TcpListener, child: &Child) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    while process::is_running(child.pid)? {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(Some(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Two pipes as one stream.
struct Both(io::PipeReader, io::PipeWriter);

impl io::Read for Both {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl io::Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_obeys_the_other_side() {
        for act in ACTS {
            let mut tally = Tally::default();
            (act.run)(&Options::default(), &mut tally).unwrap();
            assert_eq!((tally.count("answered"), tally.count("done")), (1, 1), "{}", act.name);
        }
    }
}
