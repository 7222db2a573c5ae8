//! Opening a TCP connection without blocking.

use super::{Io, timeout};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Connects to `address` within `limit`, with Nagle's delay off: a verdict is one small write and should leave at once.
///
/// # Errors
/// What the network says, or `TimedOut` after `limit`.
pub async fn connect(address: SocketAddr, limit: Duration) -> io::Result<Io<TcpStream>> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    // std can only connect blocking.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = Io::new(TcpStream::from(socket))?;
    timeout(limit, stream.writable()).await??;
    if let Some(error) = stream.get_ref().take_error()? {
        return Err(error);
    }
    stream.get_ref().set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::super::block_on;
    use super::*;
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    use std::io::{Read, Write};
    use std::net::TcpListener;

    const LIMIT: Duration = Duration::from_secs(5);

    #[test]
    fn bytes_go_both_ways_and_an_end_is_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut five = [0; 5];
            stream.read_exact(&mut five).unwrap();
            stream.write_all(&five).unwrap();
        });
        block_on(async {
            let mut stream = connect(address, LIMIT).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            let mut back = Vec::new();
            stream.read_to_end(&mut back).await.unwrap();
            assert_eq!(back, b"hello");
        })
        .unwrap();
        peer.join().unwrap();
    }

    #[test]
    fn a_refusal_is_reported_as_one() {
        // Bound, never listening: connecting to it is refused at once, and nobody else can take the port meanwhile.
        let holder =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::bind(&holder, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
        let address = TcpStream::from(holder);
        let target = address.local_addr().unwrap();
        let outcome = block_on(connect(target, LIMIT)).unwrap();
        assert_eq!(outcome.err().map(|error| error.kind()), Some(io::ErrorKind::ConnectionRefused));
    }
}
