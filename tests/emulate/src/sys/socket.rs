//! Sockets that std does not make, and descriptors moved to other numbers.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};

use super::{check, owned};

/// A new socket.
pub(crate) fn socket(family: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: only numbers are passed.
    owned(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })
}

/// An IPv4 address as the kernel has it.
pub(crate) fn kernel_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// Connects from an address of this machine's own choice.
pub(crate) fn connect_from(source: SocketAddrV4, destination: SocketAddrV4) -> io::Result<OwnedFd> {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let (source, destination) = (kernel_address(source), kernel_address(destination));
    let len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is alive and as long as said.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const source).cast(), len) })?;
    // SAFETY: as above.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const destination).cast(), len) })?;
    Ok(socket)
}

/// Sends a datagram, or a packet whose headers the caller made.
pub(crate) fn send_to(socket: BorrowedFd<'_>, bytes: &[u8], destination: SocketAddrV4) -> io::Result<()> {
    let destination = kernel_address(destination);
    let len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: bytes and address are alive and as long as said.
    let answer = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            0,
            (&raw const destination).cast(),
            len,
        )
    };
    check(answer as i64).map(drop)
}

/// Sends on a socket that knows where to.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the bytes are alive and as many as said.
    let answer = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    check(answer as i64).map(drop)
}

/// Receives at most as many bytes as there is room for.
pub(crate) fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`.
    let answer = unsafe { libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    Ok(usize::try_from(check(answer as i64)?).unwrap_or_default())
}

/// Attaches the classic filter `return 0`, which wakes nobody.
pub(crate) fn attach_filter(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut refuse_all = libc::sock_filter { code: 6, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut refuse_all };
    let len = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: the program names one instruction, which is alive; the kernel copies it.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            len,
        )
    };
    check(answer).map(drop)
}

/// Sets an option of a socket to bytes of the caller's choice, without addresses in them.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    value: &[u8],
) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: the kernel reads `len` bytes of `value`.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), len) };
    check(answer).map(drop)
}

/// Binds a CAN socket to an interface.
pub(crate) fn bind_can(socket: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    let address = MaybeUninit::<libc::sockaddr_can>::zeroed();
    // SAFETY: zeros are a valid address of this kind.
    let mut address = unsafe { address.assume_init() };
    address.can_family = libc::AF_CAN as libc::sa_family_t;
    address.can_ifindex = interface.cast_signed();
    let len = size_of::<libc::sockaddr_can>() as libc::socklen_t;
    // SAFETY: the address is alive and as long as said.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) }).map(drop)
}

/// The number of a network interface.
pub(crate) fn interface(name: &std::ffi::CStr) -> io::Result<u32> {
    // SAFETY: the name is zero-terminated and alive.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 { Err(io::Error::last_os_error()) } else { Ok(index) }
}

/// How a descriptor gets to another number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// `dup2`, or what the C library makes of it.
    Dup2,
    /// `dup3`, called as such.
    Dup3,
    /// `close` and `fcntl(F_DUPFD)`.
    Fcntl,
}

/// Makes one of the three standard descriptors mean the same as `from`.
pub(crate) fn place(from: BorrowedFd<'_>, standard: RawFd, way: Way) -> io::Result<()> {
    if !(0..=2).contains(&standard) || (0..=2).contains(&from.as_raw_fd()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let from = from.as_raw_fd();
    let answer = match way {
        // SAFETY: the descriptor is open, and 0 to 2 belong to nobody who would miss them.
        Way::Dup2 => check(unsafe { libc::dup2(from, standard) }),
        // SAFETY: as above.
        Way::Dup3 => check(unsafe { libc::syscall(libc::SYS_dup3, from, standard, 0) }),
        Way::Fcntl => {
            // SAFETY: as above; that it was closed already does not matter.
            let _ = unsafe { libc::close(standard) };
            // SAFETY: the descriptor is open; the lowest free number from `standard` up is taken.
            check(unsafe { libc::fcntl(from, libc::F_DUPFD, standard) })
        }
    }?;
    if answer == i64::from(standard) { Ok(()) } else { Err(io::ErrorKind::AddrInUse.into()) }
}

/// Makes an event loop with one event that is due, and waits for it.
pub(crate) fn wait_for_events() -> io::Result<()> {
    let (_reader, writer) = io::pipe()?;
    // SAFETY: only numbers are passed.
    let events = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    let mut event = libc::epoll_event { events: libc::EPOLLOUT.cast_unsigned(), u64: 1 };
    let (loop_fd, fd) = (events.as_raw_fd(), writer.as_raw_fd());
    // SAFETY: the event is alive; the kernel copies it.
    check(unsafe { libc::epoll_ctl(loop_fd, libc::EPOLL_CTL_ADD, fd, &raw mut event) })?;
    // SAFETY: the kernel writes at most one event, for which there is room.
    check(unsafe { libc::epoll_wait(loop_fd, &raw mut event, 1, 1000) }).map(drop)
}
