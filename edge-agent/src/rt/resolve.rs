//! Host names to addresses without stalling the loop.
//!
//! An address literal costs nothing. A name needs the C library's resolver, which blocks for seconds when the network is
//! down, so it runs on a thread of its own: the only second thread of the agent, present only while a name is being
//! resolved. It hands its answer over by ending.

use super::Io;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Addresses tried per name; a broker behind more than these is reached through the first ones.
const ADDRESSES: usize = 4;

/// Stack of the thread: `getaddrinfo` of musl needs about 16 KB of it, glibc with its modules more. Untouched pages
/// cost nothing.
const STACK_BYTES: usize = 128 * 1024;

/// What a name resolved to, in the resolver's order.
pub type Addresses = heapless::Vec<SocketAddr, ADDRESSES>;

/// A resolution is under way. A second one is refused rather than queued: threads stuck on a dead name server must not
/// pile up.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Holds [`BUSY`] until dropped.
struct Claim;

impl Claim {
    /// Succeeds for one holder at a time.
    fn take() -> io::Result<Self> {
        if BUSY.swap(true, Ordering::AcqRel) { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(Self) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        BUSY.store(false, Ordering::Release);
    }
}

/// The addresses of `host`, at most four.
///
/// Dropping the future leaves the thread to end by itself, as late as the C library's own timeout.
///
/// # Errors
/// `ResourceBusy` while an earlier resolution has not ended, `NotFound` when a name has no address, and what the
/// resolver, the thread or the reactor report.
pub async fn resolve(host: &str, port: u16) -> io::Result<Addresses> {
    // Brackets around an IPv6 literal are accepted, since that is how people copy it.
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Addresses::from_iter([SocketAddr::new(ip, port)]));
    }
    let claim = Claim::take()?;
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    let near = Io::new(near)?;
    let name = host.to_owned();
    let helper =
        thread::Builder::new().name("resolve".to_owned()).stack_size(STACK_BYTES).spawn(move || {
            let answer = look_up(&name, port);
            drop(claim);
            // Closing this end is what wakes the loop; nothing is ever written.
            drop(far);
            answer
        })?;
    near.readable().await?;
    // The thread has done its work; this waits for its last instructions only.
    helper.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// Asks the C library; blocks.
fn look_up(name: &str, port: u16) -> io::Result<Addresses> {
    let found: Addresses = (name, port).to_socket_addrs()?.take(ADDRESSES).collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::super::{block_on, wakeups};
    use super::*;
    use futures_lite::future::poll_once;

    #[test]
    fn a_literal_needs_no_thread() {
        block_on(async {
            assert_eq!(
                resolve("127.0.0.1", 1883).await.unwrap().as_slice(),
                ["127.0.0.1:1883".parse().unwrap()]
            );
            assert_eq!(resolve("::1", 8883).await.unwrap().as_slice(), ["[::1]:8883".parse().unwrap()]);
            assert_eq!(resolve("[::1]", 1).await.unwrap().as_slice(), ["[::1]:1".parse().unwrap()]);
            assert_eq!(wakeups(), 0);
        })
        .unwrap();
    }

    #[test]
    fn a_name_resolves_on_one_thread_at_a_time() {
        block_on(async {
            let mut first = Box::pin(resolve("localhost", 1883));
            assert!(poll_once(&mut first).await.is_none(), "the answer comes through the reactor");
            assert!(first.await.unwrap().iter().all(|address| address.ip().is_loopback()));
            let held = Claim::take().unwrap();
            let refused = resolve("localhost", 1883).await.map_err(|error| error.kind());
            assert_eq!(refused, Err(io::ErrorKind::ResourceBusy));
            drop(held);
            assert!(resolve("localhost", 1883).await.is_ok());
        })
        .unwrap();
    }
}
