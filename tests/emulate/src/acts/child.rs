//! Children: a deed in a process of its own, whose failure comes back with what the kernel said.

use std::io::{self, PipeReader, Read as _, Write as _};

use crate::sys::process::{self, Status};

/// How a child ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its deed was refused.
    Refused(io::Error),
}

/// A child at work. Who drops it without waiting leaves a zombie until this process ends.
#[derive(Debug)]
pub(super) struct Child {
    /// Its process id.
    pub(super) pid: i32,
    /// Where the number of an error comes from; empty when the deed was done, or a program was started.
    refusal: PipeReader,
}

impl Child {
    /// Does `deed` in a child; what it returns is the child's exit code. Does not return in the child.
    pub(super) fn start(deed: impl FnOnce() -> io::Result<i32>) -> io::Result<Self> {
        let (refusal, mut teller) = io::pipe()?;
        if let Some(pid) = process::fork()? {
            return Ok(Self { pid, refusal });
        }
        drop(refusal);
        let code = deed().unwrap_or_else(|error| {
            // Both ends of the pipe close when a program is started or the process ends.
            let _ = teller.write_all(&error.raw_os_error().unwrap_or(libc::EIO).to_le_bytes());
            125
        });
        process::leave(code)
    }

    /// Waits until it has ended.
    pub(super) fn wait(mut self) -> io::Result<End> {
        let status = process::wait(self.pid)?;
        Ok(match status {
            Status::Signal(signal) | Status::Stopped(signal) => End::Signal(signal),
            Status::Code(code) => {
                let mut number = [0; 4];
                // A grandchild may keep the pipe open, but only a child that failed writes to it, and it has ended.
                if code == 125 && self.refusal.read_exact(&mut number).is_ok() {
                    End::Refused(io::Error::from_raw_os_error(i32::from_le_bytes(number)))
                } else {
                    End::Code(code)
                }
            }
        })
    }

    /// Ends it and waits.
    pub(super) fn end(self) -> io::Result<End> {
        process::kill(self.pid, libc::SIGKILL)?;
        self.wait()
    }
}

/// Does `deed` in a child and waits for it.
pub(super) fn in_child(deed: impl FnOnce() -> io::Result<i32>) -> io::Result<(i32, End)> {
    let child = Child::start(deed)?;
    let pid = child.pid;
    Ok((pid, child.wait()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_signals_and_refusals_come_back() {
        assert!(matches!(in_child(|| Ok(7)).unwrap().1, End::Code(7)));
        let refused = in_child(|| Err(io::Error::from_raw_os_error(libc::ENOEXEC))).unwrap().1;
        assert!(matches!(refused, End::Refused(error) if error.raw_os_error() == Some(libc::ENOEXEC)));
        let sleeper = Child::start(|| {
            std::thread::sleep(std::time::Duration::from_secs(60));
            Ok(0)
        });
        assert!(matches!(sleeper.unwrap().end().unwrap(), End::Signal(libc::SIGKILL)));
    }
}
