//! Signals as bytes to read, through signalfd: no handler, hence no code that must be async-signal-safe.

use super::Io;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

/// Size of the kernel's `struct signalfd_siginfo`, by its ABI.
const SIGINFO_BYTES: usize = 128;

/// The signals a service is told things by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read the configuration again.
    Hangup,
    /// SIGINT: end, said from a terminal.
    Interrupt,
    /// SIGUSR1: write what happened lately into the log.
    Recall,
    /// SIGTERM: end, said by the service manager.
    Terminate,
}

impl Signal {
    /// All of them, with their numbers.
    const ALL: [(Self, i32); 4] = [
        (Self::Hangup, libc::SIGHUP),
        (Self::Interrupt, libc::SIGINT),
        (Self::Recall, libc::SIGUSR1),
        (Self::Terminate, libc::SIGTERM),
    ];
}

/// Receives SIGHUP, SIGINT, SIGTERM and SIGUSR1.
///
/// Creating it blocks their default effect in the calling thread and in threads started later; that stays so after it is
/// dropped, since a signal that arrives during shutdown must not kill what is just ending cleanly.
pub struct Signals {
    /// The signalfd.
    io: Io<File>,
}

impl Signals {
    /// Blocks the signals and opens the descriptor. Call it before anything starts a thread.
    ///
    /// # Errors
    /// When the kernel refuses the descriptor, or the reactor has no room.
    pub fn new() -> io::Result<Self> {
        Ok(Self { io: Io::new(File::from(open()?))? })
    }

    /// Waits for the next signal. Several of the same kind may arrive as one.
    ///
    /// # Errors
    /// When the descriptor fails, which it does not in practice.
    pub async fn next(&mut self) -> io::Result<Signal> {
        loop {
            let mut info = [0u8; SIGINFO_BYTES];
            match self.io.get_mut().read(&mut info) {
                Ok(SIGINFO_BYTES) => {
                    // The signal number is the first field, `__u32 ssi_signo`.
                    let number = info.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
                    let known = Signal::ALL.iter().find(|(_, value)| u32::try_from(*value) == Ok(number));
                    if let Some((signal, _)) = known {
                        return Ok(*signal);
                    }
                }
                Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.io.readable().await?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The set of [`Signal::ALL`], blocked in this thread, as a non-blocking signalfd.
fn open() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: needed because only libc knows the layout of `sigset_t`. The pointer is valid for a whole one.
    check(unsafe { libc::sigemptyset(set.as_mut_ptr()) })?;
    for (_, number) in Signal::ALL {
        // SAFETY: needed as above. The set was initialised by `sigemptyset`, the number is a valid signal.
        check(unsafe { libc::sigaddset(set.as_mut_ptr(), number) })?;
    }
    // SAFETY: needed because std has no signal masks. The set is initialised; a null pointer means the old mask is not
    // wanted. Blocking these signals breaks no invariant of std.
    let refused = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
    if refused != 0 {
        return Err(io::Error::from_raw_os_error(refused));
    }
    // SAFETY: needed because neither std nor rustix opens a signalfd. -1 asks for a new descriptor; the set is initialised
    // and only read.
    let fd = unsafe { libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(fd)?;
    // SAFETY: needed to own the descriptor. signalfd(2) just returned it, so nobody else owns or closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Turns the C convention of -1 into an error.
fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::block_on;
    use super::*;

    /// Sends a signal to this thread only; the other threads of the test harness do not block it.
    fn raise(number: i32) {
        // SAFETY: names the calling thread, which exists.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: the thread is alive and the number valid.
        assert_eq!(unsafe { libc::pthread_kill(this, number) }, 0);
    }

    #[test]
    fn each_signal_arrives_as_itself() {
        block_on(async {
            let mut signals = Signals::new().unwrap();
            for (signal, number) in Signal::ALL {
                raise(number);
                assert_eq!(signals.next().await.unwrap(), signal);
            }
            assert!(futures_lite::future::poll_once(signals.next()).await.is_none());
        })
        .unwrap();
    }
}
