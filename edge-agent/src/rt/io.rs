//! A descriptor that tasks can wait for.

use super::reactor::{self, Direction, fd_of};
use futures_lite::future::poll_fn;
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A non-blocking descriptor registered with this thread's reactor.
///
/// At most one task may wait for reading and one for writing; a second one in the same direction replaces the first.
/// The caller makes the descriptor non-blocking. It must not be replaced through [`get_mut`](Self::get_mut).
pub struct Io<T: AsFd> {
    /// The owner of the descriptor.
    inner: T,
    /// Its place in the reactor's table.
    slot: usize,
}

impl<T: AsFd> Io<T> {
    /// Registers the descriptor of `inner`.
    ///
    /// # Errors
    /// When the table is full, the thread has no runtime, or epoll cannot watch this kind of descriptor.
    pub fn new(inner: T) -> io::Result<Self> {
        let slot = reactor::add(fd_of(&inner))?;
        Ok(Self { inner, slot })
    }

    /// The owner of the descriptor.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The owner of the descriptor, for draining it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Waits until reading may succeed. It may end early: read, and wait again on `WouldBlock`.
    ///
    /// # Errors
    /// When epoll refuses, or the runtime is gone.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_ready(Direction::Read, context)).await
    }

    /// Waits until writing may succeed, or a connection attempt has ended. It may end early.
    ///
    /// # Errors
    /// When epoll refuses, or the runtime is gone.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_ready(Direction::Write, context)).await
    }

    /// Ready once per event.
    fn poll_ready(&self, direction: Direction, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        reactor::poll_ready(self.slot, direction, fd_of(&self.inner), context)
    }

    /// Tries `operation` until it does anything but block.
    fn poll_with<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            match operation(&self.inner) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.poll_ready(direction, context))?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<T: AsFd> Drop for Io<T> {
    fn drop(&mut self) {
        reactor::remove(self.slot, fd_of(&self.inner));
    }
}

impl<T> AsyncRead for Io<T>
where
    T: AsFd + Unpin,
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(Direction::Read, context, |mut inner| inner.read(buffer))
    }
}

impl AsyncWrite for Io<TcpStream> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(Direction::Write, context, |mut inner| inner.write(buffer))
    }

    /// Nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.inner.shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtError, Runtime, SOURCES, block_on, sleep, timeout, wakeups};
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn pair() -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        (near, far)
    }

    #[test]
    fn a_silent_descriptor_wakes_nobody_and_a_byte_wakes_once() {
        block_on(async {
            let (near, mut far) = pair();
            let io = Io::new(near).unwrap();
            let before = wakeups();
            assert!(timeout(Duration::from_millis(60), io.readable()).await.is_err());
            assert_eq!(wakeups() - before, 1, "the timer, and nothing else");
            far.write_all(b"x").unwrap();
            io.readable().await.unwrap();
            assert_eq!(wakeups() - before, 2);
            // The byte is still unread: a level-triggered reactor would spin here.
            sleep(Duration::from_millis(60)).await.unwrap();
            assert_eq!(wakeups() - before, 3);
        })
        .unwrap();
    }

    #[test]
    fn both_directions_wait_at_the_same_time() {
        let runtime = Runtime::new().unwrap();
        let (near, mut far) = pair();
        let io = Io::new(near).unwrap();
        runtime
            .block_on(async {
                let read = async { io.readable().await.unwrap() };
                let write = async {
                    io.writable().await.unwrap();
                    far.write_all(b"x").unwrap();
                };
                futures_lite::future::zip(read, write).await
            })
            .unwrap();
    }

    #[test]
    fn the_table_is_bounded_and_slots_return() {
        let _runtime = Runtime::new().unwrap();
        let mut held = Vec::new();
        for _ in 0..SOURCES {
            held.push(Io::new(pair().0).unwrap());
        }
        let refused = Io::new(pair().0).err().map(|error| error.to_string());
        assert_eq!(refused, Some(RtError::SourcesFull.to_string()));
        held.pop();
        assert!(Io::new(pair().0).is_ok());
    }

    #[test]
    fn without_a_runtime_there_is_an_error() {
        let refused = Io::new(pair().0).err().map(|error| error.to_string());
        assert_eq!(refused, Some(RtError::NoRuntime.to_string()));
    }
}
